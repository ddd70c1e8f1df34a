import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority } from '../../test/support/certificates.ts';
import { namesOf, ServerNames } from './server-names.ts';

let authority: Authority;
beforeAll(() => {
  authority = createAuthority();
});
afterAll(() => authority?.remove());

describe('the names of a certificate', () => {
  it('are the DNS names, and neither addresses nor the common name', () => {
    const names = ['MCP.example.com', '*.tools.example.com', '10.0.0.1', '::1'];
    const { x509 } = authority.issue({ names, commonName: 'common.example.com' });
    expect(namesOf(x509)).toEqual(['mcp.example.com', '*.tools.example.com']);
    expect(namesOf(authority.issue({ names: [], commonName: 'common.example.com' }).x509)).toEqual([]);
  });

  it('are never made of what only looks like one', () => {
    const { x509 } = authority.issue({ names: ['a b.example.com', 'fine.example.com'], commonName: 'x' });
    expect(namesOf(x509)).toEqual(['fine.example.com']);
  });
});

describe('a name that is asked for', () => {
  const table = new ServerNames<string>();
  for (const name of ['mcp.example.com', '*.example.com', '*.deep.example.com', 'plain']) table.add(name, name);

  it.each([
    ['mcp.example.com', 'mcp.example.com'],
    ['MCP.Example.COM', 'mcp.example.com'],
    ['other.example.com', '*.example.com'],
    ['x.deep.example.com', '*.deep.example.com'],
    ['deep.example.com', '*.example.com'],
    ['plain', 'plain'],
    ['x.y.example.com', undefined],
    ['example.com', undefined],
    ['.example.com', undefined],
    ['*.example.com', '*.example.com'],
    ['evilexample.com', undefined],
    ['', undefined],
  ])('%s finds %s', (asked, found) => {
    expect(table.find(asked)).toBe(found);
  });

  it('belongs to the first that has it', () => {
    expect(table.add('mcp.example.com', 'second')).toBe(false);
    expect(table.find('mcp.example.com')).toBe('mcp.example.com');
  });
});

import { describe, expect, it } from 'vitest';
import { faultsOf, load } from '../../test/fixtures/config/folder.ts';

const LIST = 'ip_whitelist: [10.0.0.0/8]';
const said = (text: string, env: Record<string, string> = {}) =>
  load(text, { env }).warnings.filter(({ problem }) => problem.includes('names another machine'));

describe('ip_localhost: always', () => {
  const always = (server: string) => `server: { ${server} }\nsecurity: { ${LIST}, ip_localhost: always }\n`;

  it('is doubted where the public URL says that somebody stands in front', () => {
    const [warning] = said(always('public_url: "https://mcp.example.com"'));
    expect(warning).toMatchObject({
      path: 'security.ip_localhost',
      remedy: expect.stringContaining('X-Forwarded-For'),
    });
    const env = { IP_PROTECTION_ENABLED: 'true', IP_ALLOWLIST: '10.0.0.1' };
    expect(said('server: { public_url: "https://mcp.example.com" }\n', env)).toHaveLength(1);
  });

  it('is doubted for one server too', () => {
    const own = `mcps: [{ id: a, transport: stdio, command: node, security: { ${LIST}, ip_localhost: always } }]\n`;
    expect(said(`server: { public_url: "https://mcp.example.com" }\n${own}`)).toMatchObject([
      { path: 'mcps[0].security.ip_localhost' },
    ]);
  });

  it.each([
    ['nobody else is named', always('public_url: "http://localhost:3000"')],
    ['nothing is', always('port: 3000')],
    [
      'every client is announced',
      always('public_url: "https://mcp.example.com", proxy_protocol: required, trust_proxy: 10.0.0.5'),
    ],
    ['peers have no address', always('public_url: "https://mcp.example.com", socket: /run/a.sock, trust_proxy: unix')],
    ['there is no list to pass', 'server: { public_url: "https://a.example" }\nsecurity: { ip_localhost: always }\n'],
    ['it is listed', `server: { public_url: "https://a.example" }\nsecurity: { ${LIST}, ip_localhost: listed }\n`],
  ])('is not where %s', (_, text) => {
    expect(said(text)).toEqual([]);
  });
});

describe('an entry of a list that is none', () => {
  const FORM = /expected an address or a network such as 10\.0\.0\.0\/8, \{ cidr: .* \} or \{ file: .* \}/;
  it.each([
    ['{ ip: 10.0.0.0/8 }', 'security.ip_whitelist[1]', FORM],
    ['10.0', 'security.ip_whitelist[1]', FORM],
    ['[10.0.0.1]', 'security.ip_whitelist[1]', FORM],
    ['{ file: a.txt, cidr: 10.0.0.0/8 }', 'security.ip_whitelist[1].file', /cannot stand beside cidr/],
  ])('%s is told what it should look like', (entry, path, problem) => {
    const [fault, ...more] = faultsOf(`security: { ip_whitelist: [10.0.0.1, ${entry}] }\n`);
    expect(more).toEqual([]);
    expect(fault).toMatchObject({ path, problem: expect.stringMatching(problem) });
  });
});

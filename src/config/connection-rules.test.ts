import { describe, expect, it } from 'vitest';
import { faultsOf, load } from '../../test/fixtures/config/folder.ts';
import { CONNECTION_RULES } from './connection-rules.ts';
import type { Draft } from './rule.ts';
import { applyRules } from './rules.ts';

const REQUIRED = 'server: { proxy_protocol: required';

describe('server.proxy_protocol', () => {
  it.each<[string, object]>([
    ['nobody is trusted', { server: { proxy_protocol: 'required', trust_proxy: false } }],
    ['no hop is', { server: { proxy_protocol: 'required', trust_proxy: '0' } }],
    [
      'an allow list takes trust away',
      { server: { proxy_protocol: 'required' }, security: { ip_whitelist: ['10.0.0.0/8'] } },
    ],
    ['bans take trust away', { server: { proxy_protocol: 'required' }, security: { bans: { enabled: true } } }],
  ])('may not be required where %s, for then every connection would end', (_, draft) => {
    expect(applyRules(CONNECTION_RULES, draft as Draft)).toMatchObject([
      { path: ['server', 'proxy_protocol'], problem: expect.stringContaining('names nobody who may send the header') },
    ]);
  });

  it.each([
    `${REQUIRED} }\n`,
    `${REQUIRED}, trust_proxy: [10.0.0.5] }\n`,
    `${REQUIRED}, trust_proxy: 1 }\n`,
  ])('may be required with %j', (text) => {
    expect(load(text).settings.server.proxy_protocol).toBe('required');
  });
});

describe('server.socket', () => {
  it('is relative to the configuration file, and host and port beside it are doubted', () => {
    const { settings, warnings } = load('server: { socket: run/http.sock, port: 3000, trust_proxy: unix }\n');
    expect(settings.server.socket).toMatch(/^\/.*\/run\/http\.sock$/);
    expect(warnings).toMatchObject([{ path: 'server.port', problem: expect.stringContaining('no effect') }]);
  });

  it.each([
    '',
    ', trust_proxy: loopback',
    ', trust_proxy: false',
  ])('has peers nobody knows unless they are named (%j)', (trust) => {
    expect(load(`server: { socket: /run/http.sock${trust} }\n`).warnings.map(({ path }) => path)).toContain(
      'server.socket',
    );
    expect(load('server: { socket: /run/http.sock, trust_proxy: [loopback, unix] }\n').warnings).toEqual([]);
  });

  it.each(['true', '2'])('has peers that are trusted like any other with trust_proxy: %s', (trust) => {
    const { warnings } = load(`server: { socket: /run/http.sock, trust_proxy: ${trust} }\n`);
    expect(warnings.map(({ path }) => path)).not.toContain('server.socket');
  });

  it('is local, whatever the host says', () => {
    const open = 'auth: { enabled: false }\nserver: { host: 0.0.0.0';
    expect(faultsOf(`${open} }\n`)).toMatchObject([{ path: 'server.host' }]);
    expect(load(`${open}, socket: /run/http.sock }\n`).settings.server.socket).toBe('/run/http.sock');
  });

  it.each([
    ['"@abstract"', /abstract socket/],
    ['unix:/run/http.sock', /without a scheme/],
    ['/run/', /folder/],
    ['""', /no path/],
  ])('is not %s', (path, expected) => {
    expect(faultsOf(`server: { socket: ${path} }\n`)).toMatchObject([{ problem: expect.stringMatching(expected) }]);
  });

  it.each(['660', '0660', '"9999"', '"0o660"'])('has no mode %s', (mode) => {
    expect(faultsOf(`server: { socket_mode: ${mode} }\n`)).toMatchObject([{ path: 'server.socket_mode' }]);
  });
});

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from './fault.ts';
import { type Loaded, loadConfiguration } from './load.ts';

/** Nothing is read there: the files of a block are loaded at the start. */
const cwd = join(tmpdir(), 'nowhere');
const load = (server: object, more: object = {}): Loaded =>
  loadConfiguration({ env: {}, flags: {}, cwd, overlay: { server, ...more } });

function faults(server: object, more: object = {}): string[] {
  try {
    load(server, more);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.faults.map(({ path, problem }) => `${path} ${problem}`);
  }
}
const doubts = (server: object) => load(server).warnings.map(({ path, problem }) => `${path} ${problem}`);

const pair = { cert_file: 'cert.pem', key_file: 'key.pem' };

describe('server.tls', () => {
  it('takes a pair and fills in what is safe', () => {
    const { settings, warnings } = load({ tls: pair }, { admin: { tls: { ...pair, enabled: false } } });
    expect(settings.server.tls).toEqual({
      enabled: true,
      cert_file: join(cwd, 'cert.pem'),
      key_file: join(cwd, 'key.pem'),
      certificates: [],
      client_certificates: 'none',
      min_version: '1.2',
      max_version: '1.3',
      cipher_suites: [],
      watch: true,
    });
    expect(settings.admin.tls).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('makes every file absolute', () => {
    const more = { ca_file: 'a', crl_file: 'b', key_passphrase_file: 'c', client_certificates: 'request' };
    const { settings } = load({ tls: { ...pair, ...more, certificates: [pair] } });
    const tls = settings.server.tls as Record<string, unknown>;
    for (const key of ['cert_file', 'key_file', 'ca_file', 'crl_file', 'key_passphrase_file']) {
      expect(tls[key], key).toMatch(/^\//);
    }
    expect(settings.server.tls?.certificates).toEqual([
      { cert_file: join(cwd, 'cert.pem'), key_file: join(cwd, 'key.pem') },
    ]);
  });

  it.each([
    [{ tls: { cert_file: 'cert.pem' } }, 'server.tls.cert_file has no key_file beside it'],
    [{ tls: { key_file: 'key.pem' } }, 'server.tls.key_file has no cert_file beside it'],
    [{ tls: { enabled: true } }, 'server.tls has no cert_file and key_file'],
    [{ tls: { ...pair, min_version: '1.4' } }, 'server.tls.min_version expected one of 1.0, 1.1, 1.2, 1.3'],
    [{ tls: { ...pair, min_version: '1.3', max_version: '1.2' } }, 'server.tls.min_version leaves no version'],
    [{ tls: { ...pair, cipher_suites: ['TLS_RC4'] } }, 'server.tls.cipher_suites[0] is not a cipher suite known here'],
    [
      { tls: { ...pair, min_version: '1.3', cipher_suites: ['ECDHE-RSA-AES128-GCM-SHA256'] } },
      'server.tls.cipher_suites has no suite of TLS 1.3',
    ],
    [
      { tls: { ...pair, client_certificates: 'require' } },
      'server.tls.client_certificates is require without a ca_file',
    ],
    [{ tls: { ...pair, crl_file: 'crl.pem' } }, 'server.tls.crl_file has no ca_file'],
    [{ tls: { ...pair, certificates: [{ ...pair, names: ['*'] }] } }, 'names[0] may have one * only'],
    [{ tls: { ...pair, certificates: [{ ...pair, names: ['10.0.0.1'] }] } }, 'names[0] is an address'],
    [{ redirect: { port: 8080 } }, 'server.redirect has nowhere to lead to'],
    [{ port: 8443, tls: pair, redirect: { port: 8443 } }, 'server.redirect.port is also server.port'],
  ])('refuses %j', (server, expected) => {
    expect(faults(server)).toEqual([expect.stringContaining(expected)]);
  });

  it.each([
    [{ tls: { ...pair, min_version: '1.0' } }, 'server.tls.min_version allows TLS 1.0 and 1.1, which is broken'],
    [
      { tls: { ...pair, cipher_suites: ['TLS_AES_128_GCM_SHA256'] } },
      'server.tls.cipher_suites has no suite of TLS 1.2, so that version is not spoken',
    ],
    [{ tls: { ...pair, ca_file: 'ca.pem' } }, 'server.tls.ca_file has no effect'],
    [{ tls: pair, public_url: 'http://mcp.example.com' }, 'server.public_url is http while server.tls is on'],
  ])('doubts %j', (server, expected) => {
    expect(doubts(server)).toEqual([expect.stringContaining(expected)]);
  });

  it('lets a redirect lead to a proxy that ends TLS', () => {
    expect(faults({ redirect: { port: 0 }, public_url: 'https://mcp.example.com' })).toEqual([]);
    expect(faults({ redirect: { port: 0 }, tls: pair })).toEqual([]);
  });
});

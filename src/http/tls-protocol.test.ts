import { createSecureContext } from 'node:tls';
import { expect, it } from 'vitest';
import { type TlsProtocolSettings, tlsProtocolOptions } from './tls-protocol.ts';

const options = (settings: Partial<TlsProtocolSettings>) =>
  tlsProtocolOptions({ min_version: '1.2', max_version: '1.3', cipher_suites: [], ...settings });

it.each<[string, Partial<TlsProtocolSettings>, string, string]>([
  ['what is said when nothing is', {}, 'TLSv1.2', 'TLSv1.3'],
  ['one version', { min_version: '1.3' }, 'TLSv1.3', 'TLSv1.3'],
  ['the oldest, under the name Node has for it', { min_version: '1.0', max_version: '1.1' }, 'TLSv1', 'TLSv1.1'],
  ['no version without a suite: 1.3', { cipher_suites: ['ECDHE-RSA-AES128-GCM-SHA256'] }, 'TLSv1.2', 'TLSv1.2'],
  ['no version without a suite: 1.2', { cipher_suites: ['TLS_AES_128_GCM_SHA256'] }, 'TLSv1.3', 'TLSv1.3'],
])('speaks %s', (_, settings, minVersion, maxVersion) => {
  const made = options(settings);
  expect(made).toMatchObject({ minVersion, maxVersion });
  expect(() => createSecureContext(made)).not.toThrow();
});

it('offers forward secrecy and authenticated encryption alone, unless older versions are written down', () => {
  const suites = options({}).ciphers.split(':');
  expect(suites.filter((suite) => !/^TLS_|^ECDHE-.*(GCM|POLY1305)/.test(suite))).toEqual([]);
  expect(options({ min_version: '1.1' }).ciphers).toMatch(/ECDHE-RSA-AES128-SHA:.*@SECLEVEL=0$/);
});

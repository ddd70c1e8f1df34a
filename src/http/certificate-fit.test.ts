import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, type Certificate, createAuthority } from '../../test/support/certificates.ts';
import { compileTls, type ListenerTlsSettings } from './tls-acceptor.ts';

let authority: Authority;
let ecdsa: Certificate;
let rsa: Certificate;
beforeAll(() => {
  authority = createAuthority();
  ecdsa = authority.issue();
  rsa = authority.issue({ key: 1024, names: ['rsa.example.com'] });
});
afterAll(() => authority?.remove());

const files = ({ certFile, keyFile }: Certificate) => ({ cert_file: certFile, key_file: keyFile });
const compiled = (own: Certificate, more: Partial<ListenerTlsSettings> = {}, publicUrl?: string) => {
  const settings: ListenerTlsSettings = {
    ...files(own),
    certificates: [],
    client_certificates: 'none',
    min_version: '1.2',
    max_version: '1.3',
    cipher_suites: [],
    watch: false,
    ...more,
  };
  return compileTls(settings, 'server.tls', publicUrl).doubts;
};

describe('suites', () => {
  const RSA_ONLY = ['ECDHE-RSA-AES128-GCM-SHA256', 'AES128-GCM-SHA256'];

  it('that no certificate can use are refused, naming the suites, the key and the remedy', () => {
    expect(() => compiled(ecdsa, { cipher_suites: RSA_ONLY })).toThrow(
      'server.tls.cipher_suites: no certificate can be used with ECDHE-RSA-AES128-GCM-SHA256, AES128-GCM-SHA256, so every ' +
        `handshake would fail: ${ecdsa.certFile} (ECDSA key). Add a suite for ECDSA keys or one of TLS 1.3`,
    );
    expect(() => compiled(rsa, { cipher_suites: ['ECDHE-ECDSA-AES128-GCM-SHA256'] })).toThrow('(RSA key)');
    const late = { cipher_suites: [...RSA_ONLY, 'TLS_AES_128_GCM_SHA256'], max_version: '1.2' } as const;
    expect(() => compiled(ecdsa, late)).toThrow('no certificate can be used');
  });

  it('are good when one of them can be used', () => {
    expect(compiled(ecdsa, { cipher_suites: [...RSA_ONLY, 'ECDHE-ECDSA-AES128-GCM-SHA256'] })).toEqual([]);
    expect(compiled(ecdsa, { cipher_suites: [...RSA_ONLY, 'TLS_AES_128_GCM_SHA256'] })).toEqual([]);
    expect(compiled(ecdsa, { max_version: '1.2' })).toEqual([]);
  });

  it('that one of several certificates cannot use draw a doubt', () => {
    const doubts = compiled(ecdsa, { cipher_suites: ['ECDHE-ECDSA-AES128-GCM-SHA256'], certificates: [files(rsa)] });
    expect(doubts).toContainEqual(expect.stringContaining(`${rsa.certFile} (RSA key) cannot be used with`));
  });
});

describe('a certificate draws a doubt', () => {
  it('when it is not for servers', () => {
    const client = authority.issue({ usage: 'clientAuth' });
    expect(compiled(client)).toEqual([expect.stringContaining(`${client.certFile} was not issued for a server`)]);
  });

  it('when its key is weak', () => {
    expect(compiled(rsa)).toEqual([expect.stringContaining('has an RSA key of 1024 bits')]);
    const odd = authority.issue({ key: 'secp256k1' });
    expect(compiled(odd)).toEqual([expect.stringContaining('has a key on the curve secp256k1')]);
    expect(compiled(authority.issue({ key: 'P-521' }))).toEqual([]);
  });

  it('when none is for the host of the public URL', () => {
    const doubt = (host: string) => `server.tls: no certificate is for ${host}, the host of server.public_url`;
    expect(compiled(ecdsa, {}, 'https://mcp.example.com')).toEqual([expect.stringContaining(doubt('mcp.example.com'))]);
    expect(compiled(ecdsa, {}, 'https://[::1]:8443/')).toEqual([expect.stringContaining(doubt('::1'))]);
    for (const good of ['https://localhost', 'https://127.0.0.1:8443/mcp']) {
      expect(compiled(ecdsa, {}, good)).toEqual([]);
    }
    const wild = authority.issue({ names: ['*.example.com'] });
    expect(compiled(ecdsa, { certificates: [files(wild)] }, 'https://mcp.example.com')).toEqual([]);
  });

  it('when it is among the authorities and is none', () => {
    const asks = { client_certificates: 'request' } as const;
    expect(compiled(ecdsa, { ...asks, ca_file: authority.certFile })).toEqual([]);
    expect(compiled(ecdsa, { ...asks, ca_file: rsa.certFile })).toEqual([
      `${rsa.certFile} holds the certificate of CN=rsa.example.com, which is no authority: it vouches for nobody`,
    ]);
  });
});

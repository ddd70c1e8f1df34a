import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DevelopmentCertificate, developmentCertificate } from './development-certificate.ts';

const NAMES = {
  dns: ['localhost', 'mcp.test', '*.lab.test'],
  addresses: [Buffer.of(127, 0, 0, 1), Buffer.concat([Buffer.alloc(15), Buffer.of(1)])],
};

let made: DevelopmentCertificate;
let folder: string;
beforeAll(() => {
  made = developmentCertificate(NAMES, 30);
  folder = mkdtempSync(join(tmpdir(), 'sallyport-dev-'));
  writeFileSync(join(folder, 'ca.pem'), made.authority);
  writeFileSync(join(folder, 'server.pem'), made.certificate);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the openssl program says; it ends badly when it refuses. */
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

describe('openssl', () => {
  it.each(['localhost', 'mcp.test', 'a.lab.test'])('verifies it strictly for %s', (host) => {
    const args = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', host, '-CAfile', 'ca.pem'];
    expect(openssl('verify', ...args, 'server.pem')).toBe('server.pem: OK\n');
  });

  it.each([
    ['another host', ['-verify_hostname', 'other.test']],
    ['another address', ['-verify_ip', '10.0.0.1']],
    ['a client', ['-purpose', 'sslclient']],
    ['a day after its last', ['-attime', String(Math.floor(Date.now() / 1000) + 31 * 86_400)]],
  ])('refuses it for %s', (_, args) => {
    expect(() => openssl('verify', ...args, '-CAfile', 'ca.pem', 'server.pem')).toThrow(/verification failed/);
  });

  it('reads every part of both', () => {
    const authority = openssl('x509', '-in', 'ca.pem', '-noout', '-text');
    expect(authority).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(authority).toMatch(/Key Usage: critical\s+Certificate Sign/);
    expect(authority).toMatch(
      /Name Constraints: critical\s+Permitted:\s+DNS:localhost\s+DNS:mcp\.test\s+DNS:lab\.test/,
    );
    const server = openssl('x509', '-in', 'server.pem', '-noout', '-text');
    expect(server).toMatch(/Signature Algorithm: ecdsa-with-SHA256/);
    expect(server).toMatch(/ASN1 OID: prime256v1/);
    expect(server).toMatch(/Key Usage: critical\s+Digital Signature/);
    expect(server).toContain(
      'DNS:localhost, DNS:mcp.test, DNS:*.lab.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
  });

  it('refuses the certificate of another run', () => {
    const other = developmentCertificate(NAMES, 30);
    writeFileSync(join(folder, 'other.pem'), other.certificate);
    writeFileSync(join(folder, 'other-ca.pem'), other.authority);
    expect(() => openssl('verify', '-CAfile', 'ca.pem', 'other.pem')).toThrow(/verification failed/);
    expect(openssl('verify', '-CAfile', 'other-ca.pem', 'other.pem')).toBe('other.pem: OK\n');
  });
});

it('lets a client that trusts the authority shake hands', async () => {
  const server = createServer({ cert: made.certificate, key: made.key }, (socket) => socket.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const outcome = (ca: string) =>
    new Promise<string>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', ca });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      socket.on('data', (data) => resolve(String(data)));
    });
  expect(await outcome(made.authority)).toBe('hello');
  expect(await outcome(developmentCertificate(NAMES, 1).authority)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  server.close();
  await once(server, 'close');
});

it('is valid for so many days, and its key is its own', () => {
  const x509 = new X509Certificate(made.certificate);
  expect(Date.parse(x509.validTo)).toBe(made.notAfter.getTime());
  expect(x509.checkPrivateKey(createPrivateKey(made.key))).toBe(true);
  expect(x509.checkIssued(new X509Certificate(made.authority))).toBe(true);
  expect(x509.serialNumber).not.toBe(new X509Certificate(developmentCertificate(NAMES, 1).certificate).serialNumber);
});

it('writes a day after 2049 as OpenSSL reads it', () => {
  const late = developmentCertificate(NAMES, 36_500);
  expect(Date.parse(new X509Certificate(late.certificate).validTo)).toBe(late.notAfter.getTime());
});

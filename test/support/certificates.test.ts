import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Authority, createAuthority } from './certificates.ts';

let authority: Authority;
beforeAll(() => {
  authority = createAuthority();
});
afterAll(() => authority?.remove());

it('issues certificates that a client who trusts the authority takes, and nobody else', async () => {
  const { cert, key } = authority.issue({ names: ['mcp.example.com', '127.0.0.1'] });
  const server = createServer({ cert, key }, (socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const outcome = (ca: string | undefined, servername: string) =>
    new Promise<string>((resolve) => {
      const socket: TLSSocket = connect({ port, host: '127.0.0.1', servername, ...(ca === undefined ? {} : { ca }) });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      socket.on('secureConnect', () => resolve('connected'));
      socket.resume();
    });
  expect(await outcome(authority.cert, 'mcp.example.com')).toBe('connected');
  expect(await outcome(authority.cert, 'other.example.com')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(await outcome(undefined, 'mcp.example.com')).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  server.close();
  await once(server, 'close');
});

it('issues what is already over, and names what it takes back', () => {
  const over = authority.issue({ validFrom: -7_200_000, validTo: -3_600_000 });
  expect(Date.parse(over.x509.validTo)).toBeLessThan(Date.now());
  expect(authority.revoke(over)).toMatch(/crl\.pem$/);
});

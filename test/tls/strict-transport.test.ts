import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { sendRaw } from '../support/raw.ts';
import { openTls } from '../support/tls-client.ts';
import { until, within } from '../support/wait.ts';

const APP = 'https://app.example.com';
const VALUE = 'max-age=31536000; includeSubDomains';

let authority: Authority;
let gateway: Gateway;
let file: string;

function write(security: object): void {
  const { cert, key } = certificate;
  const tls = { cert_file: cert, key_file: key };
  const settings = { server: { port: 0, tls }, admin: { port: 0 }, security };
  writeFileSync(file, stringify(settings), { mode: 0o600 });
}

let certificate: { readonly cert: string; readonly key: string };
beforeAll(async () => {
  authority = createAuthority();
  const { cert, key } = authority.issue();
  certificate = { cert: join(authority.folder, 'live.pem'), key: join(authority.folder, 'live.key') };
  writeFileSync(certificate.cert, cert);
  writeFileSync(certificate.key, key, { mode: 0o600 });
  file = join(authority.folder, 'sallyport.yaml');
  write({});
  gateway = await startGateway({ configFile: file });
});
afterAll(async () => {
  await gateway?.stop();
  authority?.remove();
});

const request = (head: string, ...headers: string[]): string =>
  [`${head} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n');

/** The whole answer over TLS, as text. */
async function overTls(bytes: string): Promise<string> {
  const socket = await openTls(gateway.url, { ca: authority.cert });
  socket.write(bytes);
  return within(text(socket), 'the gateway has answered and closed');
}

describe('Strict-Transport-Security', () => {
  it.each<[string, string, number]>([
    ['an answer', request('GET /healthz'), 200],
    ['no such path', request('GET /nowhere'), 404],
    ['no credential', request('GET /mcp/servers'), 401],
    ['a foreign page', request('GET /healthz', 'Origin: https://evil.example'), 403],
    ['another verb', request('PUT /healthz'), 405],
    ['an ambiguous target', request('GET /a/../b'), 400],
    ['no HTTP', 'NONSENSE\r\n\r\n', 400],
    ['a tunnel', request('CONNECT evil:443'), 405],
  ])('is on every answer over TLS, once: %s', async (_, bytes, status) => {
    const answer = await overTls(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.match(/^strict-transport-security: .*$/gim)).toEqual([`Strict-Transport-Security: ${VALUE}`]);
  });

  it('is on no answer over a connection that is not encrypted', async () => {
    for (const bytes of [request('GET /healthz'), request('GET /nowhere'), 'NONSENSE\r\n\r\n']) {
      const { headers } = await sendRaw(gateway.adminUrl as string, bytes);
      expect(headers.get('strict-transport-security')).toBeUndefined();
      expect(headers.get('x-content-type-options')).toEqual(['nosniff']);
    }
  });
});

it('takes over other headers and origins on reload, for answers to what is no HTTP too', async () => {
  const page = request('GET /healthz', `Origin: ${APP}`);
  expect(await overTls(page)).toMatch(/^HTTP\/1\.1 403 /);
  write({ cors: { allowed_origins: [APP] }, headers: { hsts_max_age: 60, hsts_include_subdomains: false } });
  process.kill(gateway.pid, 'SIGHUP');
  const answer = await until(async () => {
    const now = await overTls(page);
    return now.startsWith('HTTP/1.1 200 ') ? now : undefined;
  }, 'the page may call');
  expect(answer).toMatch(/^Access-Control-Allow-Origin: https:\/\/app\.example\.com\r$/m);
  expect(answer).toMatch(/^Strict-Transport-Security: max-age=60\r$/m);
  expect(await overTls('NONSENSE\r\n\r\n')).toMatch(/^Strict-Transport-Security: max-age=60\r$/m);
});

import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { ask, handshake, openTls } from '../support/tls-client.ts';
import { until } from '../support/wait.ts';

const CLIENTS = 200;
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

let authority: Authority;
let gateway: Gateway;
let folder: string;

beforeAll(async () => {
  authority = createAuthority();
  folder = join(authority.folder, 'live');
  mkdirSync(folder);
  put(authority.issue());
  const tls = { cert_file: join(folder, 'cert.pem'), key_file: join(folder, 'key.pem') };
  gateway = await startGateway({ config: { server: { tls } } });
});
afterAll(async () => {
  await gateway?.stop();
  authority?.remove();
});

/** Puts a file in the place of another at once, as a renewal program does. */
function replace(name: string, text: string): void {
  writeFileSync(join(folder, 'new'), text, { mode: 0o600 });
  renameSync(join(folder, 'new'), join(folder, name));
}

function put({ cert, key }: Certificate): void {
  replace('key.pem', key);
  replace('cert.pem', cert);
}

const shown = async (): Promise<string> =>
  (await handshake(gateway.url, { ca: authority.cert })).certificate.serialNumber;

const shows = ({ x509 }: Certificate, how: string) =>
  until(async () => (await shown()) === x509.serialNumber, `the certificate ${how} is shown`);

const faults = () => gateway.audit().filter(({ detail }) => String(detail).startsWith('certificates not loaded'));

it(`renews its certificate under ${CLIENTS} clients at work, and drops none of their requests`, {
  timeout: 60_000,
}, async () => {
  const before = await shown();
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => openTls(gateway.url, { ca: authority.cert })),
  );
  let isOver = false;
  const work = clients.map(async (client) => {
    const statuses = [];
    do statuses.push((await ask(client, HEALTH)).status);
    while (!isOver);
    return statuses;
  });
  const renewed = authority.issue();
  put(renewed);
  await shows(renewed, 'put in by renaming');
  isOver = true;
  const statuses = (await Promise.all(work)).flat();
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(before).not.toBe(renewed.x509.serialNumber);
  const serialOf = (client: TLSSocket) => client.getPeerCertificate().serialNumber;
  for (const client of clients) {
    // The connection of before the renewal, and still good.
    expect(serialOf(client)).toBe(before);
    expect((await ask(client, HEALTH)).status).toBe(200);
    client.destroy();
  }
  expect(faults()).toEqual([]);
});

it.each<[string, (next: Certificate) => void]>([
  ['half written', ({ cert }) => replace('cert.pem', cert.slice(0, cert.length / 2))],
  ['of another key', ({ cert }) => replace('cert.pem', cert)],
  ['gone', () => rmSync(join(folder, 'cert.pem'))],
  ['no certificate', () => replace('cert.pem', 'Not found\n')],
])('keeps what works when the file is %s, says so once, and takes the next good one', async (_, harm) => {
  const before = await shown();
  const told = faults().length;
  const next = authority.issue();
  harm(next);
  await until(() => faults().length > told, 'the fault is recorded');
  expect(await shown()).toBe(before);
  expect(gateway.stderr()).toContain('the old ones stay in force');
  put(next);
  await shows(next, 'that is whole');
  expect(faults()).toHaveLength(told + 1);
  expect(gateway.stderr() + JSON.stringify(gateway.audit())).not.toContain('PRIVATE KEY');
});

it('follows a link that is swapped, as mounted secrets do it', async () => {
  const [first, second] = [authority.issue(), authority.issue()];
  for (const [name, { cert, key }] of Object.entries({ first, second })) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'cert.pem'), cert);
    writeFileSync(join(folder, name, 'key.pem'), key, { mode: 0o600 });
  }
  const point = (to: string) => {
    symlinkSync(to, join(folder, 'data.new'));
    renameSync(join(folder, 'data.new'), join(folder, 'data'));
  };
  point('first');
  for (const name of ['key.pem', 'cert.pem']) {
    symlinkSync(join('data', name), join(folder, 'link'));
    renameSync(join(folder, 'link'), join(folder, name));
  }
  await shows(first, 'behind the link');
  point('second');
  await shows(second, 'behind the swapped link');
  expect(readFileSync(join(folder, 'cert.pem'), 'utf8')).toBe(second.cert);
});

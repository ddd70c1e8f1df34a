import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { type FixtureHttp, type FixtureSse, startFixtureHttp, startFixtureSse } from '../support/fixture-server.ts';
import { type Gateway, runCli, startGateway } from '../support/gateway.ts';
import { TlsFront } from '../support/tls-front.ts';
import { until } from '../support/wait.ts';
import { connectFull, type Kind } from './full-client.ts';
import { modern, post } from './requests.ts';

let authority: Authority;
let stranger: Authority;
let plain: { http: FixtureHttp; sse: FixtureSse };
let fronts: { http: TlsFront; sse: TlsFront; other: TlsFront };
let gateway: Gateway;
let token: string;
let file: string;
let ca: string;

beforeAll(async () => {
  [authority, stranger] = [createAuthority(), createAuthority('Somebody else')];
  const [http, sse] = await Promise.all([startFixtureHttp(), startFixtureSse()]);
  plain = { http, sse };
  const { cert, key } = authority.issue();
  fronts = {
    http: await TlsFront.before(http.url, { cert, key }),
    sse: await TlsFront.before(sse.url, { cert, key }),
    other: await TlsFront.before(http.url, { cert, key }),
  };
  const folder = join(authority.folder, 'gateway');
  mkdirSync(folder);
  [file, ca] = [join(folder, 'sallyport.json'), join(folder, 'ca.pem')];
  copyFileSync(authority.certFile, ca);
  const mcps = [
    { id: 'http', transport: 'streamable-http', url: fronts.http.url, tls: { ca_file: 'ca.pem' } },
    { id: 'sse', transport: 'sse', url: fronts.sse.url, security: { tls: { ca_file: 'ca.pem' } } },
    { id: 'other', transport: 'streamable-http', url: fronts.other.url, tls: { ca_file: authority.certFile } },
  ];
  writeFileSync(file, JSON.stringify({ server: { port: 0 }, admin: { port: 0 }, mcps }), { mode: 0o600 });
  gateway = await startGateway({ configFile: file });
  token = await gateway.token('tls');
});

afterAll(async () => {
  await gateway?.stop();
  for (const part of [...Object.values(fronts ?? {}), ...Object.values(plain ?? {})]) await part.stop();
  authority?.remove();
  stranger?.remove();
});

const call = async (id: string): Promise<number> => {
  const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: 'hi' } });
  return (await post(`${gateway.url}/mcp/${id}`, body, token, headers)).status;
};

it.each<[string, Kind]>([
  ['http', 'SDK v1'],
  ['http', 'SDK v2 pinned'],
  ['sse', 'SDK v1'],
])('reaches the server %s over TLS for %s', async (id, kind) => {
  const client = await connectFull(kind, { url: `${gateway.url}/mcp/${id}`, token });
  expect((await client.call('echo', { text: 'hi' })).content).toEqual([{ type: 'text', text: 'hi' }]);
  await client.close();
});

it('reads the files again on SIGHUP, and makes new connections to that server alone', async () => {
  let generation = 1;
  const reload = async () => {
    process.kill(gateway.pid, 'SIGHUP');
    generation += 1;
    await gateway.audited(({ detail }) => detail === `configuration reloaded, generation ${generation}`, 'the reload');
  };
  expect([await call('http'), await call('other')]).toEqual([200, 200]);
  const before = fronts.other.handshakes;
  copyFileSync(stranger.certFile, ca);
  expect(await call('http')).toBe(200);
  await reload();
  expect([await call('http'), await call('other')]).toEqual([502, 200]);
  copyFileSync(authority.certFile, ca);
  await reload();
  expect([await call('http'), await call('other')]).toEqual([200, 200]);
  expect(fronts.other.handshakes).toBe(before);
});

it('keeps what it has when a file cannot be used, and says which', async () => {
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  process.kill(gateway.pid, 'SIGHUP');
  await until(() => gateway.stderr().includes('failed to parse CA certificate'), 'the fault is in the log');
  expect(gateway.stderr()).toContain(ca);
  expect(await call('http')).toBe(200);
  const verdict = await runCli(['check', '--config', file], { HOME: '/nonexistent' });
  expect(verdict).toMatchObject({ code: 1, stderr: expect.stringContaining('failed to parse CA certificate') });
  copyFileSync(authority.certFile, ca);
  expect((await runCli(['check', '--config', file], { HOME: '/nonexistent' })).code).toBe(0);
});

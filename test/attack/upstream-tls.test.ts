import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.ts';
import { json, ScriptedHttp } from '../support/scripted-http.ts';
import { Ground, TOKENS } from './ground.ts';
import { modernCall, read } from './requests.ts';

// Servers whose certificate is wrong in one way each. Nothing may be sent to one of them, not a byte of a request: the
// handshake is never completed.

const DAY = 86_400_000;

let authority: Authority;
let stranger: Authority;
let ground: Ground;
const servers: ScriptedHttp[] = [];
const at: Record<string, ScriptedHttp> = {};

async function serve(name: string, tls?: object): Promise<string> {
  const server = await ScriptedHttp.start(tls);
  server.otherwise = json(200, ({ rpc }) => ({
    jsonrpc: '2.0',
    id: rpc.id,
    result: { resultType: 'complete', content: [] },
  }));
  servers.push(server);
  at[name] = server;
  return server.url;
}

const shows = ({ cert, key }: Certificate) => ({ cert, key });

function signedByItself(folder: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'self.pem'), join(folder, 'self.key')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...name, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

beforeAll(async () => {
  authority = createAuthority();
  stranger = createAuthority('Somebody else');
  const good = authority.issue();
  const ours = authority.issue({ names: ['gateway'], usage: 'clientAuth' });
  const revoked = authority.issue();
  const crl_file = authority.revoke(revoked);
  const ca = { ca_file: authority.certFile };
  const selfSigned = signedByItself(stranger.folder);
  const urls = {
    good: await serve('good', shows(good)),
    expired: await serve('expired', shows(authority.issue({ validFrom: -2 * DAY, validTo: -DAY }))),
    early: await serve('early', shows(authority.issue({ validFrom: DAY, validTo: 2 * DAY }))),
    otherName: await serve('otherName', shows(authority.issue({ names: ['search.internal'] }))),
    clientUse: await serve('clientUse', shows(authority.issue({ usage: 'clientAuth' }))),
    selfSigned: await serve('selfSigned', selfSigned),
    stranger: await serve('stranger', shows(stranger.issue())),
    revoked: await serve('revoked', shows(revoked)),
    asks: await serve('asks', { ...shows(good), requestCert: true, ca: authority.cert }),
    old: await serve('old', { ...shows(good), maxVersion: 'TLSv1.2' }),
    weak: await serve('weak', { ...shows(good), maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }),
    plain: (await serve('plain')).replace('http:', 'https:'),
  };
  const pair = { cert_file: ours.certFile, key_file: ours.keyFile };
  const of = (url: string, tls?: object) => ({ era: 'modern', url, ...(tls === undefined ? {} : { tls }) });
  ground = await Ground.open({
    // The switch that turns verification off for a whole process must turn off nothing here.
    env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    servers: {
      open: {},
      good: of(urls.good, ca),
      nested: { era: 'modern', url: urls.good, security: { tls: ca } },
      'no-authority': of(urls.good),
      expired: of(urls.expired, ca),
      early: of(urls.early, ca),
      'other-name': of(urls.otherName, ca),
      'other-name-said': of(urls.otherName, { ...ca, server_name: 'search.internal' }),
      'client-use': of(urls.clientUse, ca),
      'self-signed': of(urls.selfSigned, ca),
      'self-signed-default': of(urls.selfSigned),
      'self-signed-skipped': of(urls.selfSigned, { insecure_skip_verify: true }),
      stranger: of(urls.stranger, ca),
      'stranger-known': of(urls.stranger, { ca_file: stranger.certFile }),
      revoked: of(urls.revoked, { ...ca, crl_file }),
      'revoked-unasked': of(urls.revoked, ca),
      'not-revoked': of(urls.good, { ...ca, crl_file }),
      asks: of(urls.asks, ca),
      'asks-shown': of(urls.asks, { ...ca, ...pair }),
      old: of(urls.old, { ...ca, min_version: '1.3' }),
      'old-allowed': of(urls.old, ca),
      weak: of(urls.weak, ca),
      'weak-allowed': of(urls.weak, { ...ca, cipher_suites: ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256'] }),
      plain: of(urls.plain, ca),
      'plain-http': of(urls.plain.replace('https:', 'http:')),
    },
  });
}, 60_000);

afterAll(async () => {
  await ground?.close();
  for (const server of servers) await server.stop();
  authority?.remove();
  stranger?.remove();
});

const call = (server: string) => ground.send(modernCall(`/mcp/${server}`, TOKENS.user));

/** What was recorded of calls that did not come to their server, and why. */
async function refusals(mark: number): Promise<{ server: unknown; why: string }[]> {
  const rows = (await ground.control(mark)).filter(({ status }) => status === 502);
  return rows.map(({ server, detail, upstream_error }) => ({ server, why: String(upstream_error ?? detail) }));
}

/** The server as configured, the twin that differs in the defect alone, where both lead, and the word in the record. */
it.each([
  ['has expired', 'expired', 'good', 'expired', 'expired'],
  ['is not valid yet', 'early', 'good', 'early', 'not-yet-valid'],
  ['is of another name', 'other-name', 'other-name-said', 'otherName', 'wrong-host'],
  ['was issued for clients', 'client-use', 'good', 'clientUse', 'wrong-purpose'],
  ['signed itself', 'self-signed', 'self-signed-skipped', 'selfSigned', 'self-signed'],
  ['signed itself, without a block', 'self-signed-default', 'self-signed-skipped', 'selfSigned', 'self-signed'],
  ['is of an authority nobody named', 'no-authority', 'nested', 'good', 'untrusted'],
  ['is of another authority', 'stranger', 'stranger-known', 'stranger', 'untrusted'],
  ['was revoked', 'revoked', 'not-revoked', 'revoked', 'revoked'],
  ['comes with too old a version', 'old', 'old-allowed', 'old', 'no-common-version'],
  ['comes with a weak suite only', 'weak', 'weak-allowed', 'weak', 'handshake'],
  ['is not there, for the server speaks no TLS', 'plain', 'plain-http', 'plain', 'no-tls'],
])('sends nothing to a server whose certificate %s', async (_, server, twin, name, reason) => {
  const target = at[name] as ScriptedHttp;
  expect((await call(twin)).status).toBe(200);
  const before = { handshakes: target.handshakes, requests: target.received.length };
  const mark = await ground.mark();
  const answer = await call(server);
  expect(answer.status).toBe(502);
  expect(read(answer).json).toMatchObject({ error: { code: 50201 } });
  expect(answer.body.toString()).not.toMatch(/tls|cert|127\.0\.0\.1/i);
  const rows = await refusals(mark);
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ server, why: expect.stringContaining(`upstream.tls-${reason}: `) });
  expect({ handshakes: target.handshakes, requests: target.received.length }).toEqual(before);
});

it('shows its certificate to a server that asks for one, and is turned away without', async () => {
  const target = at.asks as ScriptedHttp;
  const mark = await ground.mark();
  expect((await call('asks')).status).toBe(502);
  expect(await refusals(mark)).toHaveLength(1);
  expect(target.received).toHaveLength(0);
  expect((await call('asks-shown')).status).toBe(200);
  expect(target.of('tools/call')).toHaveLength(1);
});

it('uses a server again when its certificate is mended', async () => {
  const target = at.expired as ScriptedHttp;
  expect((await call('expired')).status).toBe(502);
  target.certify(shows(authority.issue()));
  expect((await call('expired')).status).toBe(200);
  expect(target.of('tools/call')).toHaveLength(1);
});

it('writes down at start whose certificate nobody looks at', () => {
  const unverified = ground
    .rows()
    .filter(({ type, detail }) => type === 'lifecycle' && /not verified/.test(String(detail)));
  expect(unverified.map(({ server }) => server)).toEqual(['self-signed-skipped']);
  expect(ground.gateway.stderr()).toMatch(/mcps\[\d+\]\.tls\.insecure_skip_verify/);
});

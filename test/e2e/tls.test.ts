import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { bytesOf, modern, modernCall, modernMessage } from '../attack/requests.ts';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.ts';
import { connectV1, connectV2 } from '../support/clients.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type Gateway, runCli, startGateway } from '../support/gateway.ts';
import { sendRaw } from '../support/raw.ts';
import { ask, handshake, openTls } from '../support/tls-client.ts';
import { until } from '../support/wait.ts';

let authority: Authority;
let fixture: FixtureHttp;
let gateway: Gateway;
let token: string;
/** The folders the two pairs are read from. */
let first: string;
let second: string;
let redirectUrl: string;
let write: (clientCertificates: 'request' | 'require') => void;

const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Both files of a pair in a folder. */
function lay(folder: string, { certFile, keyFile }: Certificate): void {
  mkdirSync(folder, { recursive: true });
  copyFileSync(certFile, join(folder, 'tls.crt'));
  copyFileSync(keyFile, join(folder, 'tls.key'));
}

beforeAll(async () => {
  authority = createAuthority();
  fixture = await startFixtureHttp();
  [first, second] = ['first', 'second'].map((name) => join(authority.folder, name)) as [string, string];
  lay(first, authority.issue());
  lay(second, authority.issue({ names: ['second.example.com'] }));
  const pair = (folder: string) => ({ cert_file: join(folder, 'tls.crt'), key_file: join(folder, 'tls.key') });
  write = (client_certificates) => {
    const asks = { client_certificates, ca_file: authority.certFile, crl_file: authority.revoke() };
    const config = {
      server: {
        port: 0,
        public_url: 'https://localhost',
        tls: { ...pair(first), certificates: [pair(second)], ...asks },
        redirect: { port: 0 },
      },
      admin: { port: 0 },
      mcps: [{ id: 'files', transport: 'streamable-http', url: fixture.url }],
    };
    writeFileSync(configFile, stringify(config), { mode: 0o600 });
  };
  const configFile = join(authority.folder, 'live.yaml');
  write('request');
  gateway = await startGateway({ configFile });
  token = await gateway.token('tls');
  const { stdout } = await gateway.command('status', '--json');
  const { listeners } = JSON.parse(stdout) as { listeners: { name: string; url: string }[] };
  redirectUrl = listeners.find(({ name }) => name === 'redirect')?.url as string;
});
afterAll(async () => {
  await gateway?.stop();
  await fixture?.stop();
  authority?.remove();
});

const serial = async (servername = 'localhost') =>
  (await handshake(gateway.url, { ca: authority.cert, servername })).certificate.serialNumber;

/** Official clients use fetch; this one trusts our authority, and shows a certificate. */
function trusting(shown?: Certificate): { fetch: typeof fetch; close: () => Promise<void> } {
  const own = shown === undefined ? {} : { cert: shown.cert, key: shown.key };
  const dispatcher = new Agent({ connect: { ca: authority.cert, ...own } });
  const call = (input: unknown, init?: object) => undiciFetch(input as string, { ...init, dispatcher });
  return { fetch: call as unknown as typeof fetch, close: () => dispatcher.destroy() };
}

describe('official clients over https', () => {
  it.each([
    ['SDK v1', connectV1],
    ['SDK v2 legacy', (url: string, options: object) => connectV2(url, 'legacy', options)],
    ['SDK v2 pinned to 2026-07-28', (url: string, options: object) => connectV2(url, 'pinned', options)],
  ])('%s lists tools and calls one', async (_, connect) => {
    expect(gateway.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const own = trusting();
    const client = await connect(`${gateway.url}/mcp`, { token, fetch: own.fetch });
    expect((await client.listTools()).map(({ name }) => name)).toContain('echo');
    expect((await client.callTool('echo', { text: 'over TLS' })).content[0]?.text).toBe('over TLS');
    await client.close();
    await own.close();
  });

  it('a client that shows a certificate is named by it in the record', async () => {
    const shown = authority.issue({ names: ['agent.example.com'], usage: 'clientAuth' });
    const own = trusting(shown);
    const client = await connectV2(`${gateway.url}/mcp`, 'pinned', { token, fetch: own.fetch });
    await client.callTool('echo', { text: 'named' });
    await client.close();
    await own.close();
    const fingerprint = shown.x509.fingerprint256.replaceAll(':', '').toLowerCase();
    const row = await gateway.audited((line) => line.client_certificate === fingerprint, 'the certificate is recorded');
    expect(row).toMatchObject({ type: 'decision', verdict: 'allow', principal_name: 'tls' });
  });

  it('one that cannot be verified names nobody, and so does a session resumed without one', async () => {
    const strangers = createAuthority('Strangers');
    const { cert, key } = strangers.issue({ usage: 'clientAuth' });
    const before = gateway.audit().length;
    const denied = 'GET /mcp/files HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const socket = await openTls(gateway.url, { ca: authority.cert, cert, key });
    expect((await ask(socket, denied)).status).toBe(401);
    const session = socket.getSession();
    socket.destroy();
    const again = await openTls(gateway.url, { ca: authority.cert, ...(session ? { session } : {}) });
    expect((await ask(again, denied)).status).toBe(401);
    again.destroy();
    await until(
      () =>
        gateway
          .audit()
          .slice(before)
          .filter(({ status }) => status === 401).length === 2,
      'both are recorded',
    );
    for (const row of gateway.audit().slice(before)) expect(row).not.toHaveProperty('client_certificate');
    strangers.remove();
  });
});

describe('new certificates', () => {
  it('of one name are shown without touching those of another, and recorded', async () => {
    const before = await serial();
    const next = authority.issue({ names: ['second.example.com'] });
    lay(second, next);
    const isShown = async () => (await serial('second.example.com')) === next.x509.serialNumber;
    await until(isShown, 'the new certificate is shown');
    expect(await serial()).toBe(before);
    const loaded = await gateway.audited(
      ({ detail }) => String(detail).startsWith('certificates loaded: '),
      'the change is recorded',
    );
    expect(loaded).toMatchObject({ type: 'lifecycle', rule: 'server.tls' });
    expect(loaded.detail).toContain(next.x509.fingerprint256.replaceAll(':', '').toLowerCase());
  });

  it('end the sessions begun with the old ones: their tickets open nothing', async () => {
    const old = await openTls(gateway.url, { ca: authority.cert });
    expect((await ask(old, HEALTH)).status).toBe(200);
    const session = old.getSession();
    const resumes = async () =>
      (await handshake(gateway.url, { ca: authority.cert, ...(session && { session }) })).resumed;
    expect(await resumes()).toBe(true);
    const next = authority.issue();
    lay(first, next);
    await until(async () => (await serial()) === next.x509.serialNumber, 'the new certificate is shown');
    expect(await resumes()).toBe(false);
    expect((await ask(old, HEALTH)).status).toBe(200);
    old.destroy();
  });

  it('leave the configuration reloadable, and the key out of everything', async () => {
    process.kill(gateway.pid, 'SIGHUP');
    await gateway.audited(({ detail }) => String(detail).startsWith('configuration reloaded'), 'the reload is done');
    expect((await handshake(gateway.url, { ca: authority.cert })).protocol).toBe('TLSv1.3');
    const written = JSON.stringify(gateway.audit()) + gateway.stdout() + gateway.stderr();
    expect(written).not.toContain('PRIVATE KEY');
  });
});

describe('a client certificate that is taken back', () => {
  it('is good for nothing from then on, on connections that are open too; no other is touched', async () => {
    const [good, taken] = [0, 1].map(() => authority.issue({ usage: 'clientAuth' })) as [Certificate, Certificate];
    const showing = ({ cert, key }: Certificate) => openTls(gateway.url, { ca: authority.cert, cert, key });
    const nobody = await openTls(gateway.url, { ca: authority.cert });
    const [kept, idle, busy] = await Promise.all([showing(good), showing(taken), showing(taken)]);
    const status = async (socket: typeof kept) => (await ask(socket, HEALTH)).status;
    expect([await status(nobody), await status(idle)]).toEqual([200, 200]);
    let stream = '';
    busy.on('data', (piece: Buffer) => {
      stream += piece.toString('latin1');
    });
    const filter = { notifications: { toolsListChanged: true } };
    const listen = modernMessage('subscriptions/listen', filter);
    busy.write(bytesOf(modern('/mcp/files', token, listen)));
    await until(() => stream.includes('subscriptions/acknowledged'), 'the stream is open');

    write('require');
    process.kill(gateway.pid, 'SIGHUP');
    await until(async () => (await status(nobody).catch(() => 0)) === 403, 'who has shown nothing is told so');
    expect(nobody.destroyed || (await status(nobody).catch(() => 0))).not.toBe(200);
    expect([await status(kept), await status(idle)]).toEqual([200, 200]);
    expect(stream).not.toContain('\r\n0\r\n\r\n');

    authority.revoke(taken);
    await until(() => stream.endsWith('\r\n0\r\n\r\n'), 'the stream has been ended');
    await gateway.audited(({ reason }) => reason === 'certificate-refused', 'its end is recorded');
    const refused = await ask(idle, HEALTH);
    expect([refused.status, JSON.parse(refused.body).error]).toEqual([403, 'client_certificate_required']);
    const row = await gateway.audited(({ rule }) => rule === 'revoked', 'the refusal is recorded');
    expect(row).toMatchObject({ policy: 'client-certificate', reason: 'tls.client-certificate', status: 403 });
    expect(row).not.toHaveProperty('client_certificate');
    expect(await status(kept)).toBe(200);
    for (const socket of [kept, idle, busy, nobody]) socket.destroy();
    write('request');
    const reloads = () => gateway.audit().filter(({ detail }) => String(detail).startsWith('configuration reloaded'));
    const before = reloads().length;
    process.kill(gateway.pid, 'SIGHUP');
    await until(() => reloads().length > before, 'no certificate is required any more');
  });
});

describe('the plain-HTTP listener', () => {
  it('sends pages to https, by the public URL alone', async () => {
    const answer = await sendRaw(redirectUrl, 'GET /console?x=1 HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    expect([answer.status, answer.headers.get('location')]).toEqual([308, ['https://localhost/console?x=1']]);
    expect(answer.headers.has('strict-transport-security')).toBe(false);
  });

  it('refuses a call, and keeps its token out of everything', async () => {
    const call = bytesOf(modernCall('/mcp/files', token)).toString('latin1');
    fixture.clearHits();
    const answer = await sendRaw(redirectUrl, call);
    expect(answer.status).toBe(426);
    expect(answer.headers.get('upgrade')).toEqual(['TLS/1.2, HTTP/1.1']);
    expect(answer.headers.has('location')).toBe(false);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: 'https_required' });
    const row = await gateway.audited((line) => line.reason === 'redirect.api', 'the refusal is recorded');
    expect(row).toMatchObject({ verdict: 'deny', policy: 'redirect', status: 426, http_method: 'POST' });
    expect(row).not.toHaveProperty('principal');
    expect(fixture.hits).toEqual([]);

    const socket = await openTls(gateway.url, { ca: authority.cert });
    expect((await ask(socket, call)).status).toBe(200);
    expect(JSON.stringify(gateway.audit()) + gateway.stderr()).not.toContain(token);
    socket.destroy();
  });
});

describe('a start', () => {
  const file = (tls: object, more: object = {}) => {
    const path = join(authority.folder, 'sallyport.yaml');
    const text = stringify({ server: { port: 0, tls, ...more }, admin: { port: 0 } });
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };

  it.each(['check', 'serve'])('is refused by %s when every user of the machine can read the key', async (command) => {
    const { certFile, keyFile } = authority.issue();
    const config = file({ cert_file: certFile, key_file: keyFile });
    chmodSync(keyFile, 0o644);
    const state = { SALLYPORT_STATE_DIR: join(authority.folder, 'state') };
    const refused = await runCli([command, '--config', config], state);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`failed to load certificate: server.tls.key_file = ${keyFile}`);
    expect(refused.stderr).toContain(`chmod 600 ${keyFile}`);
    chmodSync(keyFile, 0o600);
    const { code, stdout, stderr } = await runCli(['check', '--config', config], state);
    expect(code, stderr).toBe(0);
    expect(stdout + stderr + refused.stdout + refused.stderr).not.toContain('PRIVATE KEY');
  });

  it('is warned about a plain listener that other machines reach, in production alone', async () => {
    const mcps = [{ id: 'files', transport: 'streamable-http', url: fixture.url }];
    const config = { server: { host: '0.0.0.0', public_url: 'https://mcp.example.com' }, mcps };
    const plain = await startGateway({ config, env: { NODE_ENV: 'production' } });
    const { certFile: cert_file, keyFile: key_file } = authority.issue();
    const secure = { ...config, server: { ...config.server, tls: { cert_file, key_file } } };
    const encrypted = await startGateway({ config: secure, env: { NODE_ENV: 'production' } });
    await Promise.all([plain.stop(), encrypted.stop()]);
    expect(plain.stderr()).toContain('takes plain HTTP from other machines');
    expect(plain.stderr()).toContain('set server.tls');
    expect(encrypted.stderr()).not.toContain('takes plain HTTP');
  });
});

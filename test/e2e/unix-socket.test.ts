import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { modernCall } from '../attack/requests.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';

const TOKEN = 'opens-the-socket-0123456789';

describe('a gateway on a Unix socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-unix-'));
  const socket = join(folder, 'http.sock');
  const started: (Gateway | FixtureHttp)[] = [];
  afterAll(async () => {
    for (const one of started.reverse()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function call(headers: Record<string, string> = {}): Promise<{ status: number | undefined; body: string }> {
    const { body, ...sound } = modernCall('/mcp/honest', TOKEN);
    const own = sound.headers as Record<string, string>;
    const options = { socketPath: socket, path: '/mcp/honest', method: 'POST', headers: { ...own, ...headers } };
    const [answer] = (await once(request(options).end(body), 'response')) as [IncomingMessage];
    return { status: answer.statusCode, body: await text(answer) };
  }

  async function start(trust: object, host = {}): Promise<Gateway> {
    const fixture = await startFixtureHttp();
    started.push(fixture);
    const config = {
      server: { socket, socket_mode: '0600', ...trust, ...host },
      auth: { methods: [{ type: 'token', tokens: [{ name: 'user', token: TOKEN }] }] },
      mcps: [{ id: 'honest', transport: 'streamable-http', url: fixture.url }],
    };
    const gateway = await startGateway({ config });
    started.push(gateway);
    return gateway;
  }

  it('believes the proxy behind it only when it is named, and never takes it for this machine', async () => {
    const gateway = await start({ trust_proxy: 'loopback' });
    expect(gateway.url).toBe(`unix:${socket}`);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(gateway.stderr()).toContain('server.socket');
    for (const headers of [{}, { 'x-forwarded-for': '127.0.0.1' }, { 'x-real-ip': '198.51.100.7' }]) {
      expect(await call(headers as Record<string, string>)).toMatchObject({ status: 403 });
    }
    const row = await gateway.audited(({ reason }) => reason === 'address.unknown', 'the refusal');
    expect(row).toMatchObject({ policy: 'network', status: 403 });
    expect(row.client ?? '').toBe('');
    await gateway.kill();
    started.pop();
    expect(existsSync(socket), 'a killed gateway leaves its socket').toBe(true);
  });

  it('takes the place of one that was killed, serves what the proxy forwards, and leaves nothing behind', async () => {
    const gateway = await start({ trust_proxy: 'unix' });
    const { status, body } = await call({ 'x-forwarded-for': '203.0.113.66, 198.51.100.7' });
    expect({ status, body }).toMatchObject({ status: 200, body: expect.stringContaining('"resultType":"complete"') });
    const row = await gateway.audited(({ type, verdict }) => type === 'decision' && verdict === 'allow', 'the call');
    expect(row.client).toBe('198.51.100.7');
    expect((await call()).status, 'a request that speaks for nobody').toBe(403);
    await expect(start({ trust_proxy: 'unix' })).rejects.toThrow(`another process listens on ${socket}`);
    expect((await gateway.command('client-config', 'cursor')).stderr).toContain('--url');
    await gateway.stop();
    started.splice(started.indexOf(gateway), 1);
    expect(existsSync(socket)).toBe(false);
  });
});

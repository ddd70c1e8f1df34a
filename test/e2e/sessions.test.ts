import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV1, connectV2, type TestClient } from '../support/clients.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/wait.ts';
import { INITIALIZE, legacyStream, post } from './requests.ts';
import { stateFolder } from './state.ts';

let http: FixtureHttp;
beforeAll(async () => {
  http = await startFixtureHttp();
});
afterAll(() => http?.stop());

const mcps = () => [{ id: 'http', transport: 'streamable-http', url: http.url }];
const ECHO = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text: 'hi' } } };

interface Opened {
  call(token: string): Promise<number>;
}

async function open(gateway: Gateway, token: string): Promise<Opened> {
  const url = `${gateway.url}/mcp/http`;
  const { headers } = await post(url, INITIALIZE, token);
  const named = { 'mcp-session-id': headers.get('mcp-session-id') as string, 'mcp-protocol-version': '2025-11-25' };
  await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, token, named);
  return { call: async (by) => (await post(url, ECHO, by, named)).status };
}

describe('a session', () => {
  let gateway: Gateway;
  let hasty: Gateway;
  beforeAll(async () => {
    [gateway, hasty] = await Promise.all([
      startGateway({ config: { mcps: mcps() } }),
      startGateway({ config: { mcps: mcps(), sessions: { idle_timeout_ms: 2_000 } } }),
    ]);
  });
  afterAll(() => Promise.all([gateway?.stop(), hasty?.stop()]));

  it('is its caller’s and not the token’s: it goes on with the secret that replaces another', async () => {
    const old = await gateway.token('rotating');
    const session = await open(gateway, old);
    const other = await gateway.token('other');
    expect(await session.call(old)).toBe(200);
    const next = (await gateway.command('token', 'rotate', 'rotating')).stdout.trim();
    expect([await session.call(old), await session.call(next), await session.call(other)]).toEqual([401, 200, 404]);
    await gateway.command('token', 'revoke', 'rotating');
    expect(await session.call(next)).toBe(401);
  });

  it('that nobody uses ends, and with it its session on the server; one with an open stream does not', async () => {
    const token = await hasty.token('idle');
    const before = http.sessions();
    const idle = await open(hasty, token);
    const [own] = http.sessions().filter((id) => !before.includes(id));
    expect(own).toBeDefined();
    const kept = await legacyStream(`${hasty.url}/mcp/http`, token);
    const both = http.sessions().length;
    await until(() => !http.sessions().includes(own as string), 'its session on the server is gone');
    expect(await idle.call(token)).toBe(404);
    expect(http.sessions().length).toBeLessThan(both);
    const named = { 'mcp-session-id': kept.session, 'mcp-protocol-version': '2025-11-25' };
    expect((await post(`${hasty.url}/mcp/http`, ECHO, token, named)).status).toBe(200);
  });
});

type Connect = (url: string, token: string) => Promise<TestClient>;
const CLIENTS: readonly (readonly [string, Connect])[] = [
  ['SDK v1', (url, token) => connectV1(url, { token })],
  ['SDK v2', (url, token) => connectV2(url, 'legacy', { token })],
];

describe('a restart of the gateway', () => {
  it.each(CLIENTS)('ends sessions cleanly: the client is told 404 and opens another (%s)', async (_, connect) => {
    const stateDir = stateFolder();
    const first = await startGateway({ config: { mcps: mcps() }, stateDir });
    const token = await first.token('restart');
    const proxy = await CuttingProxy.before(first.url);
    const url = `${proxy.url}/mcp/http`;
    const client = await connect(url, token);
    const answer = { content: [{ type: 'text', text: 'hi' }] };
    expect(await client.callTool('echo', { text: 'hi' })).toMatchObject(answer);
    const held = http.sessions().length;
    await first.stop();
    expect(http.sessions()).toHaveLength(held - 1);

    const second = await startGateway({ config: { mcps: mcps() }, stateDir });
    try {
      proxy.target = second.url;
      await expect(client.callTool('echo', { text: 'hi' })).rejects.toThrow(/Session not found/);
      const again = await connect(url, token);
      expect(await again.callTool('echo', { text: 'hi' })).toMatchObject(answer);
      await Promise.all([client.close(), again.close()]);
    } finally {
      await proxy.stop();
      await second.stop();
    }
  });
});

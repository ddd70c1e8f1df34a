import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV1, connectV2, type TestClient } from '../support/clients.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { type FixtureHttp, type StdioFixture, startFixtureHttp, stdioFixture } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/wait.ts';

let http: FixtureHttp;
let stdio: StdioFixture;
let gateway: Gateway;
let token: string;
beforeAll(async () => {
  http = await startFixtureHttp();
  stdio = stdioFixture();
  const { command, args, env } = stdio;
  const mcps = [
    { id: 'http', transport: 'streamable-http', url: http.url },
    { id: 'stdio', transport: 'stdio', command, args, env },
  ];
  // Clients do as they are told: the wait the official ones begin with is a second.
  gateway = await startGateway({ config: { mcps, streams: { retry_ms: 20 } } });
  token = await gateway.token('resumption');
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), http?.stop()]);
  stdio?.remove();
});

type Connect = (url: string, options: { token: string }) => Promise<TestClient>;
const CLIENTS: readonly (readonly [string, Connect])[] = [
  ['SDK v1', connectV1],
  ['SDK v2', (url, options) => connectV2(url, 'legacy', options)],
];
const CASES = CLIENTS.flatMap(([name, connect]) => ['http', 'stdio'].map((id) => [name, id, connect] as const));

describe('a client whose connections break while it waits for an answer', () => {
  it.each(CASES)('gets every message of the call once and in order (%s, %s)', async (_, id, connect) => {
    const proxy = await CuttingProxy.before(gateway.url);
    const client = await connect(`${proxy.url}/mcp/${id}`, { token });
    try {
      const heard: number[] = [];
      const answer = await client.callTool('slow_progress', { steps: 8, interval_ms: 25 }, (progress) => {
        heard.push(progress);
        if (progress === 2 || progress === 5) proxy.cut();
      });
      expect(answer.content).toEqual([{ type: 'text', text: '8 steps' }]);
      expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      const outcomes = gateway.audit().filter((row) => row.type === 'outcome' && row.method === 'tools/call');
      expect(outcomes.at(-1)).toMatchObject({ outcome: 'ok' });
    } finally {
      await client.close();
      await proxy.stop();
    }
  });
});

describe('the stream of a session that breaks', () => {
  it.each(CLIENTS)('goes on: what the server said meanwhile is not lost (%s)', async (_, connect) => {
    const proxy = await CuttingProxy.before(gateway.url);
    const [client, other] = await Promise.all([
      connect(`${proxy.url}/mcp/http`, { token }),
      connect(`${gateway.url}/mcp/http`, { token }),
    ]);
    try {
      const names = async () => (await client.listTools()).map(({ name }) => name).filter((name) => name === 'extra');
      const before = await names();
      const changes: unknown[] = [];
      const { sdk } = client as unknown as { sdk: { fallbackNotificationHandler?: unknown } };
      sdk.fallbackNotificationHandler = async (notification: unknown) => void changes.push(notification);
      proxy.cut();
      await other.callTool('toggle_extra_tool');
      await until(() => changes.length > 0, 'the client has heard of the change');
      expect(changes).toMatchObject([{ method: 'notifications/tools/list_changed' }]);
      expect(await names()).not.toEqual(before);
    } finally {
      await Promise.all([client.close(), other.close()]);
      await proxy.stop();
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV2 } from '../support/clients.ts';
import { type FixtureHttp, startFixtureHttp, stdioFixture } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/wait.ts';
import { modern, post, slowCall } from './requests.ts';

const stdio = stdioFixture();
let http: FixtureHttp;
let gateway: Gateway;
let token: string;
let other: string;
beforeAll(async () => {
  http = await startFixtureHttp();
  const program = { transport: 'stdio', command: stdio.command, args: stdio.args, env: stdio.env };
  const mcps = [
    { id: 'http', transport: 'streamable-http', url: http.url },
    { id: 'stdio', ...program, child: 'shared' },
  ];
  gateway = await startGateway({ config: { mcps } });
  token = await gateway.token('ada');
  other = await gateway.token('bob');
});
afterAll(async () => {
  await gateway?.stop();
  await http?.stop();
  stdio.remove();
});

const at = (server: string) => `${gateway.url}/mcp/${server}`;

/** What the servers were told to give up: the tool by name over HTTP, the ids over stdio. */
const given = {
  http: () => http.world.cancelled.length,
  stdio: () => stdio.received().filter((line) => line.includes('"notifications/cancelled"')).length,
};

describe.each(['http', 'stdio'] as const)('the official client in front of the official server over %s', (server) => {
  const long = { steps: 100_000, interval_ms: 5 };

  it('cancels a modern call by leaving it', async () => {
    const client = await connectV2(at(server), 'pinned', { token });
    const before = given[server]();
    const leaving = new AbortController();
    let steps = 0;
    const counted = () => {
      steps += 1;
    };
    const call = client.sdk.callTool(
      { name: 'slow_progress', arguments: long },
      { signal: leaving.signal, onprogress: counted },
    );
    const gone = expect(call).rejects.toThrow();
    await until(() => steps > 2, 'the call is under way');
    leaving.abort();
    await gone;
    await until(() => given[server]() > before, 'the server has given the call up');
    const heard = steps;
    await client.callTool('add', { a: 1, b: 2 });
    expect(steps).toBe(heard);
    await client.close();
  });

  it('does not cancel a legacy call by going away', async () => {
    const client = await connectV2(at(server), 'legacy', { token });
    const before = given[server]();
    let steps = 0;
    const counted = () => {
      steps += 1;
    };
    const call = client.sdk.callTool(
      { name: 'slow_progress', arguments: { steps: 20, interval_ms: 20 } },
      { onprogress: counted },
    );
    const gone = expect(call).rejects.toThrow();
    await until(() => steps > 2, 'the call is under way');
    // Not `client.close`, which ends the session as well.
    await client.sdk.close();
    await gone;
    const mine = (line: { server?: unknown; tool?: unknown; type: string; session_id?: unknown }) =>
      line.type === 'outcome' &&
      line.server === server &&
      line.tool === 'slow_progress' &&
      line.session_id !== undefined;
    expect(await gateway.audited(mine, 'the end of the call')).toMatchObject({ outcome: 'ok' });
    expect(given[server]()).toBe(before);
  });

  it('is not cancelled by what another says, whatever id it names', async () => {
    const before = given[server]();
    const call = await slowCall(at(server), token, 20, 20);
    await until(() => call.text().includes('"progress":1'), 'the call is under way');
    for (const requestId of ['q', ...Array.from({ length: 50 }, (_, id) => id)]) {
      for (const who of [token, other]) {
        const { body, headers } = modern('notifications/cancelled', { requestId });
        const { id: _, ...notification } = body;
        expect((await post(at(server), notification, who, headers)).status).toBe(202);
      }
    }
    expect(await call.over).toBe('ended');
    expect(call.text()).toContain('20 steps');
    expect(given[server]()).toBe(before);
  });
});

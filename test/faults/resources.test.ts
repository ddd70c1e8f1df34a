import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { descendants } from '../support/processes.ts';
import { answer, type Script, ScriptedHttp } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { type Caller, toolValue } from './talk.ts';

const ROUNDS = 2;
const AT_ONCE = 5;

let upstream: ScriptedHttp;
let gate: Gate;
beforeAll(async () => {
  upstream = await ScriptedHttp.start();
  upstream.otherwise = serve;
  const restart = { backoff_ms: 1, backoff_max_ms: 1, crash_loop_after: 1000 };
  const generous = { spawns_per_minute: 1000 };
  const remote = { transport: 'streamable-http', url: upstream.url, call_timeout_ms: 200 };
  const mcps = [
    script('legacy', ['server.mjs', 'legacy', 'fork'], { restart, limits: generous }),
    script('modern', ['server.mjs', 'modern'], { restart, limits: generous }),
    script('crash', ['crash.mjs'], { restart, era: 'legacy', limits: generous }),
    { id: 'missing', transport: 'stdio', command: 'sallyport-no-such-program', restart, limits: generous },
    { ...remote, id: 'remote', era: 'modern' },
    { ...remote, id: 'remote-legacy', era: 'legacy' },
  ];
  gate = await Gate.start(mcps, { server: { limits: { idle_timeout_ms: 1_000 } } });
});
afterAll(async () => {
  await gate.stop();
  await upstream.stop();
});

const serve: Script = (request, response) => {
  const { id, method, params } = request.rpc;
  const fault = (params?.arguments as { fault?: string } | undefined)?.fault;
  if (fault === 'reset') request.over.catch(() => {});
  if (fault === 'reset') return void response.socket?.resetAndDestroy();
  if (fault === 'hang') return;
  if (fault === 'half') return void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': \n\n');
  const tools = [{ name: 'tool', inputSchema: { type: 'object' } }];
  const opened = {
    protocolVersion: params?.protocolVersion,
    capabilities: {},
    serverInfo: { name: 's', version: '1' },
  };
  const result = method === 'initialize' ? opened : { tools };
  const headers = { 'content-type': 'application/json', 'mcp-session-id': 'one' };
  response.writeHead(id === undefined ? 202 : 200, headers).end(id === undefined ? '' : answer(request, result));
};

/** Starts a call and leaves while it runs. */
async function leave(calls: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const client = new AbortController();
  const call = calls(client.signal).catch(() => undefined);
  setImmediate(() => client.abort());
  await call;
}

async function legacyVisit(caller: Caller, tidy: boolean): Promise<void> {
  const session = await caller.open();
  toolValue(await session.tool(1, 'echo', {}));
  await session.tool(1, 'die-mid-answer');
  toolValue(await session.tool(1, 'echo', {}));
  await leave((signal) => caller.send('GET', session.headers, undefined, signal));
  await leave((signal) => session.tool(2, 'hang', {}, { signal }));
  if (tidy) await session.notify('notifications/cancelled', { requestId: 2 });
  await session.end();
}

/** One client's worth of everything that may go wrong. */
async function visit(): Promise<void> {
  const modern = gate.caller('modern');
  await legacyVisit(gate.caller('legacy'), Math.random() < 0.5);
  await leave((signal) => modern.tool(1, 'hang', {}, { signal }));
  await leave((signal) => modern.tool(1, 'stream', {}, { signal, meta: { progressToken: 1 } }));
  await leave((signal) => modern.modern(1, 'subscriptions/listen', { notifications: {} }, { signal }));
  await gate.caller('crash').initialize();
  await gate.caller('missing').initialize();
  for (const fault of ['reset', 'hang', 'half']) {
    await gate.caller('remote').tool(1, 'tool', { fault });
    const session = await gate.caller('remote-legacy').open();
    await session.tool(1, 'tool', { fault });
    await session.end();
  }
}

const children = () =>
  descendants(gate.gateway.pid)
    .map(({ command }) => command)
    .sort();

describe('after everything that may go wrong', () => {
  it('the gateway has no more descriptors and processes than before', async () => {
    await visit();
    await until(() => children().every((command) => !command.includes('legacy')), 'no session has a child');
    const [descriptors, processes] = [gate.descriptors(), children()];
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(Array.from({ length: AT_ONCE }, visit));
    }
    await until(() => gate.descriptors() <= descriptors, `it holds ${descriptors} descriptors again`, 15_000);
    expect(children()).toEqual(processes);
    const { stdout } = await gate.gateway.command('status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ sessions: 0, open_streams: 0 });
  });
});

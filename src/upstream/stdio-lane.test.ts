import { afterEach, describe, expect, it } from 'vitest';
import {
  Bench,
  child,
  type Identity,
  Listening,
  leaseFor,
  message,
  open,
  outbound,
  Recorder,
  request,
  scanned,
  tool,
  toolValue,
} from '../../test/support/children/bench.ts';
import { EVERYTHING_STDIO } from '../../test/support/everything.ts';
import { until } from '../../test/support/wait.ts';
import type { Lane } from './lane.ts';

let bench = new Bench();
afterEach(async () => {
  await bench.closeAll();
  bench = new Bench();
});

interface Received {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly requestId?: number; readonly name?: string };
}

async function session(...quirks: string[]): Promise<Lane> {
  const upstream = bench.upstream({ args: child('server.mjs', 'legacy', ...quirks), era: 'legacy' });
  const lane = await upstream.lease(leaseFor('legacy'));
  await open(lane);
  return lane;
}

async function modern(overrides: object = {}, who = 'ada'): Promise<Lane> {
  const upstream = bench.upstream({ args: child('server.mjs', 'modern'), era: 'modern', ...overrides });
  return upstream.lease(leaseFor('modern', who));
}

describe('a call on a pipe', () => {
  it('never meets another call with the same id and the same progress token', async () => {
    const lane = await session();
    const options = { id: 1, meta: { progressToken: 'a' } };
    const sinks = [new Recorder(), new Recorder()];
    const handles = sinks.map((sink) => lane.dispatch(outbound('tools/call', { name: 'progress' }, options), sink));
    await Promise.all(sinks.map((sink) => sink.over));
    sinks.forEach((sink, i) => {
      const { upstreamId } = handles[i]!;
      expect(sink.heard).toEqual(['opened', ...Array(3).fill('notifications/progress'), 'settled']);
      const tokens = sink.messages.map((m) => (m as { params: { progressToken: unknown } }).params.progressToken);
      expect(tokens).toEqual([upstreamId, upstreamId, upstreamId]);
      expect(sink.response?.id).toBe(upstreamId);
    });
    expect(handles[0]!.upstreamId).not.toBe(handles[1]!.upstreamId);
  });

  it('does not get progress it did not ask for', async () => {
    const lane = await session();
    const sink = await request(lane, 'tools/call', { name: 'progress' });
    expect(sink.heard).toEqual(['settled']);
  });

  it('is answered by its own id only: not by a call never made, not by the id as a string', async () => {
    const lane = await session();
    expect(await tool(lane, 'wrong-id')).toBe('right');
    expect(bench.log.matching(/answered a call that was never made/).length).toBeGreaterThan(0);
  });

  it('can be written over many lines by its client and is still one message to the server', async () => {
    const lane = await session();
    const sink = new Recorder();
    const call = outbound('tools/call', {});
    const text =
      '{"jsonrpc":"2.0",\r\n"id":1,\n"method":"tools/call",\n"params":{"name":"echo",\n\n"arguments":{"a":"b\\n"}}\n}';
    lane.dispatch({ ...call, message: scanned(text) }, sink);
    await sink.over;
    expect(toolValue(sink)).toEqual({ a: 'b\n' });
    expect(await tool<Received[]>(lane, 'received')).toHaveLength(4);
  });

  it('is cancelled under the id the server knows; what comes late is dropped', async () => {
    const lane = await session();
    const sink = new Recorder();
    const handle = lane.dispatch(outbound('tools/call', { name: 'hang' }, { id: 'mine' }), sink);
    handle.cancel('no longer wanted');
    handle.cancel('again');
    const cancelled = (await tool<Received[]>(lane, 'received')).filter((m) => m.method === 'notifications/cancelled');
    expect(cancelled).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: handle.upstreamId, reason: 'no longer wanted' },
      },
    ]);
    expect(sink.heard).toEqual([]);
  });

  it('times out, tells the server, and leaves the pipe usable', async () => {
    const lane = await session();
    const sink = await request(lane, 'tools/call', { name: 'hang' }, { timeoutMs: 20 });
    expect([sink.problem?.code, sink.detail]).toEqual(['UPSTREAM_TIMEOUT', 'no answer to tools/call in time']);
    const seen = await tool<Received[]>(lane, 'received');
    expect(seen.some((m) => m.method === 'notifications/cancelled')).toBe(true);
  });

  it('is refused when too many wait, naming the setting, and passes again after one is over', async () => {
    const upstream = bench.upstream({
      args: child('server.mjs', 'legacy'),
      era: 'legacy',
      limits: { pending_calls: 2 },
    });
    const lane = await upstream.lease(leaseFor('legacy'));
    await open(lane);
    const waiting = [1, 2].map(() => lane.dispatch(outbound('tools/call', { name: 'hang' }), new Recorder()));
    const refused = new Recorder();
    lane.dispatch(outbound('tools/call', { name: 'echo' }), refused);
    expect(refused.heard).toEqual([]);
    await refused.over;
    expect([refused.problem?.code, refused.detail]).toEqual([
      'UPSTREAM_BUSY',
      expect.stringContaining('pending_calls'),
    ]);
    waiting[0]!.cancel('make room');
    expect(await tool(lane, 'echo', 1)).toBe(1);
  });

  it('hears nothing at all when it was cancelled before its refusal was told', async () => {
    const lane = await session();
    lane.release();
    const sink = new Recorder();
    lane.dispatch(outbound('ping', {}), sink).cancel('gone');
    await request(lane, 'ping');
    expect(sink.heard).toEqual([]);
  });
});

describe('a legacy session with a child to itself', () => {
  it('passes the words of client and server through as they are', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'legacy'), era: 'auto' });
    const lane = await upstream.lease(leaseFor('legacy'));
    expect([lane.era, lane.shared]).toEqual(['legacy', false]);
    const opening = await open(lane, '2025-03-26');
    expect(opening.response?.result).toMatchObject({ protocolVersion: '2025-03-26', serverInfo: { vendor: 1 } });
    const seen = await tool<Received[]>(lane, 'received');
    expect(seen.map((m) => m.method)).toEqual(['initialize', 'notifications/initialized', 'tools/call']);
  });

  it('puts a question of the server on the stream of the waiting call and takes the answer back', async () => {
    const lane = await session();
    const sink = new Recorder();
    lane.dispatch(outbound('tools/call', { name: 'ask' }), sink);
    await until(() => sink.messages.length === 1, 'the question is there');
    expect(sink.messages).toEqual([{ jsonrpc: '2.0', id: 'q1', method: 'roots/list' }]);
    await lane.send(message({ id: 'q1', result: { roots: [] } }), '2025-11-25');
    await sink.over;
    expect(toolValue(sink)).toEqual({ roots: [] });
  });

  it('hears what belongs to no call on its listener', async () => {
    const lane = await session();
    const listener = new Listening();
    lane.listen(listener);
    await tool(lane, 'announce', { uri: 'a:1' });
    expect(listener.methods).toEqual([
      'notifications/tools/list_changed',
      'notifications/resources/updated',
      'notifications/message',
    ]);
  });

  it("does not pass on the client's own cancelled notification, whose id is another call's here", async () => {
    const lane = await session();
    await lane.send(message({ method: 'notifications/cancelled', params: { requestId: 1 } }), '2025-11-25');
    await lane.send(message({ method: 'notifications/roots/list_changed' }), '2025-11-25');
    const methods = (await tool<Received[]>(lane, 'received')).map((m) => m.method);
    expect(methods).toContain('notifications/roots/list_changed');
    expect(methods).not.toContain('notifications/cancelled');
  });

  it('has a child of its own: two sessions of one caller share nothing', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'legacy'), era: 'legacy' });
    const lanes = [
      await upstream.lease(leaseFor('legacy', 'ada', '1')),
      await upstream.lease(leaseFor('legacy', 'ada', '2')),
    ];
    for (const lane of lanes) await open(lane);
    const pids = await Promise.all(lanes.map(async (lane) => (await tool<Identity>(lane, 'identity')).pid));
    expect(pids[0]).not.toBe(pids[1]);
  });

  it('holds the server up while the client does not keep up, and goes on after', async () => {
    const lane = await session();
    const slow = new Recorder();
    slow.keepsUp = false;
    const options = { meta: { progressToken: 1 } };
    const handle = lane.dispatch(outbound('tools/call', { name: 'progress' }, options), slow);
    await until(() => slow.messages.length > 0, 'progress arrived');
    const other = new Recorder();
    lane.dispatch(outbound('tools/call', { name: 'echo', arguments: 1 }), other);
    slow.keepsUp = true;
    handle.resume();
    await other.over;
    expect(toolValue(other)).toBe(1);
  });
});

const LOGGED = { meta: { 'io.modelcontextprotocol/logLevel': 'info' } };

describe('a modern child', () => {
  it('is shared by the requests of one caller and by nobody else', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'modern'), era: 'modern' });
    const pidFor = async (who: string): Promise<number> => {
      const lane = await upstream.lease(leaseFor('modern', who));
      const { pid } = await tool<Identity>(lane, 'identity');
      lane.release();
      return pid;
    };
    const ada = await pidFor('ada');
    expect(await pidFor('ada')).toBe(ada);
    expect(await pidFor('ben')).not.toBe(ada);
    expect(upstream.health().children).toBe(2);
  });

  it('is started once for requests that come at the same time', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'modern'), era: 'auto' });
    const lanes = await Promise.all([1, 2, 3].map(() => upstream.lease(leaseFor('modern'))));
    expect(upstream.health().children).toBe(1);
    expect(lanes.map((lane) => lane.shared)).toEqual([true, true, true]);
  });

  it('makes room for a new caller by stopping the child nobody has used for longest', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'modern'), era: 'modern', limits: { children: 2 } });
    for (const who of ['ada', 'ben']) (await upstream.lease(leaseFor('modern', who))).release();
    const held = await upstream.lease(leaseFor('modern', 'ben'));
    const pid = (await tool<Identity>(held, 'identity')).pid;
    expect(await tool(await upstream.lease(leaseFor('modern', 'eve')), 'echo', 1)).toBe(1);
    expect((await tool<Identity>(held, 'identity')).pid).toBe(pid);
    expect(upstream.health().children).toBe(2);
  });

  it('is stopped when nobody has used it for a while', async () => {
    const upstream = bench.upstream(
      { args: child('server.mjs', 'modern'), era: 'modern' },
      { timing: { graceMs: 300, idleMs: 40 } },
    );
    const lane = await upstream.lease(leaseFor('modern'));
    await tool(lane, 'echo', 1);
    lane.release();
    await until(() => upstream.health().children === 0, 'the idle child is gone');
    expect(await tool(await upstream.lease(leaseFor('modern')), 'echo', 2)).toBe(2);
  });

  it('sends list changes to the subscription they name, under the id of the listen call', async () => {
    const lane = await modern();
    const subscription = new Recorder();
    const handle = lane.dispatch(outbound('subscriptions/listen', {}, { timeoutMs: 2_000 }), subscription);
    const listener = new Listening();
    lane.listen(listener);
    await tool(lane, 'announce');
    expect(subscription.heard).toEqual([
      'opened',
      'notifications/subscriptions/acknowledged',
      'notifications/tools/list_changed',
    ]);
    handle.cancel('closed');
    await tool(lane, 'announce');
    expect(subscription.heard).toHaveLength(3);
    expect(listener.messages).toEqual([]);
  });

  it('sends log lines to the call that asked for them, and to nobody where callers share the child', async () => {
    const asked = await request(await modern(), 'tools/call', { name: 'log' }, LOGGED);
    expect(asked.heard).toEqual(['opened', 'notifications/message', 'settled']);
    const unasked = await request(await modern(), 'tools/call', { name: 'log' });
    expect(unasked.heard).toEqual(['settled']);
    const among = await request(await modern({ child: 'shared' }), 'tools/call', { name: 'log' }, LOGGED);
    expect(among.heard).toEqual(['settled']);
  });

  it('sends log lines to nobody while several calls asked for them: no line says whose it is', async () => {
    const lane = await modern();
    const waiting = new Recorder();
    const handle = lane.dispatch(outbound('tools/call', { name: 'hang' }, LOGGED), waiting);
    const second = await request(lane, 'tools/call', { name: 'log' }, LOGGED);
    expect([waiting.heard, second.heard]).toEqual([[], ['settled']]);
    handle.cancel('no longer needed');
    const alone = await request(lane, 'tools/call', { name: 'log' }, LOGGED);
    expect(alone.heard).toEqual(['opened', 'notifications/message', 'settled']);
  });

  it('sends log lines past the calls and subscriptions that may not have them', async () => {
    const lane = await modern();
    const waiting = new Recorder();
    lane.dispatch(outbound('tools/call', { name: 'hang' }), waiting);
    const subscription = new Recorder();
    lane.dispatch(outbound('subscriptions/listen', {}, LOGGED), subscription);
    const asked = await request(lane, 'tools/call', { name: 'log' }, LOGGED);
    expect(asked.heard).toEqual(['opened', 'notifications/message', 'settled']);
    expect(waiting.heard).toEqual([]);
    expect(subscription.heard).toEqual(['opened', 'notifications/subscriptions/acknowledged']);
  });

  it('is refused its questions, which this era does not have', async () => {
    const sink = await request(await modern(), 'tools/call', { name: 'ask' });
    expect(toolValue(sink)).toMatchObject({ code: -32601 });
    expect(bench.log.matching(/sent a request, which this era does not have/)).toHaveLength(1);
  });

  it('gives the next request a new child after a crash', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'modern'), era: 'auto' });
    const lane = await upstream.lease(leaseFor('modern'));
    expect((await request(lane, 'tools/call', { name: 'exit' })).problem?.code).toBe('UPSTREAM_CLOSED');
    lane.release();
    expect(await tool(await upstream.lease(leaseFor('modern')), 'echo', 1)).toBe(1);
  });
});

it('talks to the reference server: lists its tools, calls one and streams progress', async () => {
  const upstream = bench.upstream({ ...EVERYTHING_STDIO, era: 'auto' });
  const lane = await upstream.lease(leaseFor('legacy'));
  const opening = await open(lane);
  expect(opening.response?.result).toMatchObject({ protocolVersion: '2025-11-25' });
  const list = await request(lane, 'tools/list');
  const { tools } = list.response!.result as { tools: { name: string }[] };
  expect(tools.map(({ name }) => name)).toContain('echo');
  const echo = await request(lane, 'tools/call', { name: 'echo', arguments: { message: 'hello' } });
  expect(echo.response?.result).toEqual({ content: [{ type: 'text', text: 'Echo: hello' }] });
  const long = await request(
    lane,
    'tools/call',
    { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 4 } },
    { meta: { progressToken: 'p' } },
  );
  expect(long.heard.filter((method) => method === 'notifications/progress')).toHaveLength(4);
  await expect(upstream.lease(leaseFor('modern'))).rejects.toThrow('client speaks 2026-07-28; server small speaks');
});

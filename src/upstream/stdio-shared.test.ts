import { afterEach, describe, expect, it } from 'vitest';
import {
  Bench,
  child,
  type Identity,
  Listening,
  leaseFor,
  message,
  open,
  request,
  tool,
} from '../../test/support/children/bench.ts';
import type { Lane, Upstream } from './lane.ts';
import type { ChildScope } from './settings.ts';

let bench = new Bench();
afterEach(async () => {
  await bench.closeAll();
  bench = new Bench();
});

interface Received {
  readonly method?: string;
  readonly params?: unknown;
}

function upstreamOf(scope: ChildScope): Upstream {
  return bench.upstream({ args: child('server.mjs', 'legacy'), era: 'auto', child: scope });
}

async function sessionOn(upstream: Upstream, who: string, session: string): Promise<{ lane: Lane; heard: Listening }> {
  const lane = await upstream.lease(leaseFor('legacy', who, session));
  const heard = new Listening();
  lane.listen(heard);
  await open(lane);
  return { lane, heard };
}

const pidOf = async (lane: Lane): Promise<number> => (await tool<Identity>(lane, 'identity')).pid;

describe('a legacy child under several sessions', () => {
  it.each([
    ['shared', true],
    ['per_principal', false],
  ] as const)('is shared as "%s" says', async (scope, acrossPrincipals) => {
    const upstream = upstreamOf(scope);
    const first = await sessionOn(upstream, 'ada', '1');
    const second = await sessionOn(upstream, 'ada', '2');
    const other = await sessionOn(upstream, 'ben', '3');
    expect(first.lane.shared).toBe(true);
    const pid = await pidOf(first.lane);
    expect(await pidOf(second.lane)).toBe(pid);
    expect((await pidOf(other.lane)) === pid).toBe(acrossPrincipals);
  });

  it('is initialised once, by the gateway, without any capability', async () => {
    const upstream = upstreamOf('shared');
    const { lane } = await sessionOn(upstream, 'ada', '1');
    await sessionOn(upstream, 'ben', '2');
    const seen = await tool<Received[]>(lane, 'received');
    expect(seen.map((m) => m.method)).toEqual(['initialize', 'notifications/initialized', 'tools/call']);
    expect(seen[0]?.params).toMatchObject({
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'sallyport' },
    });
  });

  it("answers each session with the server's own words, under the older of both revisions", async () => {
    const upstream = upstreamOf('shared');
    for (const revision of ['2025-11-25', '2025-03-26'] as const) {
      const opening = await open(await upstream.lease(leaseFor('legacy')), revision);
      expect(opening.response?.result).toEqual({
        protocolVersion: revision,
        capabilities: { tools: {} },
        serverInfo: { name: 'small', version: '1', vendor: 1 },
      });
    }
  });

  it('tells all of list changes, of a resource only who subscribed to it, and nobody of log lines', async () => {
    const upstream = upstreamOf('shared');
    const ada = await sessionOn(upstream, 'ada', '1');
    const ben = await sessionOn(upstream, 'ben', '2');
    await request(ada.lane, 'resources/subscribe', { uri: 'note:1' });
    await tool(ben.lane, 'announce', { uri: 'note:1' });
    expect(ada.heard.methods).toEqual(['notifications/tools/list_changed', 'notifications/resources/updated']);
    expect(ben.heard.methods).toEqual(['notifications/tools/list_changed']);
  });

  it('tells of a sub-resource who subscribed to what it lies in, once', async () => {
    const upstream = upstreamOf('shared');
    const [ada, ben] = [await sessionOn(upstream, 'ada', '1'), await sessionOn(upstream, 'ben', '2')];
    await request(ada.lane, 'resources/subscribe', { uri: 'file:///dir/' });
    await request(ada.lane, 'resources/subscribe', { uri: 'file:///dir' });
    await request(ben.lane, 'resources/subscribe', { uri: 'file:///di' });
    await tool(ben.lane, 'announce', { uri: 'file:///dir/child.txt' });
    expect(ada.heard.methods).toEqual(['notifications/tools/list_changed', 'notifications/resources/updated']);
    expect(ben.heard.methods).toEqual(['notifications/tools/list_changed']);
  });

  it('is not offered log lines, which nobody would hear', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'legacy', 'logs'), era: 'auto', child: 'shared' });
    const opening = await open(await upstream.lease(leaseFor('legacy')));
    expect(opening.response?.result).toMatchObject({ capabilities: { tools: {} } });
    expect(opening.response?.result).not.toHaveProperty('capabilities.logging');
    const alone = bench.upstream({ args: child('server.mjs', 'legacy', 'logs'), era: 'auto', child: 'per_session' });
    const own = await open(await alone.lease(leaseFor('legacy')));
    expect(own.response?.result).toHaveProperty('capabilities.logging');
  });

  it('unsubscribes at the server only when the last session has', async () => {
    const upstream = upstreamOf('shared');
    const ada = await sessionOn(upstream, 'ada', '1');
    const ben = await sessionOn(upstream, 'ben', '2');
    const unsubscribed = async (): Promise<number> => {
      const seen = await tool<Received[]>(ben.lane, 'received');
      return seen.filter((m) => m.method === 'resources/unsubscribe').length;
    };
    for (const { lane } of [ada, ben]) await request(lane, 'resources/subscribe', { uri: 'note:1' });
    const answer = await request(ada.lane, 'resources/unsubscribe', { uri: 'note:1' });
    expect(answer.response?.result).toEqual({});
    expect(await unsubscribed()).toBe(0);
    await request(ada.lane, 'resources/subscribe', { uri: 'note:2' });
    ada.lane.release();
    expect(await unsubscribed()).toBe(1);
    await request(ben.lane, 'resources/unsubscribe', { uri: 'note:1' });
    expect(await unsubscribed()).toBe(2);
  });

  it('gets an error for its questions: there is nobody to ask', async () => {
    const { lane } = await sessionOn(upstreamOf('shared'), 'ada', '1');
    expect(await tool(lane, 'ask')).toMatchObject({ code: -32601 });
  });

  it("hears no notification of a session and no log level: both would be everybody's", async () => {
    const { lane } = await sessionOn(upstreamOf('shared'), 'ada', '1');
    await lane.send(message({ method: 'notifications/roots/list_changed' }), '2025-11-25');
    await lane.send(message({ method: 'notifications/cancelled', params: { requestId: 1 } }), '2025-11-25');
    await lane.send(message({ id: 1, result: {} }), '2025-11-25');
    expect((await request(lane, 'logging/setLevel', { level: 'debug' })).response?.error).toMatchObject({
      code: -32601,
    });
    const seen = await tool<Received[]>(lane, 'received');
    expect(seen.map((m) => m.method)).toEqual(['initialize', 'notifications/initialized', 'tools/call']);
  });

  it("runs no tasks, whose list would be everybody's", async () => {
    const { lane } = await sessionOn(upstreamOf('shared'), 'ada', '1');
    for (const [method, params] of [
      ['tasks/list', {}],
      ['tasks/result', { taskId: 'somebody-elses' }],
      ['tools/call', { name: 'echo', arguments: { value: 1 }, task: { ttl: 1 } }],
    ] as const) {
      expect((await request(lane, method, params)).response?.error).toMatchObject({ code: -32601 });
    }
    const seen = await tool<Received[]>(lane, 'received');
    expect(seen.map((m) => m.method)).toEqual(['initialize', 'notifications/initialized', 'tools/call']);
    expect(await tool(lane, 'echo', 1)).toBe(1);
  });

  it('closes every session when it dies, and the next session gets another', async () => {
    const upstream = upstreamOf('shared');
    const both = [await sessionOn(upstream, 'ada', '1'), await sessionOn(upstream, 'ben', '2')];
    await request(both[0]!.lane, 'tools/call', { name: 'exit' });
    for (const { heard } of both) expect(heard.closings.map((p) => p.code)).toEqual(['UPSTREAM_CLOSED']);
    const next = await sessionOn(upstream, 'ada', '3');
    expect(await tool(next.lane, 'echo', 1)).toBe(1);
  });

  it('stays while one session leaves', async () => {
    const upstream = upstreamOf('shared');
    const ada = await sessionOn(upstream, 'ada', '1');
    const ben = await sessionOn(upstream, 'ben', '2');
    ada.lane.release();
    expect(await tool(ben.lane, 'echo', 1)).toBe(1);
    await tool(ben.lane, 'announce');
    expect(ada.heard.messages).toEqual([]);
  });
});

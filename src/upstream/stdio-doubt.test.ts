import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Bench,
  child,
  groupGone,
  type Identity,
  leaseFor,
  open,
  outbound,
  Recorder,
  request,
  tool,
  toolValue,
} from '../../test/support/children/bench.ts';
import type { Era } from '../protocol/revisions.ts';
import type { Lane } from './lane.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.closeAll());

async function started(era: Era): Promise<{ readonly lane: Lane; readonly pid: number; renew(): Promise<Lane> }> {
  const upstream = bench.upstream({ args: child('server.mjs', era), era });
  const renew = async (): Promise<Lane> => {
    const lane = await upstream.lease(leaseFor(era));
    if (era === 'legacy') await open(lane);
    return lane;
  };
  const lane = await renew();
  return { lane, pid: (await tool<Identity>(lane, 'identity')).pid, renew };
}

function call(lane: Lane, name: string, args: object = {}, timeoutMs = 20_000): Recorder {
  const sink = new Recorder();
  lane.dispatch(outbound('tools/call', { name, arguments: args }, { timeoutMs }), sink);
  return sink;
}

/** One call that runs out of time. */
async function timedOut(lane: Lane, timeoutMs = 20): Promise<void> {
  const sink = await request(lane, 'tools/call', { name: 'hang' }, { timeoutMs });
  expect(sink.problem?.code).toBe('UPSTREAM_TIMEOUT');
}

async function received(lane: Lane): Promise<string[]> {
  const messages = await tool<{ method: string }[]>(lane, 'received');
  return messages.map(({ method }) => method);
}

describe.each([
  ['legacy', 'ping'],
  ['modern', 'server/discover'],
] as const)('a child that met a call with silence (%s)', (era, question) => {
  it('and does not answer whether it lives is replaced; only calls that came meanwhile are unseen', async () => {
    const { lane, pid, renew } = await started(era);
    process.kill(pid, 'SIGSTOP');
    const underWay = call(lane, 'echo');
    await timedOut(lane);
    const meanwhile = [call(lane, 'echo'), call(lane, 'echo')];
    await Promise.all([underWay, ...meanwhile].map(({ over }) => over));
    expect([underWay, ...meanwhile].map(({ problem, unseen }) => [problem?.code, unseen])).toEqual([
      ['UPSTREAM_CLOSED', false],
      ['UPSTREAM_CLOSED', true],
      ['UPSTREAM_CLOSED', true],
    ]);
    expect(await tool(await renew(), 'echo', { on: 1 })).toEqual({ on: 1 });
    await groupGone(pid);
    expect(bench.log.matching(/stopped answering.*call_timeout_ms/)).toHaveLength(1);
  });

  it('and answers is only slow: it stays, and calls that came meanwhile reach it in their order', async () => {
    const { lane, pid } = await started(era);
    const underWay = call(lane, 'hang', {}, 0);
    await timedOut(lane);
    const meanwhile = [1, 2, 3].map((n) => call(lane, 'echo', { n }));
    await Promise.all(meanwhile.map(({ over }) => over));
    expect(meanwhile.map((sink) => toolValue(sink))).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect((await tool<Identity>(lane, 'identity')).pid).toBe(pid);
    expect((await received(lane)).filter((method) => method === question)).toHaveLength(1);
    expect(underWay.heard).toEqual([]);
  });

  it('sees nothing of a call that was taken back meanwhile', async () => {
    const { lane } = await started(era);
    await timedOut(lane);
    const sink = new Recorder();
    lane
      .dispatch(outbound('tools/call', { name: 'echo', arguments: { never: 'sent' } }), sink)
      .cancel('changed my mind');
    const seen = JSON.stringify(await tool(lane, 'received'));
    expect(seen).not.toContain('never');
    expect(seen).not.toContain('changed my mind');
    expect(seen).toContain('timed out');
    expect(sink.heard).toEqual([]);
  });

  it('is not asked when it spoke while the call waited', async () => {
    const { lane } = await started(era);
    const sink = call(lane, 'hang', {}, 1_000);
    await tool(lane, 'echo');
    await sink.over;
    expect(sink.problem?.code).toBe('UPSTREAM_TIMEOUT');
    expect(await received(lane)).not.toContain(question);
  });
});

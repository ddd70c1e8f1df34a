import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, child, type Identity, leaseFor, outbound, Recorder, tool } from '../../test/support/children/bench.ts';
import { isDead } from '../../test/support/processes.ts';
import type { Lane } from './lane.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.closeAll());

async function modern(): Promise<{ readonly lane: Lane; readonly pid: number }> {
  const upstream = bench.upstream({ args: child('server.mjs', 'modern'), era: 'modern' });
  const lane = await upstream.lease(leaseFor('modern'));
  return { lane, pid: (await tool<Identity>(lane, 'identity')).pid };
}

function call(lane: Lane, name: string, args: object = {}): Recorder {
  const sink = new Recorder();
  lane.dispatch(outbound('tools/call', { name, arguments: args }), sink);
  return sink;
}

/** Dead before this returns, and nobody in this process has had a turn to hear of it. */
function killUnheard(pid: number): void {
  process.kill(pid, 'SIGKILL');
  while (!isDead(pid));
}

describe('a call that failed with its child', () => {
  it('was unseen when the child was gone before the pipe took it', async () => {
    const { lane, pid } = await modern();
    killUnheard(pid);
    const sinks = [call(lane, 'echo'), call(lane, 'echo')];
    await Promise.all(sinks.map(({ over }) => over));
    expect(sinks.map(({ problem, unseen }) => [problem?.code, unseen])).toEqual([
      ['UPSTREAM_CLOSED', true],
      ['UPSTREAM_CLOSED', true],
    ]);
  });

  it('may have been carried out when the pipe had taken it', async () => {
    const { lane, pid } = await modern();
    const sinks = Array.from({ length: 20 }, () => call(lane, 'hang'));
    await tool(lane, 'echo');
    killUnheard(pid);
    await Promise.all(sinks.map(({ over }) => over));
    expect(sinks.every(({ problem, unseen }) => problem?.code === 'UPSTREAM_CLOSED' && unseen === false)).toBe(true);
  });

  it('was unseen when it was still in the queue of a child that did not read', async () => {
    const { lane, pid } = await modern();
    const seen = call(lane, 'hang');
    await tool(lane, 'read-no-more');
    const queued = Array.from({ length: 8 }, (_, n) => call(lane, 'echo', { n, big: 'x'.repeat(500_000) }));
    killUnheard(pid);
    await Promise.all([seen, ...queued].map(({ over }) => over));
    expect([seen.unseen, queued.at(-1)?.unseen]).toEqual([false, true]);
  });

  it('may have been carried out when the gateway itself ended the child', async () => {
    const { lane } = await modern();
    const sink = call(lane, 'hang');
    await bench.closeAll();
    await sink.over;
    expect([sink.problem?.code, sink.unseen]).toEqual(['SHUTTING_DOWN', false]);
  });
});

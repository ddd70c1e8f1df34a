import { afterEach, describe, expect, it } from 'vitest';
import { Bench, child, leaseFor, open, tool } from '../../test/support/children/bench.ts';
import type { ProblemError } from '../problem/problem.ts';
import type { Era } from '../protocol/revisions.ts';
import type { Upstream } from './lane.ts';

let bench = new Bench();
afterEach(async () => {
  await bench.closeAll();
  bench = new Bench();
});

const LEGACY_ONLY = 'client speaks 2026-07-28; server small speaks 2025-11-25 and earlier';
const MODERN_ONLY = 'client speaks 2025-11-25 and earlier; server small speaks 2026-07-28';

async function refusal(upstream: Upstream, era: Era): Promise<{ code: string; text: string; detail: string }> {
  const error = (await upstream.lease(leaseFor(era)).then(
    () => undefined,
    (reason: unknown) => reason,
  )) as ProblemError | undefined;
  if (error === undefined) throw new Error('a lane was given');
  return { code: error.problem.code, text: error.problem.text, detail: error.detail };
}

describe('finding out which era a server speaks', () => {
  it('gives a modern client a lane to a modern server, asking once', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'modern') });
    const asked = async (who: string): Promise<string[]> => {
      const lane = await upstream.lease(leaseFor('modern', who));
      return (await tool<{ method: string }[]>(lane, 'received')).map(({ method }) => method);
    };
    expect(await asked('ada')).toEqual(['server/discover', 'tools/call']);
    expect(await asked('ben')).toEqual(['tools/call']);
  });

  it.each([
    ['answers with an error', [], 1],
    ['leaves when spoken to too early', ['exit-early'], 2],
    ['says nothing when spoken to too early', ['silent-early'], 1],
  ] as const)('refuses a modern client of a legacy server that %s, naming both eras, and remembers', async (_, quirks, starts) => {
    const upstream = bench.upstream({ args: child('server.mjs', 'legacy', ...quirks), start_timeout_ms: 1_500 });
    expect(await refusal(upstream, 'modern')).toMatchObject({ code: 'ERA_MISMATCH', text: LEGACY_ONLY });
    const most = Math.max(...bench.states.map((state) => state.children));
    expect(most).toBeLessThanOrEqual(starts);
    const before = bench.states.filter((state) => state.children > 0).length;
    expect(await refusal(upstream, 'modern')).toMatchObject({ code: 'ERA_MISMATCH' });
    expect(bench.states.filter((state) => state.children > 0)).toHaveLength(before);
    expect(bench.log.matching(/^error/)).toEqual([]);
    const lane = await upstream.lease(leaseFor('legacy'));
    expect((await open(lane)).response?.result).toBeDefined();
  });

  it('does not take a broken server for a legacy one', async () => {
    const upstream = bench.upstream({ args: child('crash.mjs') });
    const { code, detail } = await refusal(upstream, 'modern');
    expect([code, detail]).toEqual(['UPSTREAM_START', 'exited with code 1']);
    expect(bench.log.matching(/stopped by itself/)).toHaveLength(1);
  });

  it('does not take a server that hangs for a legacy one', async () => {
    const upstream = bench.upstream({ command: '/bin/sleep', args: ['1000'], start_timeout_ms: 50 });
    expect(await refusal(upstream, 'modern')).toEqual({
      code: 'UPSTREAM_START',
      text: 'The server could not be started',
      detail: 'no answer to initialize in 50 ms',
    });
  });

  it.each(['per_session', 'shared'] as const)('refuses a legacy client of a modern server, child %s', async (scope) => {
    const upstream = bench.upstream({ args: child('server.mjs', 'modern'), child: scope });
    if (scope === 'shared') {
      expect(await refusal(upstream, 'legacy')).toMatchObject({ code: 'ERA_MISMATCH', text: MODERN_ONLY });
      return;
    }
    const sink = await open(await upstream.lease(leaseFor('legacy')));
    expect([sink.problem?.code, sink.problem?.text]).toEqual(['ERA_MISMATCH', MODERN_ONLY]);
  });

  it.each(['modern', 'legacy'] as const)('takes the word of the settings for it: %s', async (era) => {
    const upstream = bench.upstream({ args: child('server.mjs', era), era });
    const other = era === 'modern' ? 'legacy' : 'modern';
    expect((await refusal(upstream, other)).code).toBe('ERA_MISMATCH');
    expect(bench.states).toEqual([]);
    expect((await upstream.lease(leaseFor(era))).era).toBe(era);
  });

  it('asks again after a crash', async () => {
    const upstream = bench.upstream({ args: child('server.mjs', 'modern'), restart: { backoff_ms: 1 } });
    const lane = await upstream.lease(leaseFor('modern'));
    await expect(tool(lane, 'exit')).rejects.toThrow('UPSTREAM_CLOSED');
    const next = await upstream.lease(leaseFor('modern'));
    const seen = await tool<{ method: string }[]>(next, 'received');
    expect(seen[0]?.method).toBe('server/discover');
  });
});

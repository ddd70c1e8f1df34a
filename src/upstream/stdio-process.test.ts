import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Bench,
  child,
  groupGone,
  groupMembers,
  type Identity,
  Listening,
  leaseFor,
  open,
  outbound,
  Recorder,
  request,
  tool,
} from '../../test/support/children/bench.ts';
import { until } from '../../test/support/wait.ts';
import type { Upstream } from './lane.ts';

let bench = new Bench();
afterEach(async () => {
  await bench.closeAll();
  bench = new Bench();
});

const legacy = (...quirks: string[]) => ({ args: child('server.mjs', 'legacy', ...quirks), era: 'legacy' as const });

async function refusal(upstream: Upstream, era: 'modern' | 'legacy' = 'legacy'): Promise<string> {
  const error: unknown = await upstream.lease(leaseFor(era)).then(
    () => 'a lane was given',
    (reason: unknown) => reason,
  );
  const { problem, detail } = error as { problem: { code: string }; detail: string };
  return `${problem.code} ${detail}`;
}

describe('starting a server', () => {
  it('gives it its own process group and none of the variables of the gateway', async () => {
    const upstream = bench.upstream({ ...legacy(), env: { MODE: 'x' } });
    const lane = await upstream.lease(leaseFor('legacy'));
    await open(lane);
    const { pid, environment } = await tool<Identity>(lane, 'identity');
    expect(groupMembers(pid)).toContain(pid);
    expect(environment).toEqual({ PATH: '/usr/bin:/bin', MODE: 'x' });
    expect(upstream.health()).toMatchObject({ state: 'up', children: 1 });
  });

  it('hands arguments over as they are: no shell reads them', async () => {
    const upstream = bench.upstream({ command: '/bin/echo', args: ['$(id)', '; id', '`id`'], era: 'legacy' });
    const lane = await upstream.lease(leaseFor('legacy'));
    await request(lane, 'initialize');
    expect(bench.log.matching(/\$\(id\) ; id `id`/)).toHaveLength(1);
  });

  it('names the command and the remedy when the command does not exist, and tells the client no path', async () => {
    const upstream = bench.upstream({ command: 'no-such-program-here', era: 'legacy' });
    expect(await refusal(upstream)).toBe('UPSTREAM_START command not found: no-such-program-here');
    expect(bench.log.matching(/error server small could not be started.*give an absolute path in mcps/)).toHaveLength(
      1,
    );
    expect(upstream.health()).toEqual({ state: 'down', children: 0, lastError: 'command not found' });
  });

  it.each([
    ['a working folder that is not there', { cwd: '/no/such/folder' }, /working folder not found: \/no\/such\/folder/],
    ['a file that may not be run', { command: '/etc/passwd' }, /not allowed to run/],
    ['an argument no program can get', { args: ['a\0b'] }, /null bytes/],
  ])('says what is wrong with %s', async (_, settings, cause) => {
    const upstream = bench.upstream({ ...legacy(), ...settings });
    expect(await refusal(upstream)).toMatch(cause);
  });

  it('refuses more children than allowed, naming the setting, until one is given back', async () => {
    const upstream = bench.upstream({ ...legacy(), limits: { children: 1 } });
    const first = await upstream.lease(leaseFor('legacy'));
    expect(await refusal(upstream)).toBe('UPSTREAM_BUSY mcps[].limits.children (1) is reached');
    first.release();
    const second = await upstream.lease(leaseFor('legacy'));
    expect((await open(second)).response).toBeDefined();
  });

  it('refuses more starts in a minute than allowed, naming the setting', async () => {
    const upstream = bench.upstream({ ...legacy(), limits: { spawns_per_minute: 2 } });
    for (const _ of [1, 2]) (await upstream.lease(leaseFor('legacy'))).release();
    expect(await refusal(upstream)).toBe('UPSTREAM_BUSY mcps[].limits.spawns_per_minute (2) is reached');
  });
});

describe('a server that dies', () => {
  it('fails the call with its last words for the operator only, and logs the remedy', async () => {
    const upstream = bench.upstream({ args: child('crash.mjs'), era: 'legacy' });
    const lane = await upstream.lease(leaseFor('legacy'));
    const sink = await open(lane);
    expect(sink.problem?.code).toBe('UPSTREAM_CLOSED');
    // What a program prints is for the log: the detail of a call also goes into the record.
    expect(sink.detail).toBe('exited with code 1');
    expect(JSON.stringify(bench.log)).toContain('last on stderr: fatal: ');
    expect(sink.problem?.text).not.toContain('EXAMPLE_API_KEY');
    expect(bench.log.matching(/stopped by itself: it exited with code 1.*check mcps\[\]\.args/)).toHaveLength(1);
  });

  it('fails every waiting call at once and closes the listener once', async () => {
    const lane = await bench.upstream(legacy()).lease(leaseFor('legacy'));
    await open(lane);
    const listener = new Listening();
    lane.listen(listener);
    const sinks = Array.from({ length: 20 }, () => new Recorder());
    for (const sink of sinks) lane.dispatch(outbound('tools/call', { name: 'hang' }), sink);
    const { pid } = await tool<Identity>(lane, 'identity');
    process.kill(pid, 'SIGKILL');
    await Promise.all(sinks.map((sink) => sink.over));
    expect(new Set(sinks.map((sink) => sink.problem?.code))).toEqual(new Set(['UPSTREAM_CLOSED']));
    expect(listener.closings.map((problem) => problem.code)).toEqual(['UPSTREAM_CLOSED']);
    expect((await request(lane, 'ping')).problem?.code).toBe('UPSTREAM_CLOSED');
  });

  it.each([
    'die-mid-answer',
    'exit',
    'close-stdout',
  ])('fails the call on "%s" and the next session works', async (end) => {
    const upstream = bench.upstream(legacy());
    const lane = await upstream.lease(leaseFor('legacy'));
    await open(lane);
    const sink = await request(lane, 'tools/call', { name: end });
    expect(sink.heard).toEqual(['failed']);
    const next = await upstream.lease(leaseFor('legacy'));
    await open(next);
    expect(await tool(next, 'echo', { a: 1 })).toEqual({ a: 1 });
  });

  it('still delivers an answer written just before the exit', async () => {
    const lane = await bench.upstream(legacy()).lease(leaseFor('legacy'));
    await open(lane);
    expect(await tool(lane, 'answer-and-die')).toBe('last words');
  });

  it('is refused at once after dying too often, and tried again after the pause', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-'));
    const poison = join(folder, 'poison');
    writeFileSync(poison, '');
    const clock = { offset: 0, now: () => performance.now() + clock.offset };
    const upstream = bench.upstream(
      { args: child('flaky.mjs', poison), era: 'legacy', restart: { backoff_ms: 60_000, backoff_max_ms: 60_000 } },
      { clock },
    );
    for (const _ of [1, 2, 3]) {
      clock.offset += 60_000;
      await request(await upstream.lease(leaseFor('legacy')), 'initialize');
    }
    expect(await refusal(upstream)).toBe('UPSTREAM_CRASH_LOOP last: exited with code 7');
    expect(upstream.health()).toEqual({ state: 'crash-loop', children: 0, lastError: 'exited with code 7' });
    expect(bench.log.matching(/keeps stopping/)).toHaveLength(1);
    rmSync(folder, { recursive: true });
    clock.offset += 60_000;
    const lane = await upstream.lease(leaseFor('legacy'));
    expect((await open(lane)).response).toBeDefined();
    expect(upstream.health()).toEqual({ state: 'up', children: 1, lastError: undefined });
  });
});

describe('what a server writes', () => {
  it('keeps everything that is no message from the client, and logs five lines a minute of it, made harmless', async () => {
    const lane = await bench.upstream(legacy('noise')).lease(leaseFor('legacy'));
    const listener = new Listening();
    lane.listen(listener);
    await open(lane);
    for (const n of [1, 2, 3]) expect(await tool(lane, 'echo', { n })).toEqual({ n });
    expect(listener.messages).toEqual([]);
    const logged = bench.log.matching(/wrote a line to stdout that is no message/);
    expect(logged).toHaveLength(5);
    expect(logged.join('')).toContain('\\\\x1b[31mred');
  });

  it('kills a server whose line does not end, naming the setting, in bounded memory', async () => {
    const lane = await bench.upstream(legacy()).lease(leaseFor('legacy'));
    await open(lane);
    const sink = await request(lane, 'tools/call', { name: 'flood' });
    expect(sink.problem?.code).toBe('UPSTREAM_CLOSED');
    expect(sink.detail).toContain('wrote a line longer than 1048576 bytes');
    expect(bench.log.matching(/line_bytes/)).toHaveLength(1);
  });

  it('keeps only the end of a long stderr and logs a bounded part of it', async () => {
    const lane = await bench.upstream(legacy()).lease(leaseFor('legacy'));
    await open(lane);
    expect(await tool(lane, 'mutter')).toBe('muttered');
    expect(bench.log.matching(/wrote to stderr/).length).toBeLessThanOrEqual(60);
    expect(await tool(lane, 'echo', 1)).toBe(1);
  });
});

describe('a server that does not read', () => {
  it('is told apart by UPSTREAM_BUSY once the queue is full, and other calls time out', async () => {
    const lane = await bench.upstream(legacy()).lease(leaseFor('legacy'));
    await open(lane);
    await tool(lane, 'read-no-more');
    const big = 'x'.repeat(4 * 1024 * 1024);
    const sinks = Array.from({ length: 6 }, () => new Recorder());
    for (const sink of sinks) lane.dispatch(outbound('tools/call', { big }, { timeoutMs: 50 }), sink);
    await Promise.all(sinks.map((sink) => sink.over));
    const codes = sinks.map((sink) => sink.problem?.code);
    expect(codes).toContain('UPSTREAM_BUSY');
    expect(codes[0]).toBe('UPSTREAM_TIMEOUT');
  });
});

describe('stopping', () => {
  it('ends a well-behaved server by closing its stdin, and counts that as no failure', async () => {
    const upstream = bench.upstream(legacy());
    const lane = await upstream.lease(leaseFor('legacy'));
    await open(lane);
    const { pid } = await tool<Identity>(lane, 'identity');
    lane.release();
    lane.release();
    await groupGone(pid);
    await until(() => upstream.health().children === 0, 'the books are closed');
    expect(upstream.health()).toEqual({ state: 'idle', children: 0, lastError: undefined });
    expect(bench.log.matching(/^error/)).toEqual([]);
  });

  it('takes grandchildren along when the child leaves by itself', async () => {
    const upstream = bench.upstream(legacy('fork'));
    const lane = await upstream.lease(leaseFor('legacy'));
    await open(lane);
    const { pid, grandchild } = await tool<Identity>(lane, 'identity');
    expect(groupMembers(pid)).toContain(grandchild);
    expect((await request(lane, 'tools/call', { name: 'exit' })).problem?.code).toBe('UPSTREAM_CLOSED');
    await groupGone(pid);
  });

  it('kills a server that ignores the end of stdin and SIGTERM, with its children', async () => {
    const upstream = bench.upstream(legacy('stubborn', 'fork'));
    const lane = await upstream.lease(leaseFor('legacy'));
    await open(lane);
    const { pid, grandchild } = await tool<Identity>(lane, 'identity');
    expect(groupMembers(pid)).toEqual(expect.arrayContaining([pid, grandchild]));
    await upstream.close(AbortSignal.timeout(10_000));
    await groupGone(pid);
    expect(upstream.health().children).toBe(0);
  });

  it('does not wait for a stubborn server once the deadline has passed', async () => {
    const upstream = bench.upstream(legacy('stubborn'), { timing: { graceMs: 600_000 } });
    const lane = await upstream.lease(leaseFor('legacy'));
    await open(lane);
    const { pid } = await tool<Identity>(lane, 'identity');
    await upstream.close(AbortSignal.abort());
    await groupGone(pid);
  });

  it('fails what is pending with SHUTTING_DOWN and gives no lane afterwards', async () => {
    const upstream = bench.upstream(legacy());
    const lane = await upstream.lease(leaseFor('legacy'));
    await open(lane);
    const listener = new Listening();
    lane.listen(listener);
    const sink = new Recorder();
    lane.dispatch(outbound('tools/call', { name: 'hang' }), sink);
    await upstream.close(AbortSignal.timeout(10_000));
    expect(sink.problem?.code).toBe('SHUTTING_DOWN');
    expect(listener.closings.map((problem) => problem.code)).toEqual(['SHUTTING_DOWN']);
    expect(await refusal(upstream)).toMatch(/^SHUTTING_DOWN/);
  });

  it('leaves nothing behind after many sessions', async () => {
    const upstream = bench.upstream(legacy('fork'));
    const groups: number[] = [];
    for (let n = 0; n < 10; n++) {
      const lane = await upstream.lease(leaseFor('legacy'));
      await open(lane);
      groups.push((await tool<Identity>(lane, 'identity')).pid);
      lane.release();
    }
    await Promise.all(groups.map(groupGone));
    expect(new Set(groups).size).toBe(10);
  });
});

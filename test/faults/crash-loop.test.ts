import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { toolValue } from './talk.ts';

const CLOSED = 50_203;
const CRASH_LOOP = 50_303;

let folder: string;
/** While it is there the server dies at once. */
let broken: string;
let gate: Gate;
const mend = () => rmSync(broken, { force: true });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-loop-'));
  broken = join(folder, 'broken');
  const restart = { backoff_ms: 400, backoff_max_ms: 5_000, crash_loop_after: 3 };
  gate = await Gate.start([
    script('flaky', ['flaky.mjs', broken], { restart }),
    script('other', ['server.mjs', 'legacy']),
  ]);
});
beforeEach(mend);
afterAll(async () => {
  await gate.stop();
  rmSync(folder, { recursive: true });
});

describe('a server that keeps stopping', () => {
  it('is left alone for a while, says so to everybody, and serves the same session once it is mended', async () => {
    const [session, other] = await Promise.all([gate.caller('flaky').open(), gate.caller('other').open()]);
    expect(toolValue(await session.tool(1, 'echo', { at: 'first' }))).toEqual({ at: 'first' });
    writeFileSync(broken, '');
    const codes: unknown[] = [];
    const looping = await until(async () => {
      const reply = await session.tool('mine', 'exit');
      codes.push(reply.last.error?.code);
      return reply.last.error?.code === CRASH_LOOP && reply;
    }, 'the gateway takes it for a crash loop');
    // The first call ends the child that ran, the others find none that lives.
    expect(codes).toEqual([CLOSED, CLOSED, CLOSED, CRASH_LOOP]);
    expect(looping).toMatchObject({ status: 503, last: { id: 'mine' } });
    expect(Number(looping.headers.get('retry-after'))).toBeGreaterThan(0);

    const fresh = await gate.caller('flaky').initialize('new');
    expect(fresh).toMatchObject({ status: 503, last: { id: 'new', error: { code: CRASH_LOOP } } });
    expect(toolValue(await other.tool(1, 'echo', { fine: true }))).toEqual({ fine: true });
    expect(gate.log('flaky').filter(({ message }) => message.includes('keeps stopping'))).not.toEqual([]);
    const { stdout } = await gate.gateway.command('status', '--json');
    const { servers } = JSON.parse(stdout) as { servers: { id: string; state: string }[] };
    expect(servers.map(({ id, state }) => [id, state])).toEqual([
      ['flaky', 'crash-loop'],
      ['other', 'up'],
    ]);

    mend();
    const back = await until(async () => {
      const reply = await session.tool(2, 'echo', { at: 'last' });
      return reply.status === 200 && reply;
    }, 'the session is served again');
    expect(toolValue(back)).toEqual({ at: 'last' });
    const newcomer = await gate.caller('flaky').open();
    expect(toolValue(await newcomer.tool(1, 'echo', { at: 'new' }))).toEqual({ at: 'new' });
  });
});

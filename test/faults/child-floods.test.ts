import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDead } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { type Reply, toolValue } from './talk.ts';

const CLOSED = 50_203;
const BUSY = 50_304;
const TIMEOUT = 50_401;
/** What the gateway may take for a child that writes without end: a few times the longest line (10 MiB by default). */
const ROOM_KB = 150 * 1024;

interface Identity {
  readonly pid: number;
}

let gate: Gate;
beforeAll(async () => {
  const restart = { backoff_ms: 1, backoff_max_ms: 1, crash_loop_after: 1000 };
  gate = await Gate.start([
    script('modern', ['server.mjs', 'modern'], { restart }),
    script('legacy', ['server.mjs', 'legacy'], { restart }),
    script('deaf', ['server.mjs', 'modern'], { restart, call_timeout_ms: 300 }),
  ]);
});
afterAll(() => gate.stop());

/** The most memory the gateway has had so far. */
function peakKb(): number {
  const status = readFileSync(`/proc/${gate.gateway.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]);
}

describe.each(['modern', 'legacy'])('a child (%s)', (server) => {
  const speaker = async () => (server === 'modern' ? gate.caller(server) : gate.caller(server).open());

  it('that is killed with 20 calls in hand fails all of them, each under its own id, and the next call works', async () => {
    const ada = await speaker();
    const { pid } = toolValue<Identity>(await ada.tool('who', 'identity'));
    const ids = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? n : `${n}`));
    const calls = ids.map((id) => ada.tool(id, 'hang'));
    await until(async () => {
      const received = toolValue<{ params?: { name?: string } }[]>(await ada.tool('look', 'received'));
      return received.filter(({ params }) => params?.name === 'hang').length === ids.length;
    }, 'the child has all the calls');
    process.kill(pid, 'SIGKILL');
    const answers = await Promise.all(calls);
    expect(answers.map(({ status, last }) => [status, last.id, last.error?.code])).toEqual(
      ids.map((id) => [502, id, CLOSED]),
    );
    expect(toolValue(await ada.tool('next', 'echo', { next: true }))).toEqual({ next: true });
  });

  it('that answers byte by byte is understood, characters of several bytes included', async () => {
    const text = 'grüße, 世界, \u{1f600}';
    const answer = await (await speaker()).tool('mine', 'dribble', { text });
    expect([answer.last.id, toolValue(answer)]).toEqual(['mine', text]);
  });

  it('that writes noise, news and the answer at once is understood', async () => {
    const answer = await (await speaker()).tool('mine', 'burst', {}, { meta: { progressToken: 'p' } });
    expect(toolValue(answer)).toBe('burst');
    expect(answer.messages.map(({ method, params }) => [method, params?.progressToken])).toEqual([
      ['notifications/progress', 'p'],
      [undefined, undefined],
    ]);
  });
});

describe('a child that writes without end', () => {
  it('on stdout, 500 MB in one line, is ended; the gateway keeps no more than a line of it', async () => {
    const ada = gate.caller('modern');
    await ada.tool(1, 'echo');
    const before = peakKb();
    const { status, last } = await ada.tool('mine', 'flood', { megabytes: 500 });
    expect([status, last.id, last.error?.code]).toEqual([502, 'mine', CLOSED]);
    expect(peakKb() - before).toBeLessThan(ROOM_KB);
    expect(toolValue(await ada.tool(2, 'echo', { back: true }))).toEqual({ back: true });
  });

  // A tenth of a gigabyte: each byte takes the same way, and nothing of it is kept but the end.
  it('on stderr, 100 MB, is answered; the gateway keeps little of it and says little of it', async () => {
    const ada = gate.caller('modern');
    await ada.tool(1, 'echo');
    const before = peakKb();
    const said = gate.gateway.stderr().length;
    expect(toolValue(await ada.tool('mine', 'mutter', { megabytes: 100 }))).toBe('muttered');
    expect(peakKb() - before).toBeLessThan(ROOM_KB);
    expect(gate.gateway.stderr().length - said).toBeLessThan(20_000);
  });
});

describe('a child that does not read', () => {
  const outcome = ({ status, last }: Reply) => [status, last.error?.code];

  it('while 30 MB are sent to it: every call has an error of its own, no more is queued than agreed, and it is replaced', async () => {
    const ada = gate.caller('deaf');
    const { pid } = toolValue<Identity>(await ada.tool('who', 'identity'));
    const before = peakKb();
    expect(toolValue(await ada.tool('last', 'read-no-more'))).toBe('not listening');
    const big = 'x'.repeat(900_000);
    const answers = await Promise.all(Array.from({ length: 34 }, (_, n) => ada.tool(`n${n}`, 'echo', { big })));
    expect(answers.map(({ last }) => last.id)).toEqual(answers.map((_, n) => `n${n}`));
    for (const each of answers)
      expect([
        [504, TIMEOUT],
        [503, BUSY],
        [502, CLOSED],
      ]).toContainEqual(outcome(each));
    expect(answers.map(outcome)).toContainEqual([504, TIMEOUT]);
    expect(peakKb() - before).toBeLessThan(2 * ROOM_KB);
    const back = await until(async () => {
      const reply = await ada.tool('next', 'echo', { back: true });
      return reply.status === 200 && reply;
    }, 'another child serves');
    expect(toolValue(back)).toEqual({ back: true });
    await until(() => isDead(pid), 'the child that did not read was ended');
  });
});

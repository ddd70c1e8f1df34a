import { describe, expect, it } from 'vitest';
import { RestartGate, SpawnRate } from './restart-gate.ts';

const settings = { backoff_ms: 100, backoff_max_ms: 350, crash_loop_after: 3, stable_after_ms: 10_000 };

function gateAt(): { gate: RestartGate; clock: { now: number }; crash: () => void } {
  const clock = { now: 0 };
  const gate = new RestartGate(settings, () => clock.now);
  const crash = (): void => {
    clock.now += gate.pauseMs;
    const attempt = gate.begin();
    clock.now += 1;
    gate.ended(attempt, false);
  };
  return { gate, clock, crash };
}

describe('RestartGate', () => {
  it('waits twice as long after each early exit, up to the maximum', () => {
    const { gate, crash } = gateAt();
    const pauses = [1, 2, 3, 4].map(() => {
      crash();
      return gate.pauseMs;
    });
    expect(pauses).toEqual([100, 200, 350, 350]);
  });

  it('does not hold an exit against a child the gateway ended', () => {
    const { gate } = gateAt();
    gate.ended(gate.begin(), true);
    expect([gate.pauseMs, gate.refuses]).toEqual([0, false]);
  });

  it('forgets everything once a child has lasted', () => {
    const { gate, clock, crash } = gateAt();
    crash();
    crash();
    clock.now += gate.pauseMs;
    const attempt = gate.begin();
    clock.now += settings.stable_after_ms;
    gate.ended(attempt, false);
    expect([gate.pauseMs, gate.suspicious]).toEqual([0, false]);
  });

  it('refuses in a crash loop until the pause is over, then lets one through', () => {
    const { gate, clock, crash } = gateAt();
    for (let n = 0; n < 3; n++) crash();
    expect([gate.looping, gate.refuses]).toEqual([true, true]);
    clock.now += gate.pauseMs;
    expect(gate.refuses).toBe(false);
    const trial = gate.begin();
    expect(gate.refuses).toBe(true);
    gate.answered();
    expect([gate.looping, gate.refuses]).toEqual([false, false]);
    clock.now += 1;
    gate.ended(trial, false);
    expect(gate.refuses).toBe(true);
  });

  it('lets the next one try when the trial was called off', () => {
    const { gate, clock, crash } = gateAt();
    for (let n = 0; n < 3; n++) crash();
    clock.now += gate.pauseMs;
    gate.ended(gate.begin(), true);
    expect(gate.refuses).toBe(false);
  });

  it('starts children one by one after a failure, until one has answered, ended or gone on for a second', () => {
    const { gate, clock, crash } = gateAt();
    crash();
    clock.now += gate.pauseMs;
    const first = gate.begin();
    expect(gate.pauseMs).toBeGreaterThan(0);
    gate.ended(first, true);
    expect(gate.pauseMs).toBe(0);
    gate.begin();
    expect(gate.pauseMs).toBeGreaterThan(0);
    clock.now += 1_000;
    expect(gate.pauseMs).toBe(0);
    gate.begin();
    gate.answered();
    expect(gate.pauseMs).toBe(0);
    gate.begin();
    expect(gate.pauseMs).toBe(0);
  });

  it('counts ten children that die of one cause as one failure', () => {
    const { gate, clock } = gateAt();
    const attempts = Array.from({ length: 10 }, () => gate.begin());
    clock.now += 1;
    for (const attempt of attempts) gate.ended(attempt, false);
    expect([gate.pauseMs, gate.looping]).toEqual([100, false]);
  });
});

it('allows so many starts in any minute and no more', () => {
  const clock = { now: 0 };
  const rate = new SpawnRate(2, () => clock.now);
  expect([rate.take(), rate.take(), rate.take()]).toEqual([true, true, false]);
  clock.now = 59_999;
  expect(rate.take()).toBe(false);
  clock.now = 60_000;
  expect(rate.take()).toBe(true);
});

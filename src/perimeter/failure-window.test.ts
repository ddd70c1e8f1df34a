import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureWindow, MAX_WATCHED } from './failure-window.ts';

const WINDOW = 1000;
const failures = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), after: fc.integer({ min: 0, max: 400 }) }), {
  maxLength: 200,
});

describe('counting failures', () => {
  it('never lets more than the limit lie in any window untold, and tells of none without reason', () => {
    fc.assert(
      fc.property(failures, fc.integer({ min: 1, max: 8 }), (steps, limit) => {
        const window = new FailureWindow(limit, WINDOW);
        const since = new Map<string, number[]>();
        let now = 0;
        for (const { key, after } of steps) {
          now += after;
          const times = [...(since.get(key) ?? []), now];
          const inWindow = times.filter((time) => time > now - WINDOW).length;
          expect(window.note(key, now)).toBe(inWindow >= limit);
          since.set(key, inWindow >= limit ? [] : times);
        }
      }),
    );
  });

  it('remembers no more addresses than its bound while a million go by, and still counts whoever fails among them', () => {
    const window = new FailureWindow(10, 1e9);
    let toldAfter = 0;
    for (let i = 0; i < 1_000_000; i++) {
      if (i % 5000 === 0 && toldAfter === 0 && window.note('steady', i)) toldAfter = i / 5000 + 1;
      window.note(`rotating ${i}`, i);
    }
    expect(window.size).toBeLessThanOrEqual(MAX_WATCHED);
    expect(toldAfter).toBe(10);
  });
});

import { describe, expect, it } from 'vitest';
import { Resumption } from './resumption.ts';

const BACKOFF = { firstMs: 100, longestMs: 300 };

/** A stream that gave these ids, connection by connection, and the waits between them. */
function waits(heard: readonly string[], resumption = new Resumption()): (number | undefined)[] {
  return heard.map((id) => {
    resumption.broke(id);
    const wait = resumption.wait(BACKOFF);
    if (wait !== undefined) resumption.accepted();
    return wait;
  });
}

describe('a stream that broke', () => {
  it('is asked for again from its last event, also when the last connection brought none', () => {
    const resumption = new Resumption();
    expect(waits(['e-1', '', 'e-2', ''], resumption)).toEqual([100, 100, 100, 100]);
    expect(resumption.lastEventId).toBe('e-2');
  });

  it.each([
    ['gave no event ids', ''],
    ['gave an id that no header can hold', 'ü\u2028'],
    ['gave an endless id', 'x'.repeat(2_000)],
  ])('is not asked for again when it %s', (_, id) => {
    expect(waits([id])).toEqual([undefined]);
  });

  it('is asked for when the server wishes, within reason', () => {
    const resumption = new Resumption();
    const wished = (ms: number) => {
      resumption.retryMs = ms;
      return waits(['e'], resumption)[0];
    };
    expect([wished(2_500), wished(0), wished(999_999_999)]).toEqual([2_500, 50, 600_000]);
  });

  it('is asked for ever more slowly by a server that does not take it, and then given up', () => {
    const resumption = new Resumption();
    resumption.broke('e-1');
    const rest = Array.from({ length: 6 }, () => {
      const wait = resumption.wait(BACKOFF);
      resumption.broke('');
      return wait;
    });
    expect(rest).toEqual([100, 200, 300, 300, 300, undefined]);
  });

  it('is given up when a hundred connections brought nothing', () => {
    const all = waits(['e-1', ...Array.from({ length: 101 }, () => '')]);
    expect(all.indexOf(undefined)).toBe(101);
  });
});

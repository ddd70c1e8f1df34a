import { describe, expect, it } from 'vitest';
import type { Log } from '../telemetry/log.ts';
import { DenialLog, LINES_PER_MINUTE } from './denial-log.ts';

function logged() {
  const lines: [string, unknown][] = [];
  let now = 0;
  const log = { warn: (message: string, fields: unknown) => lines.push([message, fields]) } as unknown as Log;
  const tick = (ms: number): void => {
    now += ms;
  };
  return {
    lines,
    log: new DenialLog(
      log,
      (address) => address,
      () => now,
    ),
    tick,
  };
}

describe('denied addresses in the log', () => {
  it('can be searched for by address, with the reason', () => {
    const { lines, log } = logged();
    log.denied('203.0.113.1', { reason: 'address.denied' });
    log.denied('', { reason: 'address.unknown' });
    expect(lines).toEqual([
      ['Access denied for IP: 203.0.113.1', { reason: 'address.denied' }],
      ['Unable to determine client IP address', { reason: 'address.unknown' }],
    ]);
  });

  it('are told once a minute each, a few in all, and the rest as a number', () => {
    const { lines, log, tick } = logged();
    for (let n = 0; n < 3; n++) log.denied('203.0.113.1', {});
    for (let n = 0; n < 100; n++) log.denied(`198.51.100.${n}`, {});
    expect(lines.length).toBe(LINES_PER_MINUTE);
    tick(59_999);
    log.denied('203.0.113.1', {});
    expect(lines.length).toBe(LINES_PER_MINUTE);
    tick(1);
    log.denied('203.0.113.1', {});
    expect(lines.slice(LINES_PER_MINUTE)).toEqual([
      ['more requests from denied addresses', { count: 2 + 81 + 1 }],
      ['Access denied for IP: 203.0.113.1', {}],
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { exchangeOf } from '../../test/support/judged.ts';
import { disabledAudit } from '../audit/audit.ts';
import type { AuditRow } from '../audit/record.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { AddressDoubts } from './address-doubts.ts';

function bench() {
  const rows: AuditRow[] = [];
  const lines: string[] = [];
  const clock = { time: 1_000 };
  const metrics = createMetrics(
    { policies: ['client-address'], reasons: ['forwarded.untrusted-peer'] },
    { runtime: false },
  );
  const log = createLog({ level: 'info', format: 'json', destination: { write: (line) => lines.push(line) } });
  const audit = { ...disabledAudit, note: (row: AuditRow) => rows.push(row) };
  const doubts = new AddressDoubts({ audit, metrics, log, show: (address) => address, now: () => clock.time });
  const tell = (peer: string, times: number): void => {
    for (let i = 0; i < times; i++) doubts.doubt('forwarded.untrusted-peer', exchangeOf({ peer }));
  };
  return { rows, lines, clock, metrics, tell };
}

describe('doubts about addresses', () => {
  it('are recorded and logged a few times for each address, and counted every time', async () => {
    const { rows, lines, metrics, tell } = bench();
    tell('203.0.113.7', 500);
    tell('203.0.113.8', 1);
    expect(rows.map(({ peer }) => peer)).toEqual(['203.0.113.7', '203.0.113.7', '203.0.113.7', '203.0.113.8']);
    expect(lines).toHaveLength(4);
    expect(await metrics.render()).toContain('reason="forwarded.untrusted-peer",outcome="allow"} 501');
  });

  it('of many addresses are bounded all together', () => {
    const { rows, tell } = bench();
    for (let i = 0; i < 255; i++) tell(`203.0.113.${i}`, 1);
    expect(rows).toHaveLength(60);
  });

  it('of the next minute are told again, with how many went untold', () => {
    const { rows, clock, tell } = bench();
    tell('203.0.113.7', 10);
    clock.time += 60_000;
    tell('203.0.113.7', 1);
    expect(rows.slice(3)).toMatchObject([
      { type: 'notice', count: 7 },
      { type: 'notice', peer: '203.0.113.7' },
    ]);
  });
});

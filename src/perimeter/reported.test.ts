import { describe, expect, it } from 'vitest';
import { MOST_SUBJECTS, ReportedRefusals } from './reported.ts';

describe('what report-only mode let pass', () => {
  it('is counted for each policy, reason and subject, with the first and last time', () => {
    const reports = new ReportedRefusals();
    reports.note('network', 'address.not-listed', '203.0.113.1', 1);
    reports.note('network', 'address.denied', '203.0.113.1', 2);
    reports.note('network', 'address.not-listed', '203.0.113.1', 3);
    expect(reports.summary()).toEqual([
      { policy: 'network', reason: 'address.not-listed', subject: '203.0.113.1', count: 2, first: 1, last: 3 },
      { policy: 'network', reason: 'address.denied', subject: '203.0.113.1', count: 1, first: 2, last: 2 },
    ]);
  });

  it('stays bounded whatever callers send, and loses no count', () => {
    const reports = new ReportedRefusals();
    const total = 3 * MOST_SUBJECTS;
    for (let n = 0; n < total; n++) reports.note('host-origin', 'host.not-served', `${n}.${'x'.repeat(n)}`, n);
    const rows = reports.summary();
    expect(rows.length).toBe(MOST_SUBJECTS + 1);
    expect(rows[0]).toMatchObject({ subject: '(others)', count: total - MOST_SUBJECTS });
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(total);
    expect(Math.max(...rows.map(({ subject }) => subject.length))).toBeLessThanOrEqual(200);
  });
});

import { describe, expect, it } from 'vitest';
import { MOST_SUBJECTS, ReportedRefusals } from './reported.ts';

describe('what report-only mode let pass', () => {
  const refusal = (place: string, rule: string) => {
    return { policy: 'network', reason: 'address.denied', place, rule, subject: '203.0.113.1' };
  };

  it('is counted for each rule and subject, with the first and last time', () => {
    const reports = new ReportedRefusals();
    reports.note(refusal('security', 'a'), 1);
    reports.note(refusal('mcps.crm.security', 'a'), 2);
    reports.note(refusal('security', 'b'), 3);
    reports.note(refusal('security', 'a'), 4);
    expect(reports.summary()).toEqual([
      { ...refusal('security', 'a'), count: 2, first: 1, last: 4 },
      { ...refusal('mcps.crm.security', 'a'), count: 1, first: 2, last: 2 },
      { ...refusal('security', 'b'), count: 1, first: 3, last: 3 },
    ]);
  });

  it('stays bounded whatever callers send, and loses no count', () => {
    const reports = new ReportedRefusals();
    const total = 3 * MOST_SUBJECTS;
    for (let n = 0; n < total; n++) {
      const text = `${n}.${'x'.repeat(n)}`;
      reports.note({ ...refusal('server', text), subject: text }, n);
    }
    const rows = reports.summary();
    expect(rows.length).toBe(MOST_SUBJECTS + 1);
    expect(rows[0]).toMatchObject({ subject: '(others)', place: 'server', rule: '', count: total - MOST_SUBJECTS });
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(total);
    expect(Math.max(...rows.map(({ subject, rule }) => Math.max(subject.length, rule.length)))).toBeLessThanOrEqual(
      200,
    );
  });
});

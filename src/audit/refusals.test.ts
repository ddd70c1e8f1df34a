import { describe, expect, it } from 'vitest';
import { audit } from '../config/schema/operations.ts';
import type { AuditRow } from './record.ts';
import { MAX_ROWS, RefusalTable } from './refusals.ts';

function setUp(per_window = 3) {
  const rows: AuditRow[] = [];
  let close: (() => void) | undefined;
  const timers = {
    setTimeout: (run: () => void) => {
      close = run;
      return 1;
    },
    clearTimeout: () => {
      close = undefined;
    },
  };
  const table = new RefusalTable({ per_window, window_ms: 60_000 }, timers, (row) => rows.push(row));
  const refuse = (key: string, reason = 'no-credential', full = true) =>
    table.add(
      { type: 'decision', verdict: 'deny', client: key, policy: 'authenticate', reason, user_agent: 'x' },
      key,
      full,
    );
  const inFull = () => rows.filter((row) => row.type === 'decision').length;
  const counts = () => rows.filter((row) => row.type === 'refusals').map((row) => [row.client, row.reason, row.count]);
  return { table, rows, refuse, inFull, counts, closeWindow: () => close?.(), isOpen: () => close !== undefined };
}

describe('refusals before authentication', () => {
  it('are recorded in full up to the quota of an address, then as one count', () => {
    const t = setUp();
    for (let i = 0; i < 10; i++) t.refuse('203.0.113.5');
    expect(t.inFull()).toBe(3);
    expect(t.counts()).toEqual([]);
    t.closeWindow();
    expect(t.counts()).toEqual([['203.0.113.5', 'no-credential', 7]]);
  });

  it('are all recorded in full while they stay within the quota', () => {
    const t = setUp();
    for (let i = 0; i < 3; i++) t.refuse('203.0.113.5');
    t.closeWindow();
    expect(t.inFull()).toBe(3);
    expect(t.counts()).toEqual([]);
  });

  it('have a quota for each address and each reason', () => {
    const t = setUp(1);
    t.refuse('a', 'x');
    t.refuse('a', 'y');
    t.refuse('b', 'x');
    expect(t.inFull()).toBe(3);
  });

  it('start afresh in the next window', () => {
    const t = setUp(1);
    t.refuse('a');
    t.refuse('a');
    t.closeWindow();
    t.refuse('a');
    expect(t.inFull()).toBe(2);
  });

  it('are counted at a flush, without giving the address a new quota', () => {
    const t = setUp(1);
    t.refuse('a');
    t.refuse('a');
    t.table.flush();
    t.refuse('a');
    t.refuse('a');
    t.table.flush();
    expect(t.inFull()).toBe(1);
    expect(t.counts()).toEqual([
      ['a', 'no-credential', 1],
      ['a', 'no-credential', 2],
    ]);
  });

  it('from very many addresses make a bounded number of rows, and every one is accounted for', () => {
    const t = setUp();
    const sent = 50_000;
    for (let i = 0; i < sent; i++) t.refuse(`10.0.${i >> 8}.${i & 255}`);
    t.closeWindow();
    expect(t.rows.length).toBeLessThanOrEqual(2001);
    const counted = t.counts().reduce((sum, [, , count]) => sum + Number(count), 0);
    expect(t.inFull() + counted).toBe(sent);
  });

  it('of many addresses within their own quota are recorded in full up to the bound for all, and the rest counted', () => {
    const t = setUp(3);
    for (let i = 0; i < MAX_ROWS; i++) for (let n = 0; n < 3; n++) t.refuse(`10.1.${i >> 8}.${i & 255}`);
    t.closeWindow();
    expect(t.inFull()).toBe(MAX_ROWS);
    const counted = t.counts().reduce((sum, [, , count]) => sum + Number(count), 0);
    expect(counted).toBe(2 * MAX_ROWS);
  });

  it('cannot be given a quota that the bound for all would cut without a word', () => {
    const quota = (per_window: number) => audit.safeParse({ refusals: { per_window } });
    expect(quota(MAX_ROWS).success).toBe(true);
    expect(quota(MAX_ROWS + 1).success).toBe(false);
  });

  it('are only counted while nothing can be written', () => {
    const t = setUp();
    t.refuse('a', 'x', false);
    expect(t.inFull()).toBe(0);
    t.closeWindow();
    expect(t.counts()).toEqual([['a', 'x', 1]]);
  });

  it('keep nothing the caller sent beyond its row in the counted row', () => {
    const t = setUp(0);
    t.refuse('a');
    t.closeWindow();
    expect(t.rows[0]).not.toHaveProperty('user_agent');
  });

  it('hold no timer open once stopped', () => {
    const t = setUp();
    t.refuse('a');
    expect(t.isOpen()).toBe(true);
    t.table.stop();
    expect(t.isOpen()).toBe(false);
  });
});

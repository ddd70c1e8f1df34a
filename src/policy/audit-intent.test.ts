import { describe, expect, it } from 'vitest';
import { callOf } from '../../test/support/judged.ts';
import { type AuditRow, prefixOf } from '../audit/record.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import { auditIntent, type IntentSink } from './audit-intent.ts';

const prefixes = {
  ofPrincipal: ({ id }: { id: string }) => prefixOf({ principal: id }),
  ofServer: (server: string) => prefixOf({ server }),
};
const judge = (write: IntentSink['write'], call = callOf()) => auditIntent({ write }, prefixes).evaluate(call);
const full = new ProblemError(PROBLEMS.AUDIT_UNAVAILABLE, 'no space left on device');

describe('a call that was allowed', () => {
  it('is in the record before it leaves, with who, where, what and by which rule', () => {
    const rows: AuditRow[] = [];
    const call = callOf({ rule: 'authorize.role:user' });
    expect(judge((row) => void rows.push(row), call)).toEqual({ pass: 'audit-intent.written' });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      type: 'decision',
      who: { fields: { principal: 'token:ada' } },
      where: { fields: { server: 'crm' } },
      decision_id: 'run-1',
      method: 'tools/call',
      tool: 'echo',
      jsonrpc_id: 1,
      verdict: 'allow',
      rule: 'authorize.role:user',
      bytes_in: call.received.bytes.length,
    });
  });

  it('waits until the record is as durable as configured', async () => {
    let written = (): void => {};
    const verdict = judge(() => new Promise<void>((resolve) => (written = resolve)));
    let left = false;
    const passed = Promise.resolve(verdict).then((said) => {
      left = true;
      return said;
    });
    await Promise.resolve();
    expect(left).toBe(false);
    written();
    expect(await passed).toEqual({ pass: 'audit-intent.written' });
  });

  it.each([
    [
      'at once',
      () => {
        throw full;
      },
    ],
    ['later', () => Promise.reject(full)],
  ])('does not leave when the record cannot be written (%s)', async (_, write) => {
    const verdict = await judge(write);
    expect(verdict).toEqual({ deny: PROBLEMS.AUDIT_UNAVAILABLE, reason: 'audit.unavailable' });
    expect(JSON.stringify(verdict)).not.toContain('no space');
  });

  it.each([
    [
      'at once',
      async () => {
        await judge(() => {
          throw new RangeError('boom');
        });
      },
    ],
    ['later', () => judge(() => Promise.reject(new RangeError('boom')))],
  ])('does not leave when the log fails as nobody foresaw (%s): the engine denies it', async (_, run) => {
    await expect(run()).rejects.toThrow('boom');
  });
});

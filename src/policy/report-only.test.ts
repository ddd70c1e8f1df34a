import { describe, expect, it } from 'vitest';
import { exchangeOf } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Admission } from './engine.ts';
import { reportOnly } from './report-only.ts';
import { refuse, type Verdict } from './verdict.ts';

const HOST = refuse(PROBLEMS.HOST_NOT_ALLOWED, 'host.not-served');

function judged(verdict: Verdict | Promise<Verdict>, isReported: boolean) {
  const step: Admission = { name: 'host-origin', needs: [], provides: [], evaluate: () => verdict };
  const reported: string[] = [];
  const softened = reportOnly(
    step,
    () => isReported,
    (_, policy, { reason }) => reported.push(`${policy} ${reason}`),
  );
  return { result: softened.evaluate(exchangeOf()), reported };
}

describe('what is only reported', () => {
  it.each(['host.not-served', 'origin.not-allowed'])('passes, and is told: %s', (reason) => {
    const { result, reported } = judged(refuse(PROBLEMS.FORBIDDEN, reason), true);
    expect(result).toEqual({ pass: 'host-origin.reported' });
    expect(reported).toEqual([`host-origin ${reason}`]);
  });

  it('passes as well when the step had to wait', async () => {
    expect(await judged(Promise.resolve(HOST), true).result).toEqual({ pass: 'host-origin.reported' });
  });

  it.each([
    'host.malformed',
    'headers.duplicated',
    'token.absent',
    'token.unknown',
    'role.missing',
    'step.threw',
  ])('is never %s', (reason) => {
    const denial = refuse(PROBLEMS.FORBIDDEN, reason);
    const { result, reported } = judged(denial, true);
    expect([result, reported]).toEqual([denial, []]);
  });

  it('is nothing where rules are enforced', () => {
    expect(judged(HOST, false)).toEqual({ result: HOST, reported: [] });
  });
});

import { describe, expect, it } from 'vitest';
import type { PrincipalId } from '../identity/principal.ts';
import { StreamQuota } from './stream-quota.ts';

const [ada, bob] = ['token:ada', 'token:bob'] as PrincipalId[] as [PrincipalId, PrincipalId];

describe('the streams of a principal', () => {
  it('are bounded, whoever else has how many', () => {
    const quota = new StreamQuota(2);
    expect([quota.take(ada), quota.take(ada), quota.take(ada)]).toEqual([true, true, false]);
    expect(quota.take(bob)).toBe(true);
  });

  it('make room when one ends', () => {
    const quota = new StreamQuota(1);
    quota.take(ada);
    quota.giveBack(ada);
    expect([quota.take(ada), quota.take(ada)]).toEqual([true, false]);
  });

  it('never count below none', () => {
    const quota = new StreamQuota(1);
    quota.giveBack(ada);
    expect([quota.take(ada), quota.take(ada)]).toEqual([true, false]);
  });
});

import { describe, expect, it } from 'vitest';
import { exchangeOf, principalOf, type RequestFacts } from '../../test/support/judged.ts';
import { anonymousPrincipal } from '../identity/anonymous.ts';
import { readBearer } from '../identity/bearer.ts';
import type { Principal } from '../identity/principal.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type AuthenticateSettings, authenticate } from './authenticate.ts';

const ada = principalOf();

/** One token is good: `good`. What an Authorization header means is read as in production. */
const settings: AuthenticateSettings = {
  methodOf: () => (values) => {
    const token = readBearer(values);
    if (token === undefined) return 'not-responsible';
    if (typeof token !== 'string') return token;
    return token === 'good' ? { principal: ada } : { rejected: PROBLEMS.INVALID_TOKEN, reason: 'token.unknown' };
  },
  challenge: (problem) => (problem.status === 401 ? `Bearer for="${problem.code}"` : undefined),
  anonymous: undefined,
};
const open: AuthenticateSettings = { ...settings, anonymous: anonymousPrincipal(['user']) };

function judge(authorization: readonly string[], route: RequestFacts['route'] = {}, with_ = settings) {
  const x = exchangeOf({ headers: authorization.flatMap((value) => ['Authorization', value]), route });
  return { verdict: authenticate(with_).evaluate(x), principal: x.principal as Principal | undefined };
}
const challenged = (code: string) => ['WWW-Authenticate', `Bearer for="${code}"`];

describe('a caller with a good token', () => {
  it('is recognised', () => {
    expect(judge(['Bearer good'])).toEqual({ verdict: { pass: 'authenticate.token' }, principal: ada });
  });

  it('is recognised where a credential is optional', () => {
    expect(judge(['Bearer good'], { auth: 'optional' })).toMatchObject({ principal: ada });
  });

  it('is recognised as itself where everybody else is anonymous', () => {
    expect(judge(['Bearer good'], {}, open).principal).toBe(ada);
  });

  it('is not asked for it on a route that needs none', () => {
    expect(judge(['Bearer good'], { auth: 'none' })).toEqual({
      verdict: { pass: 'authenticate.not-needed' },
      principal: undefined,
    });
  });
});

describe('a caller without a credential', () => {
  it('is challenged', () => {
    const { verdict, principal } = judge([]);
    expect(verdict).toEqual({
      deny: PROBLEMS.UNAUTHENTICATED,
      reason: 'token.absent',
      headers: challenged('UNAUTHENTICATED'),
    });
    expect(principal).toBeUndefined();
  });

  it('is challenged when it brings one of another kind', () => {
    expect(judge(['Basic YTpi']).verdict).toMatchObject({ reason: 'token.absent' });
  });

  it('passes where one is optional, as nobody', () => {
    expect(judge([], { auth: 'optional' })).toEqual({
      verdict: { pass: 'authenticate.not-needed' },
      principal: undefined,
    });
  });

  it('is anonymous where authentication is off', () => {
    expect(judge([], {}, open)).toEqual({
      verdict: { pass: 'authenticate.anonymous' },
      principal: open.anonymous,
    });
  });
});

describe('a bad credential', () => {
  it.each([
    ['required', {}, settings],
    ['optional', { auth: 'optional' } as const, settings],
    ['not asked for at all, because everybody is anonymous', {}, open],
  ])('is refused where one is %s', (_, route, with_) => {
    const { verdict, principal } = judge(['Bearer stolen'], route, with_);
    expect(verdict).toEqual({
      deny: PROBLEMS.INVALID_TOKEN,
      reason: 'token.unknown',
      headers: challenged('INVALID_TOKEN'),
    });
    expect(principal).toBeUndefined();
  });

  it('is refused though a good one follows it', () => {
    const { verdict, principal } = judge(['Bearer stolen', 'Bearer good']);
    expect(verdict).toEqual({ deny: PROBLEMS.AMBIGUOUS_CREDENTIALS, reason: 'authorization.repeated', close: true });
    expect(principal).toBeUndefined();
    expect(judge(['Bearer good', 'Bearer good'], { auth: 'none' }).verdict).toEqual(verdict);
  });

  it('is never repeated in the answer', () => {
    expect(JSON.stringify(judge(['Bearer stolen']).verdict)).not.toContain('stolen');
  });
});

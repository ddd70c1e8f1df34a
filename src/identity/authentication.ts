import type { Problem } from '../problem/problem.ts';
import type { Principal } from './principal.ts';

export interface Accepted {
  readonly principal: Principal;
}

export interface Rejected {
  /** What the caller is told: the same for every way a token can be bad. */
  readonly rejected: Problem;
  /** What the record says. */
  readonly reason: string;
}

/**
 * What a method says to the credentials of a request. `not-responsible`: there is none of its kind, so another method may be
 * asked, and with none left the caller is unauthenticated. A rejection is final: no other method is asked after it.
 */
export type AuthenticationResult = Accepted | Rejected | 'not-responsible';

export function isAccepted(result: AuthenticationResult): result is Accepted {
  return typeof result === 'object' && 'principal' in result;
}

import type { Route } from '../http/routes.ts';
import { type AuthenticationResult, isAccepted } from '../identity/authentication.ts';
import type { Principal } from '../identity/principal.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import type { Admission } from './engine.ts';
import { type Denial, pass, refuse } from './verdict.ts';

/** The ways to be recognised on one route. Compiled at load: which credentials the route accepts is settled by then. */
export type Authenticate = (authorization: readonly string[]) => AuthenticationResult;

export interface AuthenticateSettings {
  /** What a route accepts: a server may replace the gateway's own methods. */
  methodOf(route: Route): Authenticate;
  /** `WWW-Authenticate` for a problem (RFC 6750, section 3); undefined when a challenge would not help. */
  challenge(problem: Problem): string | undefined;
  /** Who everybody is when authentication is off; undefined when a credential is required. */
  readonly anonymous: Principal | undefined;
}

/**
 * Credential → principal, or 401 with a challenge. A bad credential never falls through to anything laxer, not even where
 * none would have been needed.
 */
export function authenticate(settings: AuthenticateSettings): Admission {
  const recognised = pass('authenticate.token');
  const anonymous = pass('authenticate.anonymous');
  const notNeeded = pass('authenticate.not-needed');
  const absent = denial(settings, PROBLEMS.UNAUTHENTICATED, 'token.absent');
  return {
    name: 'authenticate',
    needs: ['clientAddress'],
    provides: ['principal'],
    evaluate(x) {
      // Whoever reads the other one sees another caller, also where nobody needs to be known (RFC 9110, section 5.3).
      if (x.headers.authorization.length > 1) return REPEATED;
      if (x.route.auth === 'none') return notNeeded;
      const result = settings.methodOf(x.route)(x.headers.authorization);
      if (result === 'not-responsible') {
        if (settings.anonymous === undefined) return x.route.auth === 'optional' ? notNeeded : absent;
        x.principal = settings.anonymous;
        return anonymous;
      }
      if (!isAccepted(result)) return denial(settings, result.rejected, result.reason);
      x.principal = result.principal;
      return recognised;
    },
  };
}

const REPEATED = refuse(PROBLEMS.AMBIGUOUS_CREDENTIALS, 'authorization.repeated', { close: true });

function denial(settings: AuthenticateSettings, problem: Problem, reason: string): Denial {
  const challenge = settings.challenge(problem);
  return challenge === undefined
    ? refuse(problem, reason)
    : refuse(problem, reason, { headers: ['WWW-Authenticate', challenge] });
}

import { PROBLEMS } from '../problem/catalogue.ts';
import type { Admission } from './engine.ts';
import { pass, refuse } from './verdict.ts';

/**
 * May this principal use this route at all? A route of a server the caller may not see is answered like one that does
 * not exist; the same holds for streams and deletions, which carry no message for `authorize` to judge.
 */
export function routeAccess(): Admission {
  const open = pass('route-access.open');
  const allowed = pass('route-access.role');
  const noRole = refuse(PROBLEMS.ROLE_REQUIRED, 'role.missing', {
    close: true,
    detail:
      'the caller has no role for this route; give one in auth.methods[].roles, the token, or auth.anonymous.roles',
  });
  const notFound = refuse(PROBLEMS.SERVER_NOT_ALLOWED, 'server.not-visible', { close: true });
  return {
    name: 'route-access',
    needs: ['principal'],
    provides: [],
    evaluate(x) {
      const { role, server } = x.route;
      const principal = x.principal;
      if (role === undefined) return open;
      if (principal === undefined || !principal.roles.includes(role)) return noRole;
      if (server !== undefined && principal.servers !== undefined && !principal.servers.has(server)) return notFound;
      return allowed;
    },
  };
}

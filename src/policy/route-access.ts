import type { Authorizer } from '../access/authorizer.ts';
import type { Principal } from '../identity/principal.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, particular } from '../problem/problem.ts';
import type { Admission } from './engine.ts';
import { pass, refuse } from './verdict.ts';

/**
 * May this principal use this route at all? A route of a server the caller may not see is answered, to the byte, like one
 * that does not exist, whatever the verb and before any body is read; the same holds for streams and deletions, which carry
 * no message for `authorize` to judge.
 */
export function routeAccess(authorizer: Authorizer, servers: readonly string[]): Admission {
  const open = pass('route-access.open');
  const allowed = pass('route-access.role');
  const noRole = refuse(PROBLEMS.ROLE_REQUIRED, 'role.missing', {
    close: true,
    detail:
      'the caller has no role for this route; give one in auth.methods[].roles, the token, or auth.anonymous.roles',
  });
  return {
    name: 'route-access',
    needs: ['principal'],
    provides: [],
    evaluate(x) {
      const { name, role, server } = x.route;
      const principal = x.principal;
      if (role === undefined) return open;
      if (principal === undefined || !principal.roles.includes(role)) return noRole;
      const hidden = server !== undefined && principal.servers !== undefined && !principal.servers.has(server);
      if (!hidden && name !== 'unknown-mcp') return allowed;
      const reason = hidden ? 'server.not-visible' : 'route.unknown-server';
      return refuse(noServerHere(authorizer, servers, principal), reason, { close: true });
    },
  };
}

/** 404 that names where to go instead: only servers this caller may see. */
export function noServerHere(authorizer: Authorizer, servers: readonly string[], principal: Principal): Problem {
  const paths = authorizer.visibleServers(principal, servers).map((id) => `/mcp/${id}`);
  const text = paths.length === 0 ? 'No such MCP server' : `No MCP server here. Yours are at: ${paths.join(', ')}`;
  return particular(PROBLEMS.NOT_FOUND, text);
}

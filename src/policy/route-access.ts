import type { Authorizer } from '../access/authorizer.ts';
import type { NetworkRules } from '../perimeter/network-rules.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, particular } from '../problem/problem.ts';
import type { Admission } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { pass, refuse } from './verdict.ts';

/**
 * May this principal use this route at all? A route of a server the caller may not see is answered, to the byte, like one
 * that does not exist, whatever the verb and before any body is read; the same holds for streams and deletions, which carry
 * no message for `authorize` to judge.
 */
export function routeAccess(authorizer: Authorizer, servers: readonly string[], network: NetworkRules): Admission {
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
      return refuse(noServerHere(serversFor(x, { authorizer, network }, servers)), reason, { close: true });
    },
  };
}

/** Who may see servers: by credential, and by address. */
export interface ServerRules {
  readonly authorizer: Authorizer;
  readonly network: NetworkRules;
}

/** Of these servers, those this caller may see and may come to from where it is. */
export function serversFor(
  x: Exchange,
  { authorizer, network }: ServerRules,
  ids: readonly string[],
): readonly string[] {
  if (x.principal === undefined) return [];
  const visible = authorizer.visibleServers(x.principal, ids);
  // Who asks the admin listener does not call from there.
  if (x.route.plane === 'admin') return visible;
  return visible.filter((id) => network.layerOf(id) === undefined || !network.refuses(x.client, x.isLocalhost, id));
}

/** 404 that names where to go instead: only servers of `serversFor`. */
export function noServerHere(servers: readonly string[]): Problem {
  const paths = servers.map((id) => `/mcp/${id}`);
  const text = paths.length === 0 ? 'No such MCP server' : `No MCP server here. Yours are at: ${paths.join(', ')}`;
  return particular(PROBLEMS.NOT_FOUND, text);
}

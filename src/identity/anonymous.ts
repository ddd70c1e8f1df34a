import type { Principal, PrincipalId } from './principal.ts';
import type { RoleName } from './roles.ts';

/** The caller where authentication is switched off. Without roles written down for it, it may do nothing. */
export function anonymousPrincipal(roles: readonly RoleName[]): Principal {
  return Object.freeze({
    id: 'anonymous' as PrincipalId,
    name: 'anonymous',
    method: 'anonymous',
    roles: Object.freeze([...roles]),
    servers: undefined,
    expiresAt: undefined,
  });
}

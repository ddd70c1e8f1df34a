/**
 * The built-in roles. `user` may use everything the servers expose; `admin` may use the admin listener and nothing else.
 * A principal without a role may do nothing.
 */
export const BUILT_IN_ROLES = ['user', 'admin'] as const;
export type RoleName = (typeof BUILT_IN_ROLES)[number];

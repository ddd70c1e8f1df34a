import type { RoleName } from './roles.ts';

/** Stable and never reused: `token:<uuid>`, or issuer and subject. Never a digest of a secret and never a display name. */
export type PrincipalId = string & { readonly __principal: unique symbol };

/** Who is calling. Made once when a credential is accepted, then shared by every request that presents it. */
export interface Principal {
  readonly id: PrincipalId;
  /** For people: logs, `token list`, the audit record. Not unique; never used to decide. */
  readonly name: string;
  /** How the caller was recognised: `token`, `anonymous`. */
  readonly method: string;
  readonly roles: readonly RoleName[];
  /** The only servers this credential opens; undefined means every configured server. */
  readonly servers: ReadonlySet<string> | undefined;
  /** Milliseconds since the epoch after which the credential is dead. */
  readonly expiresAt: number | undefined;
}

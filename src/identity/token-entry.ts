import { type DigestKey, digestBytes, digestKeyOf } from '../crypto/digest.ts';
import { isTokenHash } from '../crypto/token.ts';
import type { TokenRecord } from '../storage/storage.ts';
import type { Accepted } from './authentication.ts';
import type { Principal, PrincipalId } from './principal.ts';
import { BUILT_IN_ROLES, type RoleName } from './roles.ts';

/** One token that opens something: found by its digest, and already holding the answer. */
export interface TokenEntry {
  readonly key: DigestKey;
  readonly digest: Buffer;
  readonly principal: Principal;
  /** The answer for this token, made once. */
  readonly accepted: Accepted;
  readonly expiresAt: number | undefined;
  readonly source: 'store' | 'configuration';
  /** The store's id of this token; undefined when it lives in the configuration. */
  readonly recordId: string | undefined;
  /** Milliseconds since the epoch when a use was last noted. */
  usedAt: number;
}

/** A token as the configuration holds it: `auth.methods[].tokens[]`. */
export interface ConfiguredToken {
  readonly name: string;
  /** `sha256:` and 64 lower-case hex digits. */
  readonly hash: string;
  readonly roles: readonly RoleName[];
  /** The only servers it opens; absent means every one. */
  readonly servers?: readonly string[] | undefined;
  readonly expires?: Date | undefined;
}

/** @returns undefined for a record that opens nothing any more, and for one whose roles this release does not know */
export function entryOfRecord(record: TokenRecord): TokenEntry | undefined {
  if (record.revokedAt !== null) return undefined;
  const ends = [record.expiresAt, record.replacedBy === null ? null : (record.graceUntil ?? 0)];
  const expiresAt = ends.filter((end) => end !== null).sort((a, b) => a - b)[0];
  const principal = tokenPrincipal({
    uuid: record.principalId,
    name: record.name,
    roles: BUILT_IN_ROLES.filter((role) => record.roles.includes(role)),
    servers: record.servers ?? undefined,
    expiresAt,
  });
  return entry(digestKeyOf(record.hash), principal, 'store', record.id, record.lastUsedAt ?? 0);
}

/** @throws TypeError when the hash is not one */
export function entryOfConfigured(token: ConfiguredToken, uuid: string): TokenEntry {
  if (!isTokenHash(token.hash))
    throw new TypeError(`the hash of token "${token.name}" is not "sha256:" and 64 hex digits`);
  const principal = tokenPrincipal({
    uuid,
    name: token.name,
    roles: token.roles,
    servers: token.servers,
    expiresAt: token.expires?.getTime(),
  });
  return entry(digestKeyOf(token.hash), principal, 'configuration', undefined, 0);
}

function tokenPrincipal(facts: {
  uuid: string;
  name: string;
  roles: readonly RoleName[];
  servers: readonly string[] | undefined;
  expiresAt: number | undefined;
}): Principal {
  return Object.freeze({
    id: `token:${facts.uuid}` as PrincipalId,
    name: facts.name,
    method: 'token',
    roles: Object.freeze([...facts.roles]),
    servers: facts.servers === undefined ? undefined : new Set(facts.servers),
    expiresAt: facts.expiresAt,
  });
}

function entry(
  key: DigestKey,
  principal: Principal,
  source: TokenEntry['source'],
  recordId: string | undefined,
  usedAt: number,
): TokenEntry {
  const { expiresAt } = principal;
  return {
    key,
    digest: digestBytes(key),
    principal,
    accepted: Object.freeze({ principal }),
    expiresAt,
    source,
    recordId,
    usedAt,
  };
}

import type { DigestKey } from '../crypto/digest.ts';
import type { PrincipalId } from './principal.ts';
import type { TokenEntry } from './token-entry.ts';

/** Tokens, found by digest while a request is judged and by principal when something is to be kept open. */
export class TokenIndex {
  #byDigest: ReadonlyMap<DigestKey, TokenEntry> = new Map();
  readonly #byPrincipal = new Map<PrincipalId, TokenEntry[]>();

  get(key: DigestKey): TokenEntry | undefined {
    return this.#byDigest.get(key);
  }

  /** Whether the principal has a credential here that is still good. */
  holds(principal: PrincipalId, now: number): boolean {
    return this.#byPrincipal.get(principal)?.some((entry) => isLive(entry, now)) ?? false;
  }

  /**
   * Puts other entries in the place of all there are, in one step. An entry that says the same as the one before it is
   * not replaced, so a principal is one object for as long as nothing about it changes.
   * @returns the live entries whose secret is no longer here
   */
  replace(entries: readonly TokenEntry[], now: number): readonly TokenEntry[] {
    const before = this.#byDigest;
    const next = new Map<DigestKey, TokenEntry>();
    this.#byPrincipal.clear();
    for (const fresh of entries) {
      const known = before.get(fresh.key);
      const entry = known !== undefined && saysTheSame(known, fresh) ? known : fresh;
      next.set(entry.key, entry);
      const siblings = this.#byPrincipal.get(entry.principal.id);
      if (siblings === undefined) this.#byPrincipal.set(entry.principal.id, [entry]);
      else siblings.push(entry);
    }
    this.#byDigest = next;
    return [...before.values()].filter((entry) => !next.has(entry.key) && isLive(entry, now));
  }
}

export function isLive(entry: TokenEntry, now: number): boolean {
  return entry.expiresAt === undefined || entry.expiresAt > now;
}

function saysTheSame(a: TokenEntry, b: TokenEntry): boolean {
  return a.recordId === b.recordId && describe(a) === describe(b);
}

function describe({ principal: { id, name, roles, servers, expiresAt } }: TokenEntry): string {
  return JSON.stringify([id, name, roles, servers === undefined ? null : [...servers], expiresAt ?? null]);
}

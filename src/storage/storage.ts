import type { TokenHash } from '../crypto/token.ts';

/** One stored token. Times are milliseconds since the epoch. */
export interface TokenRecord {
  /** A UUID; names this secret, and no other one ever. */
  readonly id: string;
  /** A UUID; names the caller. A rotated token keeps it, so what the caller owns stays the caller's. */
  readonly principalId: string;
  /** For people. Unique among current tokens, those neither revoked nor replaced. */
  readonly name: string;
  readonly hash: TokenHash;
  /** The secret's first six characters. */
  readonly prefix: string;
  readonly roles: readonly string[];
  /** The only servers it opens; null means every configured server. */
  readonly servers: readonly string[] | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** The id of the token that took this one's place. */
  readonly replacedBy: string | null;
  /** A replaced token is accepted until then. */
  readonly graceUntil: number | null;
  /** Lags by up to a minute, and by whatever a killed process had not yet written. */
  readonly lastUsedAt: number | null;
}

/**
 * Tokens. Each method is atomic, and durable against power loss once it resolves (`touch` only against a killed process).
 * Several processes may use the same store at once.
 */
export interface TokenRecords {
  /** @throws StorageError `conflict` when a current token has this name, or any token this id or hash. */
  insert(record: TokenRecord): Promise<void>;
  /** Every record, dead ones too, oldest first. */
  list(): Promise<readonly TokenRecord[]>;
  /** Marks those not yet revoked. Resolves to how many that were; unknown ids count for nothing. */
  revoke(ids: readonly string[], at: number): Promise<number>;
  /**
   * Puts `successor` in the place of the token `id`, which stays accepted until `graceUntil`; null revokes it at
   * `successor.createdAt`.
   * @throws StorageError `conflict` when the token is unknown, revoked or already replaced; nothing is changed then.
   */
  replace(id: string, successor: TokenRecord, graceUntil: number | null): Promise<void>;
  /** Notes when tokens were last used. Never moves a time backwards. */
  touch(uses: readonly { readonly id: string; readonly at: number }[]): Promise<void>;
  /** A number that differs from the last one after **another** connection has changed the store. Cheap enough to ask every second. */
  revision(): Promise<number>;
}

/** An entry of the address book, made while the gateway ran. Times are milliseconds since the epoch. */
export interface AddressRecord {
  /** Names this entry, and no other one ever. */
  readonly id: string;
  readonly verdict: 'allow' | 'deny';
  /** In canonical spelling. */
  readonly cidr: string;
  /** `ban`: made by the gateway itself. */
  readonly origin: 'command' | 'ban';
  readonly reason: string | null;
  /** Who made it; null for a ban. */
  readonly owner: string | null;
  readonly createdAt: number;
  /** null: it stays until it is removed. */
  readonly expiresAt: number | null;
  /** How many bans this one makes, those before it included; 0 for what a command made. */
  readonly strikes: number;
}

/** Entries of the address book. Atomic, durable and shared as tokens are. */
export interface AddressRecords {
  /**
   * Stores entries in the place of others, which may be gone already.
   * @throws StorageError `conflict` when there is an entry of one of these ids; nothing is changed then
   */
  put(records: readonly AddressRecord[], replaces: readonly string[]): Promise<void>;
  /** Every entry, those that have expired too, oldest first. */
  list(): Promise<readonly AddressRecord[]>;
  /** Resolves to how many there were; unknown ids count for nothing. */
  remove(ids: readonly string[]): Promise<number>;
  /** As that of the tokens: differs from the last one after **another** connection has changed the store. */
  revision(): Promise<number>;
}

/** Gives tokens that live in the configuration file the stable identity that their name alone could not be. */
export interface ConfiguredPrincipals {
  /** The UUID that belongs to `key` for ever; made the first time. Concurrent first calls agree on one. */
  idFor(key: string): Promise<string>;
}

/** Durable records. Slow by the measure of the request path, where it must never be asked. */
export interface Storage {
  readonly tokens: TokenRecords;
  readonly addresses: AddressRecords;
  readonly configuredPrincipals: ConfiguredPrincipals;
  /** Idempotent. */
  close(): Promise<void>;
}

export type StorageFault =
  /** The change clashes with what is there. */
  | 'conflict'
  /** The folder or file could be changed by others, or is not ours. */
  | 'unsafe'
  /** Written by a newer release. */
  | 'too-new'
  /** It cannot be read or written. */
  | 'unusable';

/** What went wrong, where, and what to do about it; the message is for the operator. */
export class StorageError extends Error {
  readonly fault: StorageFault;

  constructor(fault: StorageFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StorageError';
    this.fault = fault;
  }
}

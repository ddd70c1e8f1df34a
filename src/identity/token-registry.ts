import { digestEquals, digestKey } from '../crypto/digest.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Storage } from '../storage/storage.ts';
import type { AuthenticationResult, Rejected } from './authentication.ts';
import { readBearer } from './bearer.ts';
import type { PrincipalId } from './principal.ts';
import { type ConfiguredToken, entryOfConfigured, entryOfRecord, type TokenEntry } from './token-entry.ts';
import { isLive, TokenIndex } from './token-index.ts';

/** The tokens one route accepts. Belongs to a generation of the configuration; the stored tokens in it are always today's. */
export interface AcceptedTokens {
  readonly stored: TokenIndex;
  readonly configured: TokenIndex;
}

/** Why a credential opens nothing any more. */
export type CredentialEnd = 'token-revoked' | 'token-expired';
export type EndListener = (principal: PrincipalId, reason: CredentialEnd) => void;

export interface RegistrySettings {
  /** Told when the store fails in the background, or a listener throws. The registry goes on with what it knows and tries again. */
  readonly onError: (error: unknown) => void;
}

/** How often the store is asked for changes of other processes, expiries are looked for and uses are written. */
const TICK_MS = 500;
const USE_NOTED_EVERY_MS = 60_000;

const UNKNOWN: Rejected = { rejected: PROBLEMS.INVALID_TOKEN, reason: 'token.unknown' };
const EXPIRED: Rejected = { rejected: PROBLEMS.INVALID_TOKEN, reason: 'token.expired' };
const NO_TOKENS = new TokenIndex();

/**
 * Who holds which token now. Authenticating costs one hash and one look-up and never waits for the store; the index follows
 * the store within TICK_MS, and at once after `refresh`.
 */
export class TokenRegistry {
  readonly #storage: Storage;
  readonly #onError: (error: unknown) => void;
  readonly #stored = new TokenIndex();
  /** Tokens whose expiry is still to be announced, by principal and time, so that reloading the same settings adds nothing. */
  #storedEnds: Map<string, TokenEntry> = new Map();
  readonly #configuredEnds = new Map<string, TokenEntry>();
  readonly #used = new Set<TokenEntry>();
  readonly #listeners = new Set<EndListener>();
  #revision = Number.NaN;
  #refreshing: Promise<void> = Promise.resolve();
  #ticking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(storage: Storage, settings: RegistrySettings) {
    this.#storage = storage;
    this.#onError = settings.onError;
  }

  /** @throws StorageError when the store cannot be read: nobody is let in on a guess. */
  static async open(storage: Storage, settings: RegistrySettings): Promise<TokenRegistry> {
    const registry = new TokenRegistry(storage, settings);
    await registry.refresh();
    registry.#timer = setInterval(() => {
      registry.#ticking ??= registry.#tick().finally(() => {
        registry.#ticking = undefined;
      });
    }, TICK_MS);
    registry.#timer.unref();
    return registry;
  }

  /** What the gateway accepts where a server says nothing of its own: its configured tokens, and every stored one. */
  async gatewayTokens(configured: readonly ConfiguredToken[]): Promise<AcceptedTokens> {
    return { stored: this.#stored, configured: await this.#compile('auth', configured) };
  }

  /** What a server's own `auth` accepts on its route: those tokens and no others. */
  async serverTokens(server: string, configured: readonly ConfiguredToken[]): Promise<AcceptedTokens> {
    return { stored: NO_TOKENS, configured: await this.#compile(`mcps/${server}/auth`, configured) };
  }

  /**
   * @param authorization every Authorization header, in order; no other place is looked at
   * @returns `not-responsible` when there is none, or it is not of the Bearer scheme
   */
  authenticate(authorization: readonly string[], accepted: AcceptedTokens): AuthenticationResult {
    const token = readBearer(authorization);
    if (token === undefined) return 'not-responsible';
    if (typeof token !== 'string') return token;
    const key = digestKey(token);
    const entry = accepted.stored.get(key) ?? accepted.configured.get(key);
    if (entry === undefined || !digestEquals(key, entry.digest)) return UNKNOWN;
    const now = Date.now();
    if (!isLive(entry, now)) return EXPIRED;
    if (now - entry.usedAt >= USE_NOTED_EVERY_MS) this.#noteUse(entry, now);
    return entry.accepted;
  }

  /**
   * Whether a principal still has a live credential here. For what was authenticated a while ago and is about to be kept
   * open: a revocation may have come in between.
   */
  accepts(principal: PrincipalId, accepted: AcceptedTokens): boolean {
    const now = Date.now();
    return accepted.stored.holds(principal, now) || accepted.configured.holds(principal, now);
  }

  /**
   * Told once for each credential that is revoked or runs out, after it has stopped opening anything. The principal may hold
   * another credential (a rotated token keeps its principal): ending its streams costs it a reconnection.
   * @returns the function that ends the subscription
   */
  onEnded(listener: EndListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the store again. Once it resolves, the index holds every change made before the call. */
  refresh(): Promise<void> {
    // One after the other: an older answer that came late would bring a revoked token back.
    this.#refreshing = this.#refreshing.catch(() => undefined).then(() => this.#load());
    return this.#refreshing;
  }

  /** Writes what is left to write, and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#listeners.clear();
    await this.#ticking;
    await this.#refreshing.catch(() => undefined);
    await this.#writeUses().catch(this.#onError);
  }

  async #load(): Promise<void> {
    // Asked for first: a change between the two is then read twice rather than never.
    const revision = await this.#storage.tokens.revision();
    const records = await this.#storage.tokens.list();
    const entries = records.map(entryOfRecord).filter((entry) => entry !== undefined);
    const now = Date.now();
    this.#announceExpired(now);
    const gone = this.#stored.replace(entries, now);
    this.#storedEnds = new Map(
      entries.filter((entry) => expiresLater(entry, now)).map((entry) => [endKey(entry), entry]),
    );
    this.#revision = revision;
    for (const entry of gone) this.#announce(entry, 'token-revoked');
  }

  async #compile(scope: string, tokens: readonly ConfiguredToken[]): Promise<TokenIndex> {
    const names = new Map<string, string>();
    const entries: TokenEntry[] = [];
    for (const token of tokens) {
      // The scope belongs to the identity: tokens of one name on two routes are two callers.
      const entry = entryOfConfigured(token, await this.#storage.configuredPrincipals.idFor(`${scope}/${token.name}`));
      const twin = names.get(entry.key);
      if (twin !== undefined) {
        throw new TypeError(`the tokens "${twin}" and "${token.name}" are the same secret; give each its own`);
      }
      names.set(entry.key, token.name);
      entries.push(entry);
    }
    const now = Date.now();
    for (const entry of entries) if (expiresLater(entry, now)) this.#configuredEnds.set(endKey(entry), entry);
    const index = new TokenIndex();
    index.replace(entries, now);
    return index;
  }

  async #tick(): Promise<void> {
    try {
      this.#announceExpired(Date.now());
      if ((await this.#storage.tokens.revision()) !== this.#revision) await this.refresh();
      await this.#writeUses();
    } catch (error) {
      this.#onError(error);
    }
  }

  #announceExpired(now: number): void {
    for (const ends of [this.#storedEnds, this.#configuredEnds]) {
      for (const [key, entry] of ends) {
        if (isLive(entry, now)) continue;
        ends.delete(key);
        this.#announce(entry, 'token-expired');
      }
    }
  }

  /** A listener that throws must not keep the others, or whoever revoked the token, from going on. */
  #announce(entry: TokenEntry, reason: CredentialEnd): void {
    for (const listener of this.#listeners) {
      try {
        listener(entry.principal.id, reason);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  #noteUse(entry: TokenEntry, now: number): void {
    entry.usedAt = now;
    if (entry.recordId !== undefined) this.#used.add(entry);
  }

  async #writeUses(): Promise<void> {
    if (this.#used.size === 0) return;
    const uses = [...this.#used].map((entry) => ({ id: entry.recordId!, at: entry.usedAt }));
    this.#used.clear();
    await this.#storage.tokens.touch(uses);
  }
}

function expiresLater(entry: TokenEntry, now: number): boolean {
  return entry.expiresAt !== undefined && entry.expiresAt > now;
}

function endKey(entry: TokenEntry): string {
  return `${entry.principal.id} ${entry.expiresAt}`;
}

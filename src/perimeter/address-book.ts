import type { Cidr } from '../net/cidr.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { AddressRecord, AddressRecords } from '../storage/storage.ts';
import { type BookEntry, entryFor, entryOf } from './book-entry.ts';
import { EntryTable } from './entry-table.ts';
import type { LiveEntries } from './live-entries.ts';
import { PastBans } from './past-bans.ts';

export interface BookSettings {
  /** Told when the store fails in the background, or a listener throws. The book goes on with what it knows and tries again. */
  readonly onError: (error: unknown) => void;
}

/** Bans in force at most, and as many that are over: one more ends the oldest. */
export const MAX_BANS = 10_000;
/** How often expiries are looked for, bans are written, and the store is asked for changes of other processes. */
const TICK_MS = 250;

/**
 * The entries that come and go while the gateway runs. Looking one up never waits, never changes anything and goes by the
 * clock: what has run out means nothing although it is still in the book, until one sweep takes it out.
 *
 * What a command changes is in the store before it is in force. A ban is in force at once, and in the store with the next tick.
 */
export class AddressBook implements LiveEntries, Pick<AddressRecords, 'put' | 'list' | 'remove'> {
  readonly #records: AddressRecords;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<() => void>();
  #entries = new Map<string, BookEntry>();
  #denials = new EntryTable<BookEntry>();
  #allowances = new EntryTable<BookEntry>();
  /** Ids of those in force, oldest first. */
  #bans = new Set<string>();
  #past = new PastBans(MAX_BANS);
  /** What the store is still to learn: bans it has not, and entries it need not keep. */
  readonly #unsaved = new Map<string, AddressRecord>();
  readonly #doomed = new Set<string>();
  #epoch = 1;
  #nextExpiry = Number.POSITIVE_INFINITY;
  #revision = Number.NaN;
  #isFailing = false;
  #queue: Promise<unknown> = Promise.resolve();
  #ticking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(records: AddressRecords, settings: BookSettings) {
    this.#records = records;
    this.#onError = settings.onError;
  }

  /** @throws StorageError when the store cannot be read: nobody is let in on a guess */
  static async open(records: AddressRecords, settings: BookSettings): Promise<AddressBook> {
    const book = new AddressBook(records, settings);
    await book.refresh();
    book.#timer = setInterval(() => {
      book.#ticking ??= book.#tick().finally(() => {
        book.#ticking = undefined;
      });
    }, TICK_MS);
    book.#timer.unref();
    return book;
  }

  get epoch(): number {
    return this.#epoch;
  }

  denial(address: IpAddress): BookEntry | undefined {
    return this.#denials.size === 0 ? undefined : this.#denials.find(address, Date.now());
  }

  allowance(address: IpAddress): BookEntry | undefined {
    return this.#allowances.size === 0 ? undefined : this.#allowances.find(address, Date.now());
  }

  /** Told after every change, expiry included, once the epoch has grown. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is in the book: nothing that has been swept out. */
  async list(): Promise<readonly AddressRecord[]> {
    return [...this.#entries.values()].map(({ record }) => record);
  }

  put(records: readonly AddressRecord[], replaces: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const entries = records.map(entryOf);
      await this.#records.put(records, replaces);
      for (const id of replaces) this.#takeOut(id);
      for (const entry of entries) this.#takeIn(entry);
      this.#changed();
    });
  }

  remove(ids: readonly string[]): Promise<number> {
    return this.#inTurn(async () => {
      const stored = await this.#records.remove(ids);
      const unsaved = ids.filter((id) => this.#unsaved.delete(id)).length;
      for (const id of ids) this.#takeOut(id);
      this.#changed();
      return stored + unsaved;
    });
  }

  /** How many bans of the network are still remembered, one after the other. */
  strikesOf(network: Cidr): number {
    return this.#past.strikesOf(network.text, Date.now());
  }

  /** Puts a ban in force now. @param network that of the record */
  ban(record: AddressRecord, network: Cidr): void {
    if (this.#bans.size >= MAX_BANS) {
      const oldest = this.#bans.values().next().value as string;
      this.#takeOut(oldest);
      this.#forget([oldest]);
    }
    this.#forget(this.#past.take(record.cidr));
    this.#unsaved.set(record.id, record);
    this.#takeIn(entryFor(record, network));
    this.#changed();
  }

  /** Reads the store again. Once it resolves, the book holds every change made before the call. */
  refresh(): Promise<void> {
    return this.#inTurn(() => this.#load());
  }

  /** Writes what is left to write, and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#listeners.clear();
    await this.#ticking;
    await this.#inTurn(() => this.#save()).catch(this.#onError);
  }

  /** One after the other: an older answer of the store that came late would bring back what was removed. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #load(): Promise<void> {
    // Asked for first: a change between the two is then read twice rather than never.
    const revision = await this.#records.revision();
    const stored = await this.#records.list();
    const known = stored.filter(({ id }) => !this.#doomed.has(id) && !this.#unsaved.has(id));
    // Read before anything is let go: when one cannot be, the book stays as it is.
    const entries = [...known, ...this.#unsaved.values()].map(entryOf);
    const before = this.#entries;
    this.#entries = new Map();
    this.#denials = new EntryTable();
    this.#allowances = new EntryTable();
    this.#bans = new Set();
    this.#past = new PastBans(MAX_BANS);
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const entry of entries) this.#takeIn(entry);
    this.#takeOutExpired(Date.now());
    this.#revision = revision;
    if (!sameKeys(before, this.#entries)) this.#changed();
  }

  async #tick(): Promise<void> {
    try {
      this.#sweep(Date.now());
      if (this.#unsaved.size + this.#doomed.size > 0) await this.#inTurn(() => this.#save());
      if ((await this.#records.revision()) !== this.#revision) await this.refresh();
      this.#isFailing = false;
    } catch (error) {
      // Told once: it is tried again four times a second.
      if (!this.#isFailing) this.#onError(error);
      this.#isFailing = true;
    }
  }

  #sweep(now: number): void {
    this.#forget(this.#past.sweep(now));
    if (now >= this.#nextExpiry && this.#takeOutExpired(now)) this.#changed();
  }

  #takeOutExpired(now: number): boolean {
    const due = [...this.#entries.values()].filter(({ expiresAt }) => expiresAt !== undefined && expiresAt <= now);
    for (const { id, record } of due) {
      this.#takeOut(id);
      this.#forget(record.origin === 'ban' ? this.#past.add(record, now) : [id]);
    }
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const { expiresAt } of this.#entries.values()) this.#expect(expiresAt);
    return due.length > 0;
  }

  #takeIn(entry: BookEntry): void {
    const { verdict, origin } = entry.record;
    this.#entries.set(entry.id, entry);
    (verdict === 'deny' ? this.#denials : this.#allowances).add(entry);
    if (origin === 'ban') this.#bans.add(entry.id);
    this.#expect(entry.expiresAt);
  }

  #takeOut(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#bans.delete(id);
    (entry.record.verdict === 'deny' ? this.#denials : this.#allowances).delete(entry);
  }

  #expect(expiresAt: number | undefined): void {
    if (expiresAt !== undefined && expiresAt < this.#nextExpiry) this.#nextExpiry = expiresAt;
  }

  #forget(ids: readonly string[]): void {
    for (const id of ids) if (!this.#unsaved.delete(id)) this.#doomed.add(id);
  }

  async #save(): Promise<void> {
    const [unsaved, doomed] = [[...this.#unsaved.values()], [...this.#doomed]];
    if (unsaved.length + doomed.length === 0) return;
    // What is let go of while the store writes it must be taken out of the store again.
    this.#unsaved.clear();
    try {
      await this.#records.put(unsaved, doomed);
    } catch (error) {
      for (const record of unsaved) if (!this.#doomed.delete(record.id)) this.#unsaved.set(record.id, record);
      throw error;
    }
    for (const id of doomed) this.#doomed.delete(id);
  }

  /** A listener that throws must not keep the others, or whoever made the change, from going on. */
  #changed(): void {
    this.#epoch += 1;
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

function sameKeys(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  if (one.size !== other.size) return false;
  for (const key of one.keys()) if (!other.has(key)) return false;
  return true;
}

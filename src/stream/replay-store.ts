import type { StreamLog } from './stream-log.ts';

/** An event that a client may ask for again, and its places: among all there are, and among those of its session. */
export interface KeptEvent {
  readonly holder: EventHolder;
  /** The stream it left on. */
  readonly log: StreamLog;
  /** Its place on that stream, from 1. */
  readonly number: number;
  /** As it left: framed, with its id. */
  readonly bytes: Buffer;
  readonly keptAt: number;
  older: KeptEvent | undefined;
  newer: KeptEvent | undefined;
  nextOfHolder: KeptEvent | undefined;
}

export interface EventHolder {
  /** Lets go of its oldest event, which is the oldest of all: calls `ReplayStore.delete` for it. */
  dropOldest(): void;
}

export interface ReplayBounds {
  /** Bytes kept for one session. */
  readonly sessionBytes: number;
  /** Bytes kept for all sessions. */
  readonly totalBytes: number;
  /** Events kept for one session. */
  readonly sessionEvents: number;
  readonly ageMs: number;
  /** What clients are told to wait before they connect again. */
  readonly retryMs: number;
}

/** What an event costs beside its bytes: without it, a flood of tiny events would be nearly free. */
const OVERHEAD_BYTES = 256;

export function costOf(bytes: Buffer): number {
  return bytes.length + OVERHEAD_BYTES;
}

/**
 * The line of every kept event of every session, oldest first. It holds the bounds that concern all of them: bytes in
 * total, and age. What is over goes from the old end, whoever's it is.
 */
export class ReplayStore {
  readonly bounds: ReplayBounds;
  readonly now: () => number;
  bytes = 0;
  private oldest: KeptEvent | undefined;
  private newest: KeptEvent | undefined;

  /** @param now milliseconds on a clock that never goes back */
  constructor(bounds: ReplayBounds, now: () => number = () => performance.now()) {
    this.bounds = bounds;
    this.now = now;
  }

  add(event: KeptEvent): void {
    event.older = this.newest;
    if (this.newest === undefined) this.oldest = event;
    else this.newest.newer = event;
    this.newest = event;
    this.bytes += costOf(event.bytes);
    while (this.bytes > this.bounds.totalBytes && this.oldest !== undefined) this.oldest.holder.dropOldest();
    this.sweep(event.keptAt);
  }

  /** Room for bytes that are kept elsewhere and count here; false when there is none even without any event. */
  borrow(bytes: number): boolean {
    this.bytes += bytes;
    while (this.bytes > this.bounds.totalBytes && this.oldest !== undefined) this.oldest.holder.dropOldest();
    if (this.bytes <= this.bounds.totalBytes) return true;
    this.bytes -= bytes;
    return false;
  }

  giveBack(bytes: number): void {
    this.bytes -= bytes;
  }

  delete(event: KeptEvent): void {
    const { older, newer } = event;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    event.older = undefined;
    event.newer = undefined;
    this.bytes -= costOf(event.bytes);
  }

  /** Lets go of what is too old. Called with each event, and now and then by the owner for when there is none. */
  sweep(now: number = this.now()): void {
    const limit = now - this.bounds.ageMs;
    while (this.oldest !== undefined && this.oldest.keptAt < limit) this.oldest.holder.dropOldest();
  }
}

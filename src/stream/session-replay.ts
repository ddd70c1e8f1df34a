import { InFlight } from '../in-flight/in-flight.ts';
import { costOf, type EventHolder, type KeptEvent, type ReplayStore } from './replay-store.ts';
import { type Resumable, StreamLog } from './stream-log.ts';

/** Streams of the session itself, not of a call, that are remembered though nothing of theirs is kept. */
const MAX_QUIET_STREAMS = 16;
const EVENT_ID = /^([\w-]{1,32})\.([1-9]\d{0,8})\.(\d{1,9})$/;

/** A place on a stream: the client has seen the events up to `after`. */
export interface Place {
  readonly log: StreamLog;
  readonly after: number;
}

/**
 * The numbered events of one session, kept within bounds so that a client whose connection broke can have what it missed
 * (MCP 2025-11-25, transports "Resumability and Redelivery"). An id names its session, its stream and its place there, so
 * what is asked for can only be of that stream; the caller has found the session by id and principal before.
 */
export class SessionReplay implements EventHolder {
  /**
   * Whether a stream begins with an event that is only an id. Clients of revisions before 2025-11-25 take the empty data for
   * a message they cannot read.
   */
  primes = false;
  readonly store: ReplayStore;
  private readonly tag: string;
  private readonly logs = new InFlight<StreamLog>();
  private opened = 0;
  private oldest: KeptEvent | undefined;
  private newest: KeptEvent | undefined;
  private events = 0;
  private bytes = 0;

  /** @param tag of the session: begins every id, so that an id of another session is none of this one's */
  constructor(store: ReplayStore, tag: string) {
    this.store = store;
    this.tag = tag;
  }

  /** A new stream: that of a call's answer, or (undefined) one of the session itself, which has no end of its own. */
  open(carrier: Resumable | undefined): StreamLog {
    if (carrier === undefined) this.forgetQuiet();
    this.opened += 1;
    const log = new StreamLog(this, this.opened, `${this.tag}.${this.opened}.`, carrier);
    this.logs.add(log);
    return log;
  }

  /** The place an id names; undefined when this session gave no such id, or keeps nothing of a finished answer any more. */
  find(id: string): Place | undefined {
    const parts = EVENT_ID.exec(id);
    if (parts === null || parts[1] !== this.tag) return undefined;
    const stream = Number(parts[2]);
    const log = this.logs.members().find((open) => open.stream === stream);
    const after = Number(parts[3]);
    return log === undefined || after > log.length ? undefined : { log, after };
  }

  /** True when the event is kept: one that alone is over the bounds is not, and does not drive the others out. */
  keep(log: StreamLog, number: number, bytes: Buffer): boolean {
    const { sessionBytes, sessionEvents, totalBytes } = this.store.bounds;
    const cost = costOf(bytes);
    if (cost > sessionBytes || cost > totalBytes) return false;
    const event: KeptEvent = {
      holder: this,
      log,
      number,
      bytes,
      keptAt: this.store.now(),
      older: undefined,
      newer: undefined,
      nextOfHolder: undefined,
    };
    if (this.newest === undefined) this.oldest = event;
    else this.newest.nextOfHolder = event;
    this.newest = event;
    this.events += 1;
    this.bytes += cost;
    this.store.add(event);
    while (this.events > sessionEvents || this.bytes > sessionBytes) this.dropOldest();
    return true;
  }

  dropOldest(): void {
    const event = this.oldest;
    if (event === undefined) return;
    this.oldest = event.nextOfHolder;
    if (this.oldest === undefined) this.newest = undefined;
    this.events -= 1;
    this.bytes -= costOf(event.bytes);
    this.store.delete(event);
    event.log.dropped();
  }

  /** The kept events of a stream after a place, in order. */
  after(log: StreamLog, number: number): Buffer[] {
    const found: Buffer[] = [];
    for (let event = this.oldest; event !== undefined; event = event.nextOfHolder) {
      if (event.log === log && event.number > number) found.push(event.bytes);
    }
    return found;
  }

  forget(log: StreamLog): void {
    this.logs.delete(log);
  }

  /** The session is over: nothing of it is kept. */
  close(): void {
    while (this.oldest !== undefined) this.dropOldest();
    for (const log of this.logs.members()) this.logs.delete(log);
  }

  private forgetQuiet(): void {
    const quiet = this.logs.members().filter((log) => log.isQuiet);
    const [oldest] = quiet;
    if (oldest !== undefined && quiet.length >= MAX_QUIET_STREAMS) this.logs.delete(oldest);
  }
}

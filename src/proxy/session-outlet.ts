import type { EndReason } from '../session/tickets.ts';
import type { SessionReplay } from '../stream/session-replay.ts';

/** Messages of the server kept for a client that has not opened a stream yet; they count among what is kept of all sessions. */
const BACKLOG_MESSAGES = 64;
const BACKLOG_BYTES = 262_144;

interface Waiting {
  readonly bytes: Buffer;
  /** The question it is, by the id the client will know it by. */
  readonly question: number | undefined;
}

/** A stream of the session itself: it carries what belongs to no call. */
export interface OutletStream {
  /** Returns false when the client does not keep up. */
  write(message: Buffer): boolean;
  end(reason: EndReason): void;
}

/**
 * Where a session's messages go that belong to no call. Each goes to exactly one stream, the newest; while there is none
 * the last few are kept for the next.
 */
export class SessionOutlet {
  /** What the client may have missed. */
  readonly replay: SessionReplay;
  private readonly streams: OutletStream[] = [];
  private backlog: Waiting[] = [];
  private backlogBytes = 0;

  constructor(replay: SessionReplay) {
    this.replay = replay;
  }

  get isOpen(): boolean {
    return this.streams.length > 0;
  }

  /** @param question the id of a question, by which it can be taken back while it waits for a stream */
  deliver(message: Buffer, question?: number): boolean {
    const stream = this.streams.at(-1);
    if (stream !== undefined) return stream.write(message);
    this.hold({ bytes: Buffer.from(message), question });
    return true;
  }

  /** Takes back a question that still waits: nobody waits for its answer. False when the client may have seen it. */
  retract(question: number): boolean {
    const index = this.backlog.findIndex((waiting) => waiting.question === question);
    const [retracted] = index === -1 ? [] : this.backlog.splice(index, 1);
    if (retracted === undefined) return false;
    this.backlogBytes -= retracted.bytes.length;
    this.replay.store.giveBack(retracted.bytes.length);
    return true;
  }

  opened(stream: OutletStream): void {
    this.streams.push(stream);
    for (const { bytes, question } of this.takeBacklog()) this.deliver(bytes, question);
  }

  private hold(waiting: Waiting): void {
    const { store } = this.replay;
    const { length } = waiting.bytes;
    // Oldest out first, so that there is always room for what is in use now.
    while (this.backlog.length >= BACKLOG_MESSAGES || this.backlogBytes + length > BACKLOG_BYTES) {
      const oldest = this.backlog.shift();
      if (oldest === undefined) return;
      this.backlogBytes -= oldest.bytes.length;
      store.giveBack(oldest.bytes.length);
    }
    if (!store.borrow(length)) return;
    this.backlog.push(waiting);
    this.backlogBytes += length;
  }

  private takeBacklog(): readonly Waiting[] {
    const { backlog } = this;
    this.replay.store.giveBack(this.backlogBytes);
    this.backlog = [];
    this.backlogBytes = 0;
    return backlog;
  }

  closed(stream: OutletStream): void {
    const index = this.streams.indexOf(stream);
    if (index !== -1) this.streams.splice(index, 1);
  }

  end(reason: EndReason): void {
    for (const stream of [...this.streams]) stream.end(reason);
    this.takeBacklog();
    this.replay.close();
  }
}

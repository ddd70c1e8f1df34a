import type { EndReason } from '../session/tickets.ts';
import type { SessionReplay } from '../stream/session-replay.ts';

/** Messages of the server kept for a client that has not opened a stream yet; they count among what is kept of all sessions. */
const BACKLOG_MESSAGES = 64;
const BACKLOG_BYTES = 262_144;

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
  private backlog: Buffer[] = [];
  private backlogBytes = 0;

  constructor(replay: SessionReplay) {
    this.replay = replay;
  }

  get isOpen(): boolean {
    return this.streams.length > 0;
  }

  deliver(message: Buffer): boolean {
    const stream = this.streams.at(-1);
    if (stream !== undefined) return stream.write(message);
    this.hold(Buffer.from(message));
    return true;
  }

  opened(stream: OutletStream): void {
    this.streams.push(stream);
    for (const message of this.takeBacklog()) this.deliver(message);
  }

  private hold(message: Buffer): void {
    const { store } = this.replay;
    // Oldest out first, so that there is always room for what is in use now.
    while (this.backlog.length >= BACKLOG_MESSAGES || this.backlogBytes + message.length > BACKLOG_BYTES) {
      const oldest = this.backlog.shift();
      if (oldest === undefined) return;
      this.backlogBytes -= oldest.length;
      store.giveBack(oldest.length);
    }
    if (!store.borrow(message.length)) return;
    this.backlog.push(message);
    this.backlogBytes += message.length;
  }

  private takeBacklog(): readonly Buffer[] {
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

import type { EndReason } from '../session/tickets.ts';
import type { SessionReplay } from '../stream/session-replay.ts';

/** Messages of the server kept for a client that has not opened a stream yet. */
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
    this.backlog.push(message);
    this.backlogBytes += message.length;
    while (this.backlog.length > BACKLOG_MESSAGES || this.backlogBytes > BACKLOG_BYTES) {
      this.backlogBytes -= this.backlog.shift()?.length ?? 0;
    }
    return true;
  }

  opened(stream: OutletStream): void {
    this.streams.push(stream);
    const { backlog } = this;
    this.backlog = [];
    this.backlogBytes = 0;
    for (const message of backlog) this.deliver(message);
  }

  closed(stream: OutletStream): void {
    const index = this.streams.indexOf(stream);
    if (index !== -1) this.streams.splice(index, 1);
  }

  end(reason: EndReason): void {
    for (const stream of [...this.streams]) stream.end(reason);
    this.backlog = [];
    this.backlogBytes = 0;
    this.replay.close();
  }
}

import type { ServerResponse } from 'node:http';
import { sseComment, sseEvent } from '../protocol/sse.ts';
import type { Beating, KeepAlive } from './keep-alive.ts';
import type { MessageStream, StreamLog } from './stream-log.ts';

export interface StreamOwner {
  /** The client closed the stream, or was cut for not reading it. Called once, never after `end`. */
  gone(slow: boolean): void;
  /** The client caught up after `write` returned false. */
  drained(): void;
}

export interface StreamSettings {
  /** Bytes a client may leave unread before it is cut. */
  readonly bufferBytes: number;
}

const STREAM_HEADERS = ['Content-Type', 'text/event-stream', 'X-Accel-Buffering', 'no'];
const BEAT = sseComment('');

/**
 * One event stream to one client (text/event-stream, WHATWG HTML 9.2). Events leave as they come: nothing is gathered, and
 * there is no timeout. What the client does not read is bounded; past the bound the client is cut, never the server's lane.
 */
export class EventStream implements Beating, MessageStream {
  previous: Beating | undefined = undefined;
  next: Beating | undefined = undefined;
  private readonly response: ServerResponse;
  private readonly owner: StreamOwner;
  private readonly keepAlive: KeepAlive;
  private readonly bufferBytes: number;
  private readonly log: StreamLog | undefined;
  private quiet = true;
  private closed = false;
  private sent = 0;
  /** Bytes of what the client had missed that may still be unread: none of them counts against it. */
  private missed = 0;
  private catchingUp = false;

  constructor(
    response: ServerResponse,
    headers: readonly string[],
    owner: StreamOwner,
    keepAlive: KeepAlive,
    settings: StreamSettings,
    log?: StreamLog,
  ) {
    this.response = response;
    this.owner = owner;
    this.keepAlive = keepAlive;
    this.bufferBytes = settings.bufferBytes;
    this.log = log;
    response.writeHead(200, [...headers, ...STREAM_HEADERS]);
    // Headers must leave now: a client waiting for them would otherwise wait for the first event.
    const first = log?.priming();
    if (first === undefined) response.flushHeaders();
    else response.write(first);
    response.on('drain', () => {
      this.missed = 0;
      if (!this.closed) this.owner.drained();
    });
    response.on('close', () => this.abandon(false));
    keepAlive.add(this);
  }

  get bytes(): number {
    return this.sent;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /**
   * One message as one event. Returns false when the client does not keep up. After the end it is only kept, if it is at all.
   * Only what was left unread before counts against the client: one large message is no sign of a slow reader.
   */
  write(message: Buffer): boolean {
    if (this.closed && this.log === undefined) return true;
    return this.writeEvent(this.log === undefined ? sseEvent(message) : this.log.append(message));
  }

  /** An event as it goes over the wire, under the same bound. */
  writeEvent(event: Buffer): boolean {
    if (this.closed) return true;
    if (!this.catchingUp && this.response.writableLength - this.missed > this.bufferBytes) {
      this.cut();
      return true;
    }
    return this.send(event);
  }

  /**
   * What is written meanwhile is what the client missed: it was kept within bounds of its own, and never counts as left unread.
   * @param write synchronous
   */
  catchUp(write: () => void): void {
    this.catchingUp = true;
    write();
    this.catchingUp = false;
    // Without `drain` to come there is next to nothing to wait for.
    if (this.response.writableNeedDrain) this.missed = this.response.writableLength;
  }

  private send(event: Buffer): boolean {
    this.quiet = false;
    this.sent += event.length;
    return this.response.write(event);
  }

  /** Ends the stream properly: what was written still reaches the client. */
  end(): void {
    if (this.closed) return;
    this.closed = true;
    this.keepAlive.remove(this);
    this.response.end();
  }

  beat(): void {
    if (this.quiet && !this.closed) this.response.write(BEAT);
    this.quiet = true;
  }

  private cut(): void {
    this.abandon(true);
    this.response.destroy();
  }

  private abandon(slow: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.keepAlive.remove(this);
    this.owner.gone(slow);
  }
}

import type { Linked } from '../in-flight/in-flight.ts';
import { sseEvent, ssePriming } from '../protocol/sse.ts';
import type { StreamOwner } from './event-stream.ts';
import type { SessionReplay } from './session-replay.ts';

/** Where the messages of a stream go while a client is connected to it. */
export interface MessageStream {
  readonly bytes: number;
  readonly isClosed: boolean;
  /** Returns false when the client does not keep up. */
  write(message: Buffer): boolean;
  /** Ends it properly: what was written still reaches the client. */
  end(): void;
}

/** What goes on when the connection that carried it has broken: the answer to a POST. */
export interface Resumable {
  /** Every message from now on goes to `stream`. @returns whom to tell when that stream breaks or is drained */
  carryOn(stream: MessageStream): StreamOwner;
}

/** One stream's events by number, from its first to its last, over as many connections as it takes. */
export class StreamLog implements Linked<StreamLog> {
  previous: StreamLog | undefined = undefined;
  next: StreamLog | undefined = undefined;
  readonly stream: number;
  /** The connection it is on now. */
  connection: MessageStream | undefined = undefined;
  /** Undefined on a stream of the session itself, and when the last message is written. */
  carrier: Resumable | undefined;
  hasEnded = false;
  /** Events so far: the number of the newest. */
  length = 0;
  private readonly replay: SessionReplay;
  private readonly prefix: string;
  private kept = 0;
  private keptLast = false;

  constructor(replay: SessionReplay, stream: number, prefix: string, carrier: Resumable | undefined) {
    this.replay = replay;
    this.stream = stream;
    this.prefix = prefix;
    this.carrier = carrier;
  }

  /** Numbers a message, keeps it, and says how it goes over the wire. */
  append(message: Buffer): Buffer {
    this.length += 1;
    const event = sseEvent(message, `${this.prefix}${this.length}`);
    this.keptLast = this.replay.keep(this, this.length, event);
    if (this.keptLast) this.kept += 1;
    return event;
  }

  /** The event a stream begins with: where to resume from when it breaks before its first message. Never ahead of one. */
  priming(): Buffer | undefined {
    if (!this.replay.primes || this.length > 0) return undefined;
    return ssePriming(`${this.prefix}0`, this.replay.store.bounds.retryMs);
  }

  after(number: number): Buffer[] {
    return this.replay.after(this, number);
  }

  /** One of its kept events is gone. */
  dropped(): void {
    this.kept -= 1;
    if (this.hasEnded && this.kept === 0) this.replay.forget(this);
  }

  /** The last message was written. Without it, resuming would wait for ever: then there is nothing to resume. */
  end(): void {
    this.hasEnded = true;
    this.carrier = undefined;
    if (!this.keptLast) this.replay.forget(this);
  }

  /** Of the session itself, with nobody connected and nothing kept. */
  get isQuiet(): boolean {
    return this.carrier === undefined && !this.hasEnded && this.kept === 0 && this.connection === undefined;
  }
}

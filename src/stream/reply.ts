import type { ServerResponse } from 'node:http';
import { jsonHeaders, type OutboundResponse, send } from '../http/outbound-response.ts';
import { EventStream, type StreamOwner, type StreamSettings } from './event-stream.ts';
import type { Beating, KeepAlive } from './keep-alive.ts';
import type { SessionReplay } from './session-replay.ts';
import type { MessageStream, Resumable, StreamLog } from './stream-log.ts';

export interface ReplyOwner extends StreamOwner {
  /** The answer became an event stream: its headers are out. Called at most once. */
  streaming(): void;
}

/**
 * The answer to one POST: a JSON object when the final message comes first, an event stream as soon as anything else does
 * (MCP streamable-http, "Receiving Messages"). A client that waits long is given the stream's headers, so that neither it
 * nor a proxy gives up on a call that is merely slow.
 */
export class Reply implements Beating, Resumable {
  previous: Beating | undefined = undefined;
  next: Beating | undefined = undefined;
  private readonly response: ServerResponse;
  private readonly keepAlive: KeepAlive;
  private readonly settings: StreamSettings;
  private readonly owner: ReplyOwner;
  private headers: readonly string[];
  private readonly sessionReplay: SessionReplay | undefined;
  private log: StreamLog | undefined;
  private stream: MessageStream | undefined;
  private awaited: number;
  private done = false;
  private sent = 0;

  /**
   * @param awaited how many final messages the reply will carry: more than one makes it a stream.
   * @param sessionReplay where a stream is kept that may be resumed: it then goes on when its connection breaks
   */
  constructor(
    response: ServerResponse,
    headers: readonly string[],
    owner: ReplyOwner,
    keepAlive: KeepAlive,
    settings: StreamSettings,
    awaited: number,
    sessionReplay?: SessionReplay,
  ) {
    this.response = response;
    this.headers = headers;
    this.owner = owner;
    this.keepAlive = keepAlive;
    this.settings = settings;
    this.awaited = awaited;
    this.sessionReplay = sessionReplay;
    response.on('close', () => this.closedEarly());
    keepAlive.add(this);
  }

  get isStreaming(): boolean {
    return this.stream !== undefined;
  }

  /** Its connection broke, and what is written now is kept for the client that resumes it. */
  get isKept(): boolean {
    return !this.done && this.log !== undefined && this.stream?.isClosed === true;
  }

  /** Nothing more can be written: answered, or the client is gone. */
  get isDone(): boolean {
    return this.done || this.stream?.isClosed === true;
  }

  get bytes(): number {
    return this.stream?.bytes ?? this.sent;
  }

  /** Adds a header to an answer that has not begun. */
  addHeader(name: string, value: string): void {
    this.headers = [...this.headers, name, value];
  }

  /** Takes back a header of an answer that has not begun. */
  dropHeader(name: string): void {
    // Names stand at even places; a value may read like a name.
    const at = this.headers.findIndex((text, place) => place % 2 === 0 && text === name);
    if (at !== -1) this.headers = this.headers.toSpliced(at, 2);
  }

  /** Sends the headers of a stream now. Idempotent. */
  open(): void {
    if (this.done || this.stream !== undefined) return;
    this.keepAlive.remove(this);
    this.log = this.sessionReplay?.open(this);
    this.stream = new EventStream(this.response, this.headers, this.owner, this.keepAlive, this.settings, this.log);
    this.owner.streaming();
  }

  carryOn(stream: MessageStream): StreamOwner {
    // The old connection may only look alive: whoever resumes has given it up.
    if (this.stream?.isClosed === false) {
      this.stream.end();
      this.owner.gone(false);
    }
    this.stream = stream;
    return this.owner;
  }

  /** A message before the final one. Returns false when the client does not keep up. */
  message(bytes: Buffer): boolean {
    if (this.done) return true;
    this.open();
    return this.stream?.write(bytes) ?? true;
  }

  /**
   * A final message. The last one awaited ends the answer. `status` counts only while no header is out; so does `retryAfter`,
   * the seconds a client that is refused for now is told to wait.
   */
  finish(bytes: Buffer, status: number, retryAfter?: number): void {
    if (this.done) return;
    this.awaited -= 1;
    if (this.stream === undefined && this.awaited === 0) {
      this.answer({ status, headers: jsonHeaders(status, retryAfter), body: bytes });
      return;
    }
    this.message(bytes);
    if (this.awaited === 0) this.end();
  }

  /** A whole answer that is no message: a refusal before anything was sent. */
  answer(answer: OutboundResponse): void {
    if (this.done) return;
    this.done = true;
    this.keepAlive.remove(this);
    this.sent = answer.body?.length ?? 0;
    send(this.response, answer, this.headers, false);
  }

  /** Ends the answer as it stands. */
  end(): void {
    if (this.done) return;
    this.done = true;
    this.keepAlive.remove(this);
    this.log?.end();
    if (this.stream !== undefined) this.stream.end();
    else this.response.destroy();
  }

  beat(): void {
    if (this.waited) this.open();
    this.waited = true;
  }

  /** Whether a whole keep-alive interval has passed without an answer. */
  private waited = false;

  private closedEarly(): void {
    if (this.done || this.stream !== undefined) return;
    this.done = true;
    this.keepAlive.remove(this);
    this.owner.gone(false);
  }
}

import type { ServerResponse } from 'node:http';
import type { Exchange } from '../policy/exchange.ts';
import type { EndReason } from '../session/tickets.ts';
import { Reply, type ReplyOwner } from '../stream/reply.ts';
import type { SessionReplay } from '../stream/session-replay.ts';
import type { Carrier } from './carrier.ts';
import type { ReceivedCall } from './received-call.ts';
import type { Estate, Generation } from './services.ts';
import { StreamRecord } from './stream-record.ts';

/** The answer to one POST and the calls that share it: one, or the members of a batch. */
export class PostReply implements ReplyOwner, Carrier {
  private readonly estate: Estate;
  private readonly exchange: Exchange;
  private readonly reply: Reply;
  private readonly calls: ReceivedCall[] = [];
  private record: StreamRecord | undefined;

  /** @param replay of the session, when the answer may be resumed (legacy) */
  constructor(
    estate: Estate,
    rules: Generation,
    x: Exchange,
    response: ServerResponse,
    awaited: number,
    replay?: SessionReplay,
  ) {
    this.estate = estate;
    this.exchange = x;
    this.reply = new Reply(response, x.responseHeaders, this, estate.keepAlive, rules.streams, awaited, replay);
  }

  get isDone(): boolean {
    return this.reply.isDone;
  }

  /** The client is gone, and may come back for what is written now. */
  get isKept(): boolean {
    return this.reply.isKept;
  }

  get isStreaming(): boolean {
    return this.reply.isStreaming;
  }

  join(call: ReceivedCall): void {
    this.calls.push(call);
  }

  addHeader(name: string, value: string): void {
    this.reply.addHeader(name, value);
  }

  dropHeader(name: string): void {
    this.reply.dropHeader(name);
  }

  open(): void {
    this.reply.open();
  }

  message(bytes: Buffer): boolean {
    return this.reply.message(bytes);
  }

  finish(bytes: Buffer, status: number, retryAfter?: number): void {
    this.reply.finish(bytes, status, retryAfter);
    if (this.reply.isDone) this.record?.end(this.reply.bytes, undefined);
  }

  /** The POST still needs an answer. */
  cancelled(bytes: Buffer, status: number): void {
    this.finish(bytes, status);
  }

  /** Ends the answer as it stands: the final message never came. */
  end(reason: EndReason): void {
    this.reply.end();
    this.record?.end(this.reply.bytes, reason);
  }

  streaming(): void {
    const kind = this.calls[0]?.kind === 'stream' ? 'listen' : 'response';
    this.record = new StreamRecord(this.estate, this.exchange, kind);
  }

  gone(slow: boolean): void {
    this.record?.end(this.reply.bytes, slow ? 'slow-client' : undefined);
    for (const call of this.calls) call.clientGone(slow);
  }

  drained(): void {
    for (const call of this.calls) call.clientCaughtUp();
  }
}

import type { ServerResponse } from 'node:http';
import type { Connection } from '../http/connection.ts';
import type { PrincipalId } from '../identity/principal.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { Exchange } from '../policy/exchange.ts';
import { sseEvent } from '../protocol/sse.ts';
import type { EndReason, Ticket } from '../session/tickets.ts';
import { EventStream, type StreamOwner } from '../stream/event-stream.ts';
import type { Carrier } from './carrier.ts';
import type { LegacySession } from './legacy-session.ts';
import type { Estate, Generation } from './services.ts';
import type { SessionId } from './session-id.ts';
import type { OutletStream } from './session-outlet.ts';
import { StreamRecord } from './stream-record.ts';

/**
 * The one stream of a client of HTTP+SSE (MCP 2024-11-05, transports "HTTP with SSE"): it carries every answer, question and
 * notification. The stream is the session: when it ends, so do the session and what it waits for.
 */
export class SseChannel implements Carrier, OutletStream, StreamOwner, Ticket {
  previous: Ticket | undefined = undefined;
  next: Ticket | undefined = undefined;
  readonly kind = 'stream';
  readonly isKept = false;
  readonly id: string;
  readonly key: string;
  readonly holder: PrincipalId;
  readonly client: IpAddress | undefined;
  readonly isLocalhost: boolean;
  readonly connection: Connection;
  readonly server: string;
  readonly generation: number;
  readonly expiresAt: number | undefined;
  private readonly estate: Estate;
  private readonly record: StreamRecord;
  private readonly events: EventStream;
  private current: LegacySession | undefined = undefined;
  private isAttached = false;
  private isEnding = false;
  private isOver = false;
  private endsWhenIdle = false;

  /** @param endpoint where the client is told to POST: path and query */
  constructor(
    estate: Estate,
    rules: Generation,
    { id, key }: SessionId,
    x: Exchange,
    response: ServerResponse,
    endpoint: string,
  ) {
    this.estate = estate;
    this.id = id;
    this.key = key;
    this.holder = x.principal?.id as PrincipalId;
    this.server = x.route.server as string;
    this.client = x.client;
    this.isLocalhost = x.isLocalhost;
    this.connection = x.connection;
    this.generation = rules.number;
    this.expiresAt = x.principal?.expiresAt;
    this.record = new StreamRecord(estate, x, 'sse');
    this.events = new EventStream(response, x.responseHeaders, this, estate.keepAlive, rules.streams);
    this.events.writeEvent(sseEvent(Buffer.from(endpoint), undefined, 'endpoint'));
    estate.tickets.add(this);
    estate.channels.add(this);
  }

  /** The session, from the client's `initialize` on; an `initialize` that fails leaves none. */
  get session(): LegacySession | undefined {
    return this.current?.hasEnded === true ? undefined : this.current;
  }

  begin(session: LegacySession): void {
    this.current = session;
  }

  // Carrier

  get isDone(): boolean {
    return this.isOver;
  }

  join(): void {}

  dropHeader(): void {}

  open(): void {}

  message(bytes: Buffer): boolean {
    return this.write(bytes);
  }

  finish(bytes: Buffer): void {
    this.write(bytes);
    this.settle();
  }

  /** On a stream nobody waits for the answer to a request that was taken back (MCP 2024-11-05, cancellation). */
  cancelled(): void {
    this.settle();
  }

  // OutletStream

  /** Old clients look for the name of the event, so it is written though it is what an event is called without one. */
  write(message: Buffer): boolean {
    return this.events.writeEvent(sseEvent(message, undefined, 'message'));
  }

  end(reason: EndReason): void {
    // Stopping lets calls under way finish, and their answers have no other way than this.
    if (reason === 'shutdown' && (this.session?.callCount ?? 0) > 0) {
      this.endsWhenIdle = true;
      return;
    }
    if (this.isEnding) return;
    this.isEnding = true;
    // What waits is told so before the stream ends.
    this.current?.end(reason);
    this.events.end();
    this.close(reason);
  }

  // StreamOwner

  gone(slow: boolean): void {
    this.isEnding = true;
    this.close(slow ? 'slow-client' : undefined);
  }

  drained(): void {
    this.current?.caughtUp();
  }

  /** After a final message: what belongs to no call can come from now on, or there is nothing left to wait for. */
  private settle(): void {
    const { session } = this;
    if (session?.isEstablished === true && !this.isAttached) {
      this.isAttached = true;
      this.events.catchUp(() => session.outlet.opened(this));
    }
    if (this.endsWhenIdle && (session?.callCount ?? 0) === 0) this.end('shutdown');
  }

  private close(reason: EndReason | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.estate.channels.remove(this);
    this.estate.tickets.remove(this);
    this.estate.streamQuota.giveBack(this.holder);
    const session = this.current;
    if (session !== undefined) {
      session.outlet.closed(this);
      this.estate.sessions.remove(session.id);
      session.end(reason ?? 'session-ended');
    }
    this.record.end(this.events.bytes, reason);
  }
}

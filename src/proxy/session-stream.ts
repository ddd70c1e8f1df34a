import type { ServerResponse } from 'node:http';
import type { Connection } from '../http/connection.ts';
import type { PrincipalId } from '../identity/principal.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { Exchange } from '../policy/exchange.ts';
import type { EndReason, Ticket } from '../session/tickets.ts';
import { EventStream, type StreamOwner } from '../stream/event-stream.ts';
import type { Place } from '../stream/session-replay.ts';
import type { MessageStream, StreamLog } from '../stream/stream-log.ts';
import type { LegacySession } from './legacy-session.ts';
import type { Estate, Generation } from './services.ts';
import type { OutletStream } from './session-outlet.ts';
import { StreamRecord } from './stream-record.ts';

/**
 * The answer to a GET on a legacy session: what the server says outside any call (MCP 2025-11-25, transports "Listening"), or
 * the rest of a stream that broke ("Resumability and Redelivery"), be it that of a call.
 */
export class SessionStream implements StreamOwner, MessageStream, OutletStream, Ticket {
  previous: Ticket | undefined = undefined;
  next: Ticket | undefined = undefined;
  readonly kind = 'stream';
  readonly holder: PrincipalId;
  readonly client: IpAddress | undefined;
  readonly isLocalhost: boolean;
  readonly connection: Connection;
  readonly server: string;
  readonly generation: number;
  readonly expiresAt: number | undefined;
  private readonly estate: Estate;
  private readonly session: LegacySession;
  private readonly record: StreamRecord;
  private readonly events: EventStream;
  private readonly log: StreamLog;
  private follows: StreamOwner | undefined = undefined;
  private isOver = false;

  constructor(
    estate: Estate,
    rules: Generation,
    session: LegacySession,
    x: Exchange,
    response: ServerResponse,
    place?: Place,
  ) {
    this.estate = estate;
    this.session = session;
    this.holder = session.principal;
    this.server = session.server;
    this.client = x.client;
    this.isLocalhost = x.isLocalhost;
    this.connection = x.connection;
    this.generation = rules.number;
    this.expiresAt = x.principal?.expiresAt;
    this.record = new StreamRecord(estate, x, 'sse');
    this.log = place?.log ?? session.outlet.replay.open(undefined);
    this.events = new EventStream(response, x.responseHeaders, this, estate.keepAlive, rules.streams, this.log);
    estate.tickets.add(this);
    this.connect(place?.after);
  }

  get bytes(): number {
    return this.events.bytes;
  }

  get isClosed(): boolean {
    return this.events.isClosed;
  }

  write(message: Buffer): boolean {
    return this.events.write(message);
  }

  gone(slow: boolean): void {
    this.close(slow ? 'slow-client' : undefined);
    this.follows?.gone(slow);
  }

  drained(): void {
    this.follows?.drained();
  }

  end(reason?: EndReason): void {
    this.events.end();
    this.close(reason);
  }

  /** From what was missed straight to what comes now: nothing may be written in between. */
  private connect(after: number | undefined): void {
    const { carrier, connection, hasEnded } = this.log;
    // The old connection may only look alive: whoever resumes has given it up.
    connection?.end();
    this.log.connection = this;
    this.events.catchUp(() => {
      if (after !== undefined) for (const event of this.log.after(after)) this.events.writeEvent(event);
      if (!hasEnded && carrier === undefined) this.session.heardOn(this);
    });
    if (hasEnded) this.end();
    else if (carrier !== undefined) this.follows = carrier.carryOn(this);
  }

  private close(reason: EndReason | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.log.connection === this) this.log.connection = undefined;
    this.estate.tickets.remove(this);
    this.estate.streamQuota.giveBack(this.holder);
    this.session.outlet.closed(this);
    if (!this.session.busy) this.estate.sessions.rests(this.session);
    this.record.end(this.events.bytes, reason);
  }
}

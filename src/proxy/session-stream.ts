import type { ServerResponse } from 'node:http';
import type { PrincipalId } from '../identity/principal.ts';
import type { Exchange } from '../policy/exchange.ts';
import type { EndReason, Ticket } from '../session/tickets.ts';
import { EventStream, type StreamOwner } from '../stream/event-stream.ts';
import type { LegacySession } from './legacy-session.ts';
import type { Estate, Generation } from './services.ts';
import { StreamRecord } from './stream-record.ts';

/** The GET stream of a legacy session: what the server says outside any call (MCP 2025-11-25, transports "Listening"). */
export class SessionStream implements StreamOwner, Ticket {
  previous: Ticket | undefined = undefined;
  next: Ticket | undefined = undefined;
  readonly kind = 'stream';
  readonly holder: PrincipalId;
  readonly address: string;
  readonly server: string;
  readonly generation: number;
  readonly expiresAt: number | undefined;
  private readonly estate: Estate;
  private readonly session: LegacySession;
  private readonly record: StreamRecord;
  private readonly events: EventStream;

  constructor(estate: Estate, rules: Generation, session: LegacySession, x: Exchange, response: ServerResponse) {
    this.estate = estate;
    this.session = session;
    this.holder = session.principal;
    this.server = session.server;
    this.address = x.clientAddress;
    this.generation = rules.number;
    this.expiresAt = x.principal?.expiresAt;
    this.record = new StreamRecord(estate, x, 'sse');
    this.events = new EventStream(response, x.responseHeaders, this, estate.keepAlive, rules.streams);
    estate.tickets.add(this);
  }

  write(message: Buffer): boolean {
    return this.events.write(message);
  }

  gone(slow: boolean): void {
    this.close(slow ? 'slow-client' : undefined);
  }

  drained(): void {}

  end(reason: EndReason): void {
    this.events.end();
    this.close(reason);
  }

  private close(reason: EndReason | undefined): void {
    this.estate.tickets.remove(this);
    this.estate.streamQuota.giveBack(this.holder);
    this.session.streamClosed(this);
    this.record.end(this.events.bytes, reason);
  }
}

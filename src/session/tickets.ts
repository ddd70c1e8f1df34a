import type { Connection } from '../http/connection.ts';
import type { PrincipalId } from '../identity/principal.ts';
import { InFlight, type Linked } from '../in-flight/in-flight.ts';
import type { IpAddress } from '../net/ip-address.ts';

/** Why the gateway ended a stream or a session by itself. A closed set: it labels metrics and audit records. */
export type EndReason =
  | 'token-revoked'
  | 'token-expired'
  | 'session-ended'
  | 'session-idle'
  | 'slow-client'
  | 'upstream-closed'
  | 'server-removed'
  | 'rules-changed'
  /** Its client's address is denied, banned, or no longer among those allowed. */
  | 'address-denied'
  /** What its client showed in the handshake is not good any more. */
  | 'certificate-refused'
  | 'shutdown';

/**
 * Held by everything that stays open after it was judged: streams, calls under way, sessions.
 * Judgement does not end when the first byte goes out; whoever holds a ticket can be judged again.
 */
export interface Ticket extends Linked<Ticket> {
  /** A call waits for an answer and may finish while the gateway drains; a stream has no end of its own. */
  readonly kind: 'call' | 'stream';
  readonly holder: PrincipalId;
  /** Where its client is, as its request was judged; undefined when nobody could say. */
  readonly client: IpAddress | undefined;
  readonly isLocalhost: boolean;
  /** What its request came on; undefined for what nobody asked for. */
  readonly connection: Connection | undefined;
  readonly server: string | undefined;
  /** The generation of the configuration that let it in. */
  readonly generation: number;
  /** Milliseconds since the epoch; undefined when the credential does not expire. */
  readonly expiresAt: number | undefined;
  /** Ends what the ticket stands for, properly (a last message where the protocol has one). Called at most once. */
  end(reason: EndReason): void;
}

interface Wait {
  readonly concerns: (ticket: Ticket) => boolean;
  readonly tell: () => void;
}

/** Every ticket of the gateway. Outlives a reload. */
export class TicketOffice {
  private readonly open = new InFlight<Ticket>();
  private readonly waiting = new Set<Wait>();

  add(ticket: Ticket): void {
    this.open.add(ticket);
  }

  remove(ticket: Ticket): void {
    this.open.delete(ticket);
    if (this.waiting.size === 0) return;
    for (const wait of this.waiting) if (!this.open.some(wait.concerns)) wait.tell();
  }

  /** Resolves when no open ticket is of concern, or when `deadline` aborts. */
  async whenNone(concerns: (ticket: Ticket) => boolean, deadline: AbortSignal): Promise<void> {
    if (deadline.aborted || !this.open.some(concerns)) return;
    await new Promise<void>((resolve) => {
      const wait: Wait = {
        concerns,
        tell: () => {
          this.waiting.delete(wait);
          deadline.removeEventListener('abort', wait.tell);
          resolve();
        },
      };
      this.waiting.add(wait);
      deadline.addEventListener('abort', wait.tell);
    });
  }

  get size(): number {
    return this.open.size;
  }

  /**
   * Judges every open ticket again: those the filter gives a reason for are ended.
   * Revocation, expiry, reload, a ban and the gateway's own end are all this one call.
   * @returns how many were ended
   */
  rejudge(filter: (ticket: Ticket) => EndReason | undefined): number {
    let ended = 0;
    for (const ticket of this.open.members()) {
      const reason = filter(ticket);
      if (reason === undefined || !this.open.has(ticket)) continue;
      this.remove(ticket);
      ended += 1;
      ticket.end(reason);
    }
    return ended;
  }
}

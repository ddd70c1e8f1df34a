import { type Backoff, wishedWait } from './http-event-stream.ts';
import { isResumable } from './http-headers.ts';

/** Attempts in a row that the server did not take, after which a broken stream is given up. */
const MAX_FAILED = 5;
/** Connections in a row that brought no event. A server may well close its stream to have the client come back later. */
const MAX_EMPTY = 100;

/**
 * How often and when a broken stream of a call is asked for again (MCP 2025-11-25, transports "Resumability and Redelivery").
 * All of it happens within the time of the call.
 */
export class Resumption {
  lastEventId = '';
  /** The wait the server asked for. */
  retryMs: number | undefined;
  #failed = 0;
  #empty = 0;

  /** The server goes on with the stream. */
  accepted(): void {
    this.#failed = 0;
  }

  /** A connection is over, or was none; `heard` is the last event id it gave, empty when it gave none. */
  broke(heard: string): void {
    this.#failed += 1;
    this.#empty = heard === '' ? this.#empty + 1 : 0;
    if (heard !== '') this.lastEventId = heard;
  }

  /** Milliseconds until the next attempt; undefined when there is nothing to resume from, or no use in it. */
  wait(backoff: Backoff): number | undefined {
    if (!isResumable(this.lastEventId) || this.#failed > MAX_FAILED || this.#empty > MAX_EMPTY) return undefined;
    if (this.retryMs !== undefined) return wishedWait(this.retryMs);
    return Math.min(backoff.firstMs * 2 ** (this.#failed - 1), backoff.longestMs);
  }
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Message } from '../jsonrpc/message.ts';
import { batchMembers, isScanFailure, scanUpstream } from '../jsonrpc/scan.ts';
import { type SseListener, SseParser } from '../protocol/sse-parser.ts';
import { answerType, isEncoded, isResumable } from './http-headers.ts';
import type { HttpTarget } from './http-target.ts';

/** Milliseconds before a dropped stream is asked for again: the first wait, doubled each time nothing came, up to the longest. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** A server's wish for the wait is kept (2025-11-25, transports: "MUST respect"), where it is neither a flood nor for ever. */
const SHORTEST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 600_000;
const DROPPED = new Error('dropped by the gateway');

export function wishedWait(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
}

export interface StreamOwner {
  readonly target: HttpTarget;
  /** Several messages of the server as one array: part of 2025-03-26 alone. */
  readonly takesBatches: boolean;
  /** Headers of the session for a GET. */
  streamHeaders(): string[];
  /** A notification or a request of the server. */
  deliver(message: Message): void;
  /** The server answered 404 to a stream it had: it has forgotten the session. */
  lost(): void;
}

/**
 * The stream of a legacy session for what belongs to no call (MCP 2025-11-25, basic/transports, "Listening for Messages from the
 * Server"). A server may have none (405). One that breaks is asked for again, from the last event on where the server numbers them.
 */
export class HttpEventStream implements Dispatcher.DispatchHandler, SseListener {
  readonly #owner: StreamOwner;
  readonly #backoff: Backoff;
  #baseMs: number;
  #waitMs: number;
  #timer: NodeJS.Timeout | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #parser: SseParser | undefined;
  #lastEventId = '';
  #isClosed = false;
  /** A server that has no such stream may say 404 to the first request for it: its session has only just begun. */
  #wasOpen = false;
  #answered = (): void => {};

  constructor(owner: StreamOwner, backoff: Backoff) {
    this.#owner = owner;
    this.#backoff = backoff;
    this.#baseMs = backoff.firstMs;
    this.#waitMs = backoff.firstMs;
  }

  /**
   * Asks for the stream. Resolves when the server has answered, whatever it said, or could not be asked, or after `waitMs`: a
   * server throws away what it says before it has a stream, so nothing may make it speak sooner.
   */
  begin(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#answered = () => {
        clearTimeout(timer);
        resolve();
      };
      this.open();
    });
  }

  open(): void {
    if (this.#isClosed) return;
    const headers = this.#owner.streamHeaders();
    if (isResumable(this.#lastEventId)) headers.push('last-event-id', this.#lastEventId);
    this.#owner.target.get(headers, this);
  }

  /** It is over for good: given up, or closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#answered();
    clearTimeout(this.#timer);
    this.#controller?.abort(DROPPED);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isClosed) controller.abort(DROPPED);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#isClosed) return;
    this.#answered();
    if (status === 200 && answerType(headers) === 'events' && !isEncoded(headers)) {
      this.#parser = new SseParser(this, this.#owner.target.limits.response_bytes);
      this.#wasOpen = true;
      return;
    }
    if (status === 404 && this.#wasOpen) this.#owner.lost();
    else if (status < 500) this.#giveUp(status);
    controller.abort(DROPPED);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isClosed || this.#parser?.push(chunk) !== 'fault') return;
    this.#owner.target.violation('an event on the stream of a session is over limits.response_bytes');
    controller.abort(DROPPED);
  }

  onResponseEnd(): void {
    this.#again();
  }

  onResponseError(): void {
    this.#answered();
    this.#again();
  }

  event(data: Buffer, type: string): boolean {
    this.#waitMs = this.#baseMs;
    if (this.#isClosed || data.length === 0 || type !== 'message') return true;
    const message = scanUpstream(data);
    if (isScanFailure(message)) {
      const members = this.#owner.takesBatches ? batchMembers(data) : undefined;
      if (members !== undefined) return members.map((member) => this.event(member, type)).every(Boolean);
      this.#owner.target.violation('dropped an event that is not MCP', { detail: message.detail });
    } else if (message.kind === 'result' || message.kind === 'error') {
      this.#owner.target.violation('dropped an answer that nobody asked for on this stream');
    } else {
      this.#owner.deliver(message);
    }
    return true;
  }

  retry(milliseconds: number): void {
    this.#baseMs = wishedWait(milliseconds);
    this.#waitMs = this.#baseMs;
  }

  #giveUp(status: number): void {
    this.#isClosed = true;
    // 405 is how a server says that it has no such stream.
    if (status !== 405) this.#owner.target.violation('the server refuses the stream of a session', { status });
  }

  #again(): void {
    const heard = this.#parser?.lastEventId ?? '';
    if (heard !== '') this.#lastEventId = heard;
    this.#parser = undefined;
    this.#controller = undefined;
    if (this.#isClosed) return;
    this.#timer = setTimeout(reopen, this.#waitMs, this).unref();
    this.#waitMs = Math.max(this.#baseMs, Math.min(this.#waitMs * 2, this.#backoff.longestMs));
  }
}

function reopen(stream: HttpEventStream): void {
  stream.open();
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanUpstream } from '../jsonrpc/scan.ts';
import { type SseListener, SseParser, type SseProgress } from '../protocol/sse-parser.ts';
import { closedEarly, type Failure, invalid, statusFailure, tooLarge, transportFailure } from './http-failure.ts';
import { answerType, isEncoded } from './http-headers.ts';
import type { HttpTarget } from './http-target.ts';

const DROPPED = new Error('dropped by the gateway');

export interface SseOwner {
  readonly target: HttpTarget;
  /** The first event: where to POST. A failure ends the stream. */
  endpoint(data: Buffer): Failure | undefined;
  /** False when reading must stop until `resume`. */
  received(message: Message): boolean;
  /** The stream is over, or never was. Called once, not after `close`. */
  over(failure: Failure): void;
}

/** The one stream of an HTTP+SSE session, on which the server says everything (MCP 2024-11-05, transports "HTTP with SSE"). */
export class SseStream implements Dispatcher.DispatchHandler, SseListener {
  readonly #owner: SseOwner;
  readonly #parser: SseParser;
  #controller: Dispatcher.DispatchController | undefined;
  #isOpen = false;
  #isNamed = false;
  #isOver = false;

  constructor(owner: SseOwner) {
    this.#owner = owner;
    this.#parser = new SseParser(this, owner.target.limits.response_bytes);
  }

  /** Idempotent; nothing is heard afterwards. */
  close(): void {
    this.#isOver = true;
    this.#controller?.abort(DROPPED);
  }

  /** Goes on after `received` returned false. */
  resume(): void {
    if (this.#isOver) return;
    const progress = this.#parser.resume();
    if (this.#goesOn(progress)) this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(DROPPED);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#isOver) return;
    if (status !== 200) return this.#fail(statusFailure(status, headers));
    if (answerType(headers) !== 'events' || isEncoded(headers)) {
      return this.#fail({ ...invalid('HTTP 200 without an event stream'), remedy: IS_IT_SSE });
    }
    this.#isOpen = true;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver || !this.#isOpen) return;
    if (!this.#goesOn(this.#parser.push(chunk))) controller.pause();
  }

  onResponseEnd(): void {
    this.#fail(closedEarly('the server ended the stream of the session'));
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(transportFailure(error, this.#isOpen));
  }

  // SseListener

  event(data: Buffer, type: string): boolean {
    if (this.#isOver) return false;
    if (type === 'endpoint') return this.#endpoint(data);
    if (type !== 'message' || data.length === 0) return true;
    if (!this.#isNamed) {
      this.#fail({ ...invalid('a message came before the endpoint event'), remedy: IS_IT_SSE });
      return false;
    }
    const message = scanUpstream(data);
    if (!isScanFailure(message)) return this.#owner.received(message);
    // Whom it was meant for cannot be read: the calls that wait must not wait for it until their time is up.
    this.#fail(invalid(`event: ${message.detail}`));
    return false;
  }

  /** Only the first one counts: a later one could lead messages that are under way elsewhere. */
  #endpoint(data: Buffer): boolean {
    if (this.#isNamed) {
      this.#owner.target.violation('ignored a second endpoint event of the server');
      return true;
    }
    const failure = this.#owner.endpoint(data);
    if (failure !== undefined) {
      this.#fail(failure);
      return false;
    }
    this.#isNamed = true;
    return true;
  }

  #goesOn(progress: SseProgress): boolean {
    if (progress === 'fault') this.#fail(tooLarge(this.#owner.target.limits.response_bytes));
    return progress !== 'halted' || this.#isOver;
  }

  #fail(failure: Failure): void {
    if (this.#isOver) return;
    this.close();
    this.#owner.over(failure);
  }
}

const IS_IT_SSE = 'is mcps[].url the SSE endpoint of a 2024-11-05 server? Newer ones are transport: streamable-http';

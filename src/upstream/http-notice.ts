import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import { transportFailure } from './http-failure.ts';
import { answerType } from './http-headers.ts';

const DROPPED = new Error('dropped by the gateway');
/** What a server may write under a status nobody reads, before its connection is cut. */
const IGNORED_BYTES = 65_536;

/** An HTTP request of which only the status of the answer matters: a notification, a client's answer, the end of a session. */
export class HttpNotice implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: NoticeAnswer) => void;
  readonly #reject: (error: ProblemError) => void;
  readonly #clock: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #isDropped = false;
  #ignored = 0;

  constructor(timeoutMs: number, resolve: (answer: NoticeAnswer) => void, reject: (error: ProblemError) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#clock = setTimeout(expire, timeoutMs, this);
  }

  timeOut(): void {
    this.#reject(new ProblemError(PROBLEMS.UPSTREAM_TIMEOUT, 'the message was not accepted in time'));
    this.#drop();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isDropped) controller.abort(DROPPED);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    clearTimeout(this.#clock);
    this.#resolve({ status, headers });
    // An event stream here carries nothing we asked for, and would hold the connection.
    if (answerType(headers) === 'events') this.#drop();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#ignored += chunk.length;
    if (this.#ignored > IGNORED_BYTES) this.#drop();
  }

  onResponseEnd(): void {}

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    clearTimeout(this.#clock);
    const failure = transportFailure(error, this.#controller !== undefined);
    this.#reject(new ProblemError(failure.problem, failure.detail));
  }

  #drop(): void {
    this.#isDropped = true;
    this.#controller?.abort(DROPPED);
  }
}

export interface NoticeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

function expire(notice: HttpNotice): void {
  notice.timeOut();
}

/**
 * Sends through `start` and resolves with the head of the answer, whatever its status.
 * @throws ProblemError UPSTREAM_TIMEOUT, UPSTREAM_REFUSED, UPSTREAM_CLOSED, UPSTREAM_INVALID.
 */
export function notice(timeoutMs: number, start: (handler: HttpNotice) => void): Promise<NoticeAnswer> {
  return new Promise((resolve, reject) => start(new HttpNotice(timeoutMs, resolve, reject)));
}

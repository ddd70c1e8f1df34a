import type { IncomingHttpHeaders } from 'node:http';
import type { Message } from '../jsonrpc/message.ts';
import { jsonString, writeNotification } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { Revision } from '../protocol/revisions.ts';
import { eraMismatch, refusesLegacy } from './era.ts';
import { HttpCall } from './http-call.ts';
import type { CallOwner } from './http-call-owner.ts';
import { type Backoff, HttpEventStream, type StreamOwner } from './http-event-stream.ts';
import { type Failure, invalid, statusFailure } from './http-failure.ts';
import { answerType, isSessionId } from './http-headers.ts';
import { notice } from './http-notice.ts';
import type { HttpTarget } from './http-target.ts';
import type { CallHandle, CallSink, Lane, LaneListener, OutboundCall } from './lane.ts';
import type { Resumption } from './resumption.ts';
import { isAnswerTo, speaksOfSession } from './session-loss.ts';

const NOTICE_TIMEOUT_MS = 30_000;
const FAREWELL_MS = 2_000;
/** A server that sends the head of its stream with the first event only must not hold up the session. */
const STREAM_WAIT_MS = 500;

const LOST: Failure = {
  problem: PROBLEMS.UPSTREAM_CLOSED,
  detail: 'the server no longer knows the session',
};
/** Of a call that the server refused for that reason: it was never made, so it can be made again. */
const REFUSED: Failure = { problem: PROBLEMS.UPSTREAM_SESSION_LOST, detail: LOST.detail, unseen: true };
const RELEASED: Failure = { problem: PROBLEMS.UPSTREAM_CLOSED, detail: 'the session was ended' };

/**
 * One client's session with a legacy server (MCP 2025-11-25 and earlier, basic/transports). The client's own `initialize` opens
 * it. The session id the server gave stays in here: whoever reads it could take the session over.
 */
export class HttpLegacyLane implements Lane, CallOwner, StreamOwner {
  readonly era = 'legacy';
  readonly shared = false;
  readonly takesServerRequests = true;
  readonly target: HttpTarget;
  readonly #backoff: Backoff;
  readonly #onRelease: (lane: HttpLegacyLane, farewell: Promise<void>) => void;
  readonly #listeners = new Set<LaneListener>();
  #postHeaders: readonly string[];
  #sessionId: string | undefined;
  #revision: string | undefined;
  #stream: HttpEventStream | undefined;
  /** The client has said that it is initialized. */
  #isReady = false;
  #ended: Failure | undefined;

  /** `onRelease`: the lane is given back; the promise ends when the server has been told, or did not listen. */
  constructor(
    target: HttpTarget,
    backoff: Backoff,
    onRelease: (lane: HttpLegacyLane, farewell: Promise<void>) => void,
  ) {
    this.target = target;
    this.#backoff = backoff;
    this.#onRelease = onRelease;
    this.#postHeaders = target.postHeaders;
  }

  dispatch(call: OutboundCall, sink: CallSink): CallHandle {
    const request = new HttpCall(this, call.message, sink);
    if (this.#ended !== undefined) {
      request.refuse({ ...this.#ended, unseen: true });
      return request;
    }
    // A client that opens a session anew must not do so inside the old one.
    const headers = call.message.method === 'initialize' ? this.target.postHeaders : this.#postHeaders;
    request.start(headers.slice(), call.timeoutMs);
    return request;
  }

  async send(message: Message, _revision: Revision): Promise<void> {
    // It names the client's id, which is another call's here. Cancelling is CallHandle.cancel.
    if (message.method === 'notifications/cancelled') return;
    if (this.#ended !== undefined) throw new ProblemError(this.#ended.problem, this.#ended.detail);
    const { status, headers } = await this.#post(message.bytes, NOTICE_TIMEOUT_MS);
    if (status === 404 && this.#sessionId !== undefined) {
      this.lost();
      throw new ProblemError(LOST.problem, LOST.detail);
    }
    if (status >= 300) {
      const failure = statusFailure(status, headers);
      throw new ProblemError(failure.problem, failure.detail);
    }
    if (message.method === 'notifications/initialized') await this.#initialized();
  }

  listen(listener: LaneListener): () => void {
    this.#listeners.add(listener);
    const ended = this.#ended;
    if (ended !== undefined) queueMicrotask(() => this.#tell(listener, ended));
    return () => this.#listeners.delete(listener);
  }

  attend(): void {
    if (this.#stream === undefined) void this.#openStream();
  }

  release(): void {
    this.end(RELEASED);
  }

  /** Fails what is under way, tells the listeners, and ends the session on the server. Idempotent. */
  end(failure: Failure): void {
    if (this.#ended === undefined) {
      this.#close(failure);
      for (const call of this.target.calls.members()) if (call.owner === this) call.fail(failure);
      this.#onRelease(this, this.#farewell());
    }
  }

  /**
   * The server has forgotten the session. Calls under way hear it from the server too, each
   * for itself: only so is it known which were made.
   */
  lost(): void {
    this.#giveUp(undefined);
  }

  get takesBatches(): boolean {
    return this.#revision === '2025-03-26';
  }

  streamHeaders(): string[] {
    return this.#withSession(this.target.streamHeaders);
  }

  deliver(message: Message): void {
    if (this.#listeners.size === 0)
      this.target.log.debug('dropped a server message: nobody listens', { method: message.method });
    // A slow listener is cut by its owner; it does not hold up the stream of the session.
    for (const listener of this.#listeners) listener.message(message);
  }

  // CallOwner

  onHead(call: HttpCall, status: number, headers: IncomingHttpHeaders): Failure | undefined {
    if (call.message.method === 'initialize') return status < 300 ? this.#takeSessionId(headers) : undefined;
    if (status !== 404 || this.#sessionId === undefined) return undefined;
    // A call whose broken stream is asked for again has been made.
    if (call.status === 404 && answerType(headers) !== 'json') return this.#refused(call);
    if (call.status === 404) return undefined;
    this.lost();
    return LOST;
  }

  /**
   * A 404 is the end of the session, unless it says what became of this very call. A server that forgot its sessions may
   * say 400 instead: then this one gets the server's words, for they do not say for certain that it was not made, and
   * the next is made in a new session.
   */
  onError(call: HttpCall, said: Message | undefined): Failure | undefined {
    if (this.#sessionId === undefined || call.message.method === 'initialize') return undefined;
    if (call.status === 404) return isAnswerTo(call, said) ? undefined : this.#refused(call);
    if (call.status === 400 && said?.kind === 'error' && said.id == null && speaksOfSession(said)) this.#giveUp(call);
    return undefined;
  }

  judge(call: HttpCall, answer: Message): Failure | undefined {
    if (call.message.method !== 'initialize') return undefined;
    if (refusesLegacy(answer)) {
      return { problem: eraMismatch(this.target.id, 'legacy'), detail: `JSON-RPC ${call.errorCode} to initialize` };
    }
    if (answer.kind === 'error') return undefined;
    const revision = answer.result?.string('protocolVersion');
    if (!isSessionId(revision)) return invalid('initialize gave no usable protocolVersion');
    this.#revision = revision;
    this.#postHeaders = this.#withSession(this.target.postHeaders);
    return undefined;
  }

  onFailure(call: HttpCall, failure: Failure): void {
    this.target.health.failed(failure, call.status === 0);
  }

  /** Closing the stream says nothing on this era; the server is told, and the stream dropped after. */
  withdraw(call: HttpCall, reason: string): void {
    // A client never cancels `initialize` (2025-11-25, basic/utilities/cancellation).
    if (!call.isSent || call.message.method === 'initialize') {
      call.drop();
      return;
    }
    const params = `{"requestId":${call.upstreamId},"reason":${jsonString(reason)}}`;
    const drop = () => call.drop();
    void this.#post(writeNotification('notifications/cancelled', params), FAREWELL_MS).then(drop, drop);
  }

  resumes(call: HttpCall, resumption: Resumption): boolean {
    const waitMs = this.#ended === undefined ? resumption.wait(this.#backoff) : undefined;
    if (waitMs === undefined) return false;
    setTimeout(() => {
      if (call.isDone) return;
      const headers = this.streamHeaders();
      headers.push('last-event-id', resumption.lastEventId);
      this.target.get(headers, call);
    }, waitMs).unref();
    return true;
  }

  /** The server did not make this call: it does not know the session. */
  #refused(call: HttpCall): Failure {
    this.#giveUp(call);
    return REFUSED;
  }

  /** Ends it on the server all the same, which may only look as if it had forgotten, where no other call is under way in it. */
  #giveUp(answered: HttpCall | undefined): void {
    if (this.#ended !== undefined) return;
    this.#close(LOST);
    const isUsed = this.target.calls.some((call) => call.owner === this && call !== answered);
    this.#onRelease(this, isUsed ? Promise.resolve() : this.#farewell());
  }

  #takeSessionId(headers: IncomingHttpHeaders): Failure | undefined {
    const id = headers['mcp-session-id'];
    if (id === undefined) return undefined;
    if (!isSessionId(id)) return invalid('a session id that is not visible ASCII');
    this.#sessionId = id;
    this.#postHeaders = this.#withSession(this.target.postHeaders);
    return undefined;
  }

  #withSession(headers: readonly string[]): string[] {
    const all = headers.slice();
    if (this.#sessionId !== undefined) all.push('mcp-session-id', this.#sessionId);
    if (this.#revision !== undefined) all.push('mcp-protocol-version', this.#revision);
    return all;
  }

  #post(body: Buffer, timeoutMs: number): Promise<{ status: number; headers: IncomingHttpHeaders }> {
    return notice(timeoutMs, (handler) => this.target.post(this.#postHeaders.slice(), body, handler, false));
  }

  /** A server may have refused the stream for as long as it was not told that the client is ready. */
  #initialized(): Promise<void> {
    if (!this.#isReady && this.#stream?.isClosed === true) this.#stream = undefined;
    this.#isReady = true;
    return this.#openStream();
  }

  async #openStream(): Promise<void> {
    if (this.#stream !== undefined || this.#ended !== undefined) return;
    this.#stream = new HttpEventStream(this, this.#backoff);
    await this.#stream.begin(STREAM_WAIT_MS);
  }

  #close(failure: Failure): void {
    this.#ended = failure;
    this.#stream?.close();
    for (const listener of [...this.#listeners]) this.#tell(listener, failure);
  }

  #tell(listener: LaneListener, failure: Failure): void {
    if (this.#listeners.delete(listener)) listener.closed(failure.problem, failure.detail);
  }

  /** DELETE on the session; a server that does not answer, or has no DELETE, loses nothing but a hint. */
  async #farewell(): Promise<void> {
    if (this.#sessionId === undefined) return;
    const headers = this.streamHeaders();
    await notice(FAREWELL_MS, (handler) => this.target.delete(headers, handler)).catch(() => undefined);
  }
}

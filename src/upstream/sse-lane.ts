import type { Message } from '../jsonrpc/message.ts';
import { writeError, writeNotification, writeResult } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import type { Revision } from '../protocol/revisions.ts';
import { busy, type Failure, statusFailure, timedOut } from './http-failure.ts';
import { notice } from './http-notice.ts';
import type { HttpTarget } from './http-target.ts';
import type { CallHandle, CallSink, Lane, LaneListener, OutboundCall } from './lane.ts';
import { type CallKeeper, PendingCall } from './pending-call.ts';
import { outboundRequest } from './rewrite.ts';
import { endpointPath } from './sse-endpoint.ts';
import { type SseOwner, SseStream } from './sse-stream.ts';

const POST_TIMEOUT_MS = 30_000;

const RELEASED: Failure = { problem: PROBLEMS.UPSTREAM_CLOSED, detail: 'the session was ended' };
const SILENT: Failure = {
  problem: PROBLEMS.UPSTREAM_TIMEOUT,
  detail: 'the server named no endpoint in time',
  remedy: 'is mcps[].url its SSE endpoint? If it is only slow, raise mcps[].start_timeout_ms',
};
const LOST: Failure = {
  problem: PROBLEMS.UPSTREAM_CLOSED,
  detail: 'the server no longer knows the session (HTTP 404)',
};

/** Of the message that was refused for that reason: a call with it was never made, so it can be made again. */
const REFUSED: Failure = { problem: PROBLEMS.UPSTREAM_SESSION_LOST, detail: LOST.detail };

/**
 * One client's session with a server of HTTP+SSE (MCP 2024-11-05, transports): a stream the server says everything on, and
 * a POST for each message to it. The stream is the session: when it ends, so does the lane. The endpoint stays in here, for it
 * holds the session id.
 */
export class SseLane implements Lane, CallKeeper, SseOwner {
  readonly era = 'legacy';
  readonly shared = false;
  readonly target: HttpTarget;
  readonly #url: URL;
  readonly #onEnd: (lane: SseLane) => void;
  readonly #stream: SseStream;
  readonly #pending = new Map<number, PendingCall>();
  readonly #listeners = new Set<LaneListener>();
  #path = '';
  #blocked = 0;
  #ended: Failure | undefined;
  #opened: ((failure: Failure | undefined) => void) | undefined;

  constructor(target: HttpTarget, url: URL, onEnd: (lane: SseLane) => void) {
    this.target = target;
    this.#url = url;
    this.#onEnd = onEnd;
    this.#stream = new SseStream(this);
  }

  /** Resolves when the server has said where to POST. @throws ProblemError when it does not, within the time. */
  async open(timeoutMs: number): Promise<void> {
    const clock = setTimeout(() => this.over(SILENT), timeoutMs);
    const failure = await new Promise<Failure | undefined>((resolve) => {
      this.#opened = resolve;
      this.target.get(this.target.streamHeaders.slice(), this.#stream);
    });
    clearTimeout(clock);
    if (failure !== undefined) throw new ProblemError(failure.problem, failure.detail);
  }

  dispatch(call: OutboundCall, sink: CallSink): CallHandle {
    const id = this.target.nextId();
    const pending = new PendingCall(this, id, call.message.method ?? '', call.message, sink);
    const { pending_calls: limit } = this.target.limits;
    const refusal = this.#ended ?? (this.#pending.size < limit ? undefined : busy(limit));
    if (refusal !== undefined) {
      queueMicrotask(() => pending.fail(refusal.problem, refusal.detail));
      return pending;
    }
    this.#pending.set(id, pending);
    pending.startClock(call.timeoutMs);
    this.#post(outboundRequest(call.message, id)).catch((error: unknown) => this.#undelivered(pending, error));
    return pending;
  }

  async send(message: Message, _revision: Revision): Promise<void> {
    // It names the client's id, which is another call's here. Cancelling is CallHandle.cancel.
    if (message.method === 'notifications/cancelled') return;
    if (this.#ended !== undefined) throw new ProblemError(this.#ended.problem, this.#ended.detail);
    try {
      await this.#post(message.bytes);
    } catch (error) {
      this.#checkLoss(error);
      throw error;
    }
  }

  listen(listener: LaneListener): () => void {
    this.#listeners.add(listener);
    const ended = this.#ended;
    if (ended !== undefined) queueMicrotask(() => this.#close(listener, ended));
    return () => this.#listeners.delete(listener);
  }

  release(): void {
    this.end(RELEASED);
  }

  /** Closes the stream, which ends the session on the server, and fails what is under way. Idempotent. */
  end(failure: Failure): void {
    if (this.#ended !== undefined) return;
    this.#ended = failure;
    this.#stream.close();
    this.#opened?.(failure);
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) call.fail(failure.problem, failure.detail);
    for (const listener of [...this.#listeners]) this.#close(listener, failure);
    this.#onEnd(this);
  }

  // SseOwner

  endpoint(data: Buffer): Failure | undefined {
    const path = endpointPath(this.#url, data);
    if (typeof path !== 'string') return path;
    this.#path = path;
    this.#opened?.(undefined);
    this.#opened = undefined;
    return undefined;
  }

  received(message: Message): boolean {
    if (message.kind === 'request') this.#asked(message);
    else if (message.kind === 'notification') this.#notified(message);
    else this.#answered(message);
    return this.#blocked === 0;
  }

  over(failure: Failure): void {
    if (this.#ended !== undefined) return;
    // A server may end a session that waits for nothing.
    if (this.#path === '' || this.#pending.size > 0) this.target.health.failed(failure, this.#path === '');
    this.end(failure);
  }

  // CallKeeper

  cancel(call: PendingCall, reason: string): void {
    if (call.conclude() && this.#forget(call)) this.#tellCancelled(call, reason);
  }

  unblock(call: PendingCall): void {
    if (!call.blocked) return;
    call.blocked = false;
    this.#blocked -= 1;
    if (this.#blocked === 0) this.#stream.resume();
  }

  expired(call: PendingCall): void {
    this.#forget(call);
    this.#tellCancelled(call, 'the request timed out');
    const failure = timedOut('no answer within the time for a call');
    this.target.health.failed(failure, false);
    call.fail(failure.problem, failure.detail);
  }

  #answered(message: Message): void {
    const call = this.#callOf(message.id);
    if (call === undefined) {
      this.target.log.debug('dropped an answer nobody waits for');
      return;
    }
    this.#forget(call);
    this.target.health.answered();
    call.settle(message);
  }

  #notified(message: Message): void {
    const isProgress = message.method === 'notifications/progress';
    const call = isProgress ? this.#callOf(message.params?.id('progressToken')) : undefined;
    if (call?.wantsProgress) this.#deliver(call, message);
    // Progress of no call may be of a task, which goes on after the call that made it.
    else if (call === undefined) for (const listener of this.#listeners) listener.message(message);
  }

  /** On one stream there is nothing that says which call a question belongs to: it goes to the one that has waited longest. */
  #asked(message: Message): void {
    const [call] = this.#pending.values();
    const [listener] = this.#listeners;
    if (call !== undefined) this.#deliver(call, message);
    else if (listener !== undefined) listener.message(message);
    else this.#decline(message);
  }

  #decline(request: Message): void {
    const { id, method } = request;
    const answer = method === 'ping' ? writeResult(id!, '{}') : writeError(id, PROBLEMS.METHOD_NOT_FOUND);
    this.#post(answer).catch(() => undefined);
  }

  #deliver(call: PendingCall, message: Message): void {
    if (call.deliver(message) || call.done || call.blocked) return;
    call.blocked = true;
    this.#blocked += 1;
  }

  #callOf(id: string | number | null | undefined): PendingCall | undefined {
    return typeof id === 'number' ? this.#pending.get(id) : undefined;
  }

  /** True when it was waiting. */
  #forget(call: PendingCall): boolean {
    this.unblock(call);
    return this.#pending.delete(call.upstreamId);
  }

  /** MCP 2024-11-05, cancellation; `initialize` must not be cancelled. */
  #tellCancelled(call: PendingCall, reason: string): void {
    if (this.#ended !== undefined || call.method === 'initialize') return;
    const params = `{"requestId":${call.upstreamId},"reason":${JSON.stringify(reason)}}`;
    this.#post(writeNotification('notifications/cancelled', params)).catch(() => undefined);
  }

  /** @throws ProblemError when the server did not take the message. */
  async #post(body: Buffer): Promise<void> {
    const { status, headers } = await notice(POST_TIMEOUT_MS, (handler) =>
      this.target.postTo(this.#path, this.target.postHeaders.slice(), body, handler),
    );
    if (status < 300) return;
    const failure = status === 404 ? REFUSED : statusFailure(status, headers);
    throw new ProblemError(failure.problem, failure.detail);
  }

  #undelivered(call: PendingCall, error: unknown): void {
    // The answer may have overtaken the end of the POST that asked for it.
    if (!this.#forget(call)) return;
    const problem: Problem = error instanceof ProblemError ? error.problem : PROBLEMS.INTERNAL;
    const detail = error instanceof ProblemError ? error.detail : String(error);
    this.target.health.failed({ problem, detail }, false);
    call.fail(problem, detail, problem === REFUSED.problem);
    this.#checkLoss(error);
  }

  #checkLoss(error: unknown): void {
    if (error instanceof ProblemError && error.problem === REFUSED.problem) this.over(LOST);
  }

  #close(listener: LaneListener, failure: Failure): void {
    if (this.#listeners.delete(listener)) listener.closed(failure.problem, failure.detail);
  }
}

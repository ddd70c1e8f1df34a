import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Message } from '../jsonrpc/message.ts';
import { batchMembers, isScanFailure, scanUpstream } from '../jsonrpc/scan.ts';
import { ACKNOWLEDGED, LISTEN } from '../protocol/methods.ts';
import { type SseListener, SseParser } from '../protocol/sse-parser.ts';
import { BoundedBody } from './bounded-body.ts';
import { errorCode } from './era.ts';
import { errorHead, notResumed, readError, readHead, readResumption } from './http-answer.ts';
import type { CallOwner } from './http-call-owner.ts';
import { busy, closedEarly, type Failure, invalid, timedOut, tooLarge, transportFailure } from './http-failure.ts';
import type { CallHandle, CallSink, ErrorHead } from './lane.ts';
import { Resumption } from './resumption.ts';
import { outboundRequest } from './rewrite.ts';

/** How much of an error answer is read. */
const ERROR_BYTES = 65_536;
/** How long a server may take to end a stream after its last word, before the connection is cut instead of used again. */
const LINGER_MS = 500;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Never seen by anybody: marks a request given up by us. */
const DROPPED = new Error('dropped by the gateway');

type Phase = 'waiting' | 'body' | 'events' | 'broken' | 'done';

/**
 * One request on its way through HTTP, from the bytes that leave to the last word its sink hears.
 * The sink hears nothing inside `start`, and nothing after its end.
 */
export class HttpCall implements CallHandle, Dispatcher.DispatchHandler, SseListener {
  /** Its place among the calls of its target. */
  previous: HttpCall | undefined = undefined;
  next: HttpCall | undefined = undefined;
  readonly upstreamId: number;
  readonly message: Message;
  /** Of the HTTP answer; 0 until there is one. */
  status = 0;
  /** Of a JSON-RPC error, also of one that was not passed on; 0 when there was none. */
  errorCode = 0;
  readonly owner: CallOwner;
  readonly #sink: CallSink;
  #phase: Phase = 'waiting';
  #isStarting = false;
  #isDropped = false;
  #isSent = false;
  #hasOpened = false;
  #controller: Dispatcher.DispatchController | undefined;
  #body: BoundedBody | undefined;
  #errorHead: ErrorHead | undefined;
  #parser: SseParser | undefined;
  /** Of a stream that broke, or whose server said how long to wait if it does. */
  #resumption: Resumption | undefined;
  #clock: NodeJS.Timeout | undefined;

  constructor(owner: CallOwner, message: Message, sink: CallSink) {
    this.owner = owner;
    this.message = message;
    this.#sink = sink;
    this.upstreamId = owner.target.nextId();
  }

  /** Sends the request. A `timeoutMs` of 0 is no limit; progress does not extend it. */
  start(headers: string[], timeoutMs: number): void {
    const { target } = this.owner;
    if (target.calls.size >= target.limits.pending_calls) {
      this.refuse(busy(target.limits.pending_calls));
      return;
    }
    target.calls.add(this);
    if (timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS) this.#clock = setTimeout(expire, timeoutMs, this);
    this.#isStarting = true;
    target.post(headers, outboundRequest(this.message, this.upstreamId), this, this.#isListen);
    this.#isStarting = false;
  }

  /** Ends the call before anything is sent, and not before the caller has returned. */
  refuse(failure: Failure): void {
    queueMicrotask(() => this.#fail(failure));
  }

  cancel(reason: string): void {
    if (!this.#conclude()) return;
    this.owner.withdraw(this, reason);
  }

  resume(): void {
    if (this.#phase !== 'events') return;
    const progress = this.#parser?.resume();
    if (progress === 'fault') this.#overflow();
    else if (progress === 'open' || this.isDone) this.#controller?.resume();
  }

  /** Ends the call from outside: the lane or the gateway is going. */
  fail(failure: Failure): void {
    if (!this.#conclude()) return;
    this.drop();
    this.#sink.failed(failure.problem, failure.detail, failure.unseen);
  }

  /** The server has not answered in time. */
  timeOut(): void {
    if (!this.#conclude()) return;
    this.owner.withdraw(this, 'the request timed out');
    this.#report(timedOut('no answer within the time for a call'));
  }

  /** Gives up the connection, sent or not. */
  drop(): void {
    this.#isDropped = true;
    this.#controller?.abort(DROPPED);
  }

  get isDone(): boolean {
    return this.#phase === 'done';
  }

  /** Whether the server may have seen the request. */
  get isSent(): boolean {
    return this.#isSent;
  }

  get #isListen(): boolean {
    return this.message.method === LISTEN;
  }

  // Dispatcher.DispatchHandler

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#isSent = true;
    if (this.#isDropped) controller.abort(DROPPED);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#phase === 'done') return;
    const isResumption = this.#phase === 'broken';
    if (isResumption && status >= 500) return controller.abort(notResumed(status));
    if (!isResumption) this.status = status;
    const failure = this.owner.onHead(this, status, headers) ?? this.#open(status, headers, isResumption);
    if (failure !== undefined) this.#failAndDrop(failure);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#phase === 'body') {
      if (this.#body?.add(chunk) === false) this.#overflow();
    } else if (this.#phase === 'events') {
      const progress = this.#parser?.push(chunk);
      if (progress === 'fault') this.#overflow();
      else if (progress === 'halted' && !this.isDone) controller.pause();
    }
  }

  onResponseEnd(): void {
    if (this.#phase === 'body') this.#readBody();
    else if (this.#phase === 'events') this.#broken(closedEarly('the stream ended before the answer'));
    else if (this.isDone) clearTimeout(this.#clock);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const failure = transportFailure(error, this.#isSent);
    if (this.#phase === 'done') clearTimeout(this.#clock);
    else if (this.#isStarting) this.refuse(failure);
    else if (this.#phase === 'events' || this.#phase === 'broken') this.#broken(failure);
    else this.#fail(failure);
  }

  // SseListener

  event(data: Buffer, type: string): boolean {
    if (this.isDone) return false;
    if (data.length === 0 || type !== 'message') return true;
    const message = scanUpstream(data);
    if (isScanFailure(message)) {
      const members = this.owner.takesBatches ? batchMembers(data) : undefined;
      if (members !== undefined) return members.map((member) => this.event(member, type)).every(Boolean);
      this.#failAndDrop(invalid(`event: ${message.detail}`));
      return false;
    }
    if (message.kind === 'result' || message.kind === 'error') {
      this.#answer(message);
      return false;
    }
    return this.#pass(message);
  }

  retry(milliseconds: number): void {
    this.#resumption ??= new Resumption();
    this.#resumption.retryMs = milliseconds;
  }

  /** Undefined when the answer can be read on. */
  #open(status: number, headers: IncomingHttpHeaders, isResumption: boolean): Failure | undefined {
    const promise = isResumption ? readResumption(status, headers) : readHead(status, headers);
    if (typeof promise === 'object') return promise;
    if (promise === 'events') return this.#openEvents();
    const limit = promise === 'json' ? this.owner.target.limits.response_bytes : ERROR_BYTES;
    const announced = Number(headers['content-length'] ?? 0);
    if (announced > limit) return tooLarge(limit);
    if (promise === 'error') this.#errorHead = errorHead(status, headers);
    this.#body = new BoundedBody(limit, announced);
    this.#phase = 'body';
    return undefined;
  }

  #openEvents(): undefined {
    this.#parser = new SseParser(this, this.owner.target.limits.response_bytes);
    this.#phase = 'events';
    this.#resumption?.accepted();
    if (this.#hasOpened) return;
    this.#hasOpened = true;
    this.#sink.opened();
  }

  #readBody(): void {
    const bytes = this.#body?.take() ?? Buffer.alloc(0);
    const message = scanUpstream(bytes);
    if (this.status >= 300) return this.#readError(isScanFailure(message) ? undefined : message);
    if (!isScanFailure(message)) return this.#answer(message);
    const members = this.owner.takesBatches ? batchMembers(bytes) : undefined;
    if (members === undefined) return this.#fail(invalid(message.detail));
    for (const member of members) this.event(member, 'message');
    if (!this.isDone) this.#fail(invalid('a batch without the answer'));
  }

  #readError(said: Message | undefined): void {
    if (said !== undefined) this.errorCode = errorCode(said);
    const read = this.owner.onError(this, said) ?? readError(this.status, said, this.upstreamId);
    if ('problem' in read) this.#fail(read);
    else this.#answer(read);
  }

  #answer(message: Message): void {
    this.errorCode = errorCode(message);
    if (message.kind !== 'result' && message.kind !== 'error')
      return this.#failAndDrop(invalid(`a ${message.kind} where the answer should be`));
    const failure =
      message.id === this.upstreamId ? this.owner.judge(this, message) : invalid('an answer to another request');
    if (failure !== undefined) return this.#failAndDrop(failure);
    const isStream = this.#phase === 'events';
    if (!this.#conclude()) return;
    if (isStream) this.#clock = setTimeout(cut, LINGER_MS, this);
    this.owner.target.health.answered(this.status);
    this.#sink.settled(message, this.#errorHead);
  }

  #pass(message: Message): boolean {
    if (message.kind === 'request' && !this.owner.takesServerRequests) {
      this.owner.target.violation('dropped a request the server sent: this revision has none', {
        method: message.method,
      });
      return true;
    }
    // A subscription is answered by its acknowledgement; after that it may be silent for as long as nothing changes.
    if (message.method === ACKNOWLEDGED && this.#isListen) clearTimeout(this.#clock);
    return this.#sink.message(message);
  }

  #overflow(): void {
    this.#failAndDrop(tooLarge(this.#body?.limit ?? this.owner.target.limits.response_bytes));
  }

  /** The stream went away before the answer, or did not come back. */
  #broken(failure: Failure): void {
    this.#phase = 'broken';
    this.#controller = undefined;
    this.#resumption ??= new Resumption();
    this.#resumption.broke(this.#parser?.lastEventId ?? '');
    this.#parser = undefined;
    if (!this.owner.resumes(this, this.#resumption)) this.#fail(failure);
  }

  #failAndDrop(failure: Failure): void {
    this.#fail(failure);
    this.drop();
  }

  #fail(failure: Failure): void {
    if (this.#conclude()) this.#report(failure);
  }

  #report(failure: Failure): void {
    this.owner.onFailure(this, failure);
    this.#sink.failed(failure.problem, failure.detail, failure.unseen);
  }

  /** From now on the sink hears nothing but what ends it. False when that was so already. */
  #conclude(): boolean {
    if (this.#phase === 'done') return false;
    this.#phase = 'done';
    clearTimeout(this.#clock);
    this.owner.target.calls.delete(this);
    return true;
  }
}

const expire = (call: HttpCall): void => call.timeOut();
const cut = (call: HttpCall): void => call.drop();

import type { Message } from '../jsonrpc/message.ts';
import type { Problem } from '../problem/problem.ts';
import type { CallHandle, CallSink } from './lane.ts';

/** What a call asks of the pipe it waits on. */
export interface CallKeeper {
  cancel(call: PendingCall, reason: string): void;
  unblock(call: PendingCall): void;
  expired(call: PendingCall): void;
}

/** One request on a pipe, from the line that carried it to the last word its sink hears. */
export class PendingCall implements CallHandle {
  readonly upstreamId: number;
  readonly method: string;
  /** Undefined on the gateway's own requests. */
  readonly message: Message | undefined;
  /** The sink asked for a pause. */
  blocked = false;
  /** Among the calls handed to the pipe; no number reaches it while it was not handed over at all. */
  place = Number.POSITIVE_INFINITY;
  /** What the child had written to stdout when the call was made, in bytes. */
  heardBefore = 0;
  readonly #keeper: CallKeeper;
  readonly #sink: CallSink;
  #timer: NodeJS.Timeout | undefined;
  #timeoutMs = 0;
  #opened = false;
  #done = false;

  constructor(keeper: CallKeeper, upstreamId: number, method: string, message: Message | undefined, sink: CallSink) {
    this.#keeper = keeper;
    this.upstreamId = upstreamId;
    this.method = method;
    this.message = message;
    this.#sink = sink;
  }

  get done(): boolean {
    return this.#done;
  }

  /** False while the pipe has not been given a byte of it. */
  get handedOver(): boolean {
    return this.place !== Number.POSITIVE_INFINITY;
  }

  /** 0 is no limit. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  get wantsProgress(): boolean {
    return this.message?.meta?.has('progressToken') ?? false;
  }

  cancel(reason: string): void {
    this.#keeper.cancel(this, reason);
  }

  resume(): void {
    this.#keeper.unblock(this);
  }

  /** The clock that ends in UPSTREAM_TIMEOUT. Progress does not turn it back: the limit is absolute. 0 is no limit. */
  startClock(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    if (timeoutMs > 0 && timeoutMs < 2 ** 31) this.#timer = setTimeout(expire, timeoutMs, this.#keeper, this).unref();
  }

  stopClock(): void {
    clearTimeout(this.#timer);
  }

  /** False when the client does not keep up. */
  deliver(message: Message): boolean {
    if (this.#done) return true;
    if (!this.#opened) {
      this.#opened = true;
      this.#sink.opened();
    }
    return this.#sink.message(message);
  }

  settle(response: Message): void {
    if (this.conclude()) this.#sink.settled(response);
  }

  fail(problem: Problem, detail: string, unseen = false): void {
    if (this.conclude()) this.#sink.failed(problem, detail, unseen);
  }

  /** From now on the sink hears nothing. False when that was so already. */
  conclude(): boolean {
    if (this.#done) return false;
    this.#done = true;
    clearTimeout(this.#timer);
    return true;
  }
}

function expire(keeper: CallKeeper, call: PendingCall): void {
  keeper.expired(call);
}

import { writeRequest } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import type { ChildProcess } from './child-process.ts';
import type { PendingCall } from './pending-call.ts';
import { PipeLedger } from './pipe-ledger.ts';
import type { Ending, Question } from './stdio-ports.ts';

const NOT_READ = 'the server does not read its input, and the queue is full';

/**
 * The calls of one child that wait for an answer, and their way down its pipe.
 *
 * A child that let a call run out of time in silence is in doubt: it is asked for a sign of life, and calls that come meanwhile
 * are held here. Nobody has seen those if the child turns out dead, so whoever made them can make them again elsewhere.
 */
export class CallsInHand {
  readonly #child: ChildProcess;
  readonly #limit: number;
  readonly #waiting = new Map<number, PendingCall>();
  readonly #held = new Map<PendingCall, Buffer>();
  readonly #ledger = new PipeLedger();
  #nextId = 1;
  /** Set while the child is in doubt. */
  #clock: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess, limit: number) {
    this.#child = child;
    this.#limit = limit;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** An integer no other call on this pipe has or will have. */
  takeId(): number {
    return this.#nextId++;
  }

  wasTaken(id: number): boolean {
    return id > 0 && id < this.#nextId;
  }

  of(id: string | number | null | undefined): PendingCall | undefined {
    return typeof id === 'number' ? this.#waiting.get(id) : undefined;
  }

  /** The oldest first. */
  all(): IterableIterator<PendingCall> {
    return this.#waiting.values();
  }

  /** True when it was waiting. */
  forget(call: PendingCall): boolean {
    this.#held.delete(call);
    return this.#waiting.delete(call.upstreamId);
  }

  /** A call a child that is leaving no longer reads waits to hear how it left, and nobody has seen it. */
  start(call: PendingCall, bytes: Buffer, timeoutMs: number, ending: Ending | undefined): void {
    const reads = this.#child.takesInput;
    const holding = reads && this.#clock !== undefined;
    const hasRoom = this.#waiting.size < this.#limit;
    if (ending === undefined && hasRoom && (!reads || holding || this.#child.write(bytes, this.#ledger.onWritten))) {
      if (holding) this.#held.set(call, bytes);
      else if (reads) call.place = this.#ledger.handed();
      call.heardBefore = this.#child.heardBytes;
      this.#waiting.set(call.upstreamId, call);
      return call.startClock(timeoutMs);
    }
    const { problem, detail } = this.whyNotTaken(ending);
    queueMicrotask(() => call.fail(problem, detail, ending !== undefined));
  }

  whyNotTaken(ending: Ending | undefined): Ending {
    if (ending !== undefined) return ending;
    if (!this.#child.takesInput) return { problem: PROBLEMS.UPSTREAM_CLOSED, detail: 'the server is exiting' };
    const waiting = `mcps[].limits.pending_calls is ${this.#limit}, and as many calls wait for an answer`;
    return { problem: PROBLEMS.UPSTREAM_BUSY, detail: this.#waiting.size < this.#limit ? NOT_READ : waiting };
  }

  /** True when the child has not written a byte to stdout since the call was made. */
  metSilence(call: PendingCall): boolean {
    return call.heardBefore === this.#child.heardBytes;
  }

  /** Puts the question to the child. `dead` is called when not a byte has come after `ms`; the calls held are then still here. */
  doubt(question: Question, ms: number, dead: () => void): void {
    if (this.#clock !== undefined) return;
    this.#child.write(writeRequest(this.takeId(), question.method, question.rawParams));
    const heardBefore = this.#child.heardBytes;
    const verdict = (): void => {
      if (this.#clock !== clock) return;
      if (this.#child.heardBytes === heardBefore) dead();
      else this.heard();
    };
    // Not in the turn of the timer: where the gateway itself stood still, what the child said waits to be read first.
    const clock = setTimeout(() => setImmediate(verdict), ms).unref();
    this.#clock = clock;
  }

  /** The child spoke. Whatever it said, it lives, and gets the calls that were held. */
  heard(): void {
    if (this.#clock === undefined) return;
    this.#settleDoubt();
    const held = [...this.#held];
    this.#held.clear();
    for (const [call, bytes] of held) {
      if (!this.#child.takesInput) continue;
      if (this.#child.write(bytes, this.#ledger.onWritten)) call.place = this.#ledger.handed();
      else if (this.forget(call)) call.fail(PROBLEMS.UPSTREAM_BUSY, NOT_READ);
    }
  }

  /**
   * Fails them all. Which of them the child cannot have seen is certain once it is `buried`, for its pipes are closed; of one that
   * `hung` it is certain for the calls that were held; of one that was `stopped` nothing is said, for none is to be made again.
   */
  fail(problem: Problem, detail: string, how: 'buried' | 'hung' | 'stopped'): void {
    this.#settleDoubt();
    const calls = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#held.clear();
    for (const call of calls) {
      const unseen = how === 'buried' ? !this.#ledger.took(call.place) : how === 'hung' && !call.handedOver;
      call.fail(problem, detail, unseen);
    }
  }

  #settleDoubt(): void {
    clearTimeout(this.#clock);
    this.#clock = undefined;
  }
}

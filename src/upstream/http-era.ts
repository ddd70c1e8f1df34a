import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { writeRequest } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import { type Era, MODERN_REVISIONS } from '../protocol/revisions.ts';
import { discoverParams, METHOD_NOT_FOUND, MODERN_ERRORS } from './era.ts';
import { HttpCall } from './http-call.ts';
import type { CallOwner } from './http-call-owner.ts';
import type { Failure } from './http-failure.ts';
import type { HttpModernLane } from './http-modern-lane.ts';
import type { HttpTarget } from './http-target.ts';
import type { CallSink } from './lane.ts';

/** How a legacy endpoint turns away what it does not know. Any other status proves nothing about the era. */
const LEGACY_STATUSES: ReadonlySet<number> = new Set([400, 404, 405]);
const VERDICT_MS = 600_000;

/**
 * Finds out which era a server speaks by asking `server/discover` once (MCP 2026-07-28, streamable-http "Backward
 * Compatibility"). Everybody who wants to know meanwhile waits for the same answer. A verdict is good for ten minutes:
 * a server that was upgraded never says so by itself.
 */
export class EraProbe implements CallOwner {
  readonly target: HttpTarget;
  readonly takesServerRequests = false;
  readonly takesBatches = false;
  readonly #lane: HttpModernLane;
  readonly #message: Message;
  readonly #timeoutMs: number;
  #verdict: Era | undefined;
  #until = 0;
  #asking: Promise<Era> | undefined;

  constructor(lane: HttpModernLane, version: string, timeoutMs: number) {
    this.target = lane.target;
    this.#lane = lane;
    this.#message = discover(version);
    this.#timeoutMs = timeoutMs;
  }

  /** The verdict in force, if there is one. */
  known(): Era | undefined {
    return performance.now() < this.#until ? this.#verdict : undefined;
  }

  forget(): void {
    this.#until = 0;
  }

  /** @throws ProblemError when the server gave no answer that says anything about its era; that is not remembered. */
  async ask(): Promise<Era> {
    this.#asking ??= this.#probe().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #probe(): Promise<Era> {
    const verdict = await new Promise<Era>((resolve, reject) => {
      const sink = new ProbeSink(resolve, reject);
      sink.call = new HttpCall(this, this.#message, sink);
      sink.call.start(this.#lane.headersFor(this.#message, MODERN_REVISIONS[0]), this.#timeoutMs);
    });
    this.#verdict = verdict;
    this.#until = performance.now() + VERDICT_MS;
    return verdict;
  }

  // CallOwner

  onHead(): undefined {}

  onError(): undefined {}

  judge(): undefined {}

  onFailure(call: HttpCall, failure: Failure): void {
    // For a legacy server that is the expected answer, not a fault of it.
    if (!LEGACY_STATUSES.has(call.status)) this.target.health.failed(failure, call.status === 0);
  }

  withdraw(call: HttpCall): void {
    call.drop();
  }

  resumes(): boolean {
    return false;
  }
}

class ProbeSink implements CallSink {
  call: HttpCall | undefined;
  readonly #resolve: (era: Era) => void;
  readonly #reject: (error: ProblemError) => void;

  constructor(resolve: (era: Era) => void, reject: (error: ProblemError) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  opened(): void {}

  message(): boolean {
    return true;
  }

  settled(answer: Message): void {
    const { status = 0 } = this.call ?? {};
    if (answer.kind === 'result') this.#resolve('modern');
    else if (status < 300) this.#resolve(this.#isModernError() ? 'modern' : 'legacy');
    else this.failed(PROBLEMS.UPSTREAM_STATUS, `HTTP ${status}, JSON-RPC ${this.call?.errorCode}`);
  }

  failed(problem: Problem, detail: string): void {
    if (this.#isModernError()) this.#resolve('modern');
    else if (LEGACY_STATUSES.has(this.call?.status ?? 0)) this.#resolve('legacy');
    else this.#reject(new ProblemError(problem, detail));
  }

  #isModernError(): boolean {
    const { errorCode = 0, status = 0 } = this.call ?? {};
    // 404 alone is what a server says whose endpoint is elsewhere; the code alone is what a legacy server says.
    return MODERN_ERRORS.has(errorCode) || (status === 404 && errorCode === METHOD_NOT_FOUND);
  }
}

function discover(version: string): Message {
  const message = scanMessage(writeRequest(0, 'server/discover', discoverParams(version)));
  if (isScanFailure(message)) throw new TypeError(message.detail);
  return message;
}

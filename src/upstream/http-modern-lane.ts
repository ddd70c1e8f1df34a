import type { Message } from '../jsonrpc/message.ts';
import { ProblemError } from '../problem/problem.ts';
import { addMirroredHeaders } from '../protocol/mirrored-headers.ts';
import type { Revision } from '../protocol/revisions.ts';
import { HttpCall } from './http-call.ts';
import type { CallOwner } from './http-call-owner.ts';
import { type Failure, invalid, statusFailure } from './http-failure.ts';
import { addParamHeaders } from './http-headers.ts';
import { notice } from './http-notice.ts';
import type { HttpTarget } from './http-target.ts';
import type { CallHandle, CallSink, Lane, LaneIdentity, LaneListener, OutboundCall } from './lane.ts';

/** HeaderMismatch and UnsupportedProtocolVersion speak of the request this gateway made, not of the client's. */
const ABOUT_OUR_HOP: ReadonlySet<number> = new Set([-32020, -32022]);
/** What a server says that has stopped being modern, or has moved. */
const DOUBTS_ERA: ReadonlySet<number> = new Set([400, 404, 405]);
const NOTICE_TIMEOUT_MS = 30_000;

/**
 * The modern path to a server (MCP 2026-07-28): one POST per message and nothing kept between them, so one lane serves
 * everybody. Ending the HTTP request is cancelling.
 */
export class HttpModernLane implements Lane, CallOwner {
  readonly era = 'modern';
  readonly shared = true;
  readonly takesServerRequests = false;
  readonly takesBatches = false;
  /** One credential for everybody, and a connection for each stream. */
  readonly identity: LaneIdentity = { ordered: false };
  readonly target: HttpTarget;
  readonly #onEraDoubt: () => void;
  readonly #listeners = new Set<LaneListener>();

  /** `onEraDoubt`: the server answered as one that may no longer speak this era. */
  constructor(target: HttpTarget, onEraDoubt: () => void) {
    this.target = target;
    this.#onEraDoubt = onEraDoubt;
  }

  dispatch(call: OutboundCall, sink: CallSink): CallHandle {
    const headers = this.headersFor(call.message, call.revision);
    if (call.paramHeaders.length > 0) addParamHeaders(headers, call.paramHeaders);
    const request = new HttpCall(this, call.message, sink);
    request.start(headers, call.timeoutMs);
    return request;
  }

  async send(message: Message, revision: Revision): Promise<void> {
    // It names the client's id, which is nobody's here. Cancelling is CallHandle.cancel.
    if (message.method === 'notifications/cancelled') return;
    const headers = this.headersFor(message, revision);
    const answer = await notice(NOTICE_TIMEOUT_MS, (handler) =>
      this.target.post(headers, message.bytes, handler, false),
    );
    if (answer.status < 300) return;
    const failure = statusFailure(answer.status, answer.headers);
    throw new ProblemError(failure.problem, failure.detail);
  }

  listen(listener: LaneListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The lane outlives its holders. */
  release(): void {}

  /** The gateway stops using this server. */
  end(failure: Failure): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener.closed(failure.problem, failure.detail);
  }

  // CallOwner

  onHead(): undefined {}

  /** Who cannot read the id of a request may not know the era. */
  onError(call: HttpCall, said: Message | undefined): undefined {
    if (said?.id == null && DOUBTS_ERA.has(call.status)) this.#onEraDoubt();
  }

  judge(call: HttpCall): Failure | undefined {
    const code = call.errorCode;
    return code !== undefined && ABOUT_OUR_HOP.has(code)
      ? invalid(`JSON-RPC ${code}: the server objects to the request as this gateway wrote it`)
      : undefined;
  }

  onFailure(call: HttpCall, failure: Failure): void {
    this.target.health.failed(failure, call.status === 0);
    if (DOUBTS_ERA.has(call.status)) this.#onEraDoubt();
  }

  withdraw(call: HttpCall): void {
    call.drop();
  }

  /** Streams of this era cannot be resumed. */
  resumes(): boolean {
    return false;
  }

  headersFor(message: Message, revision: Revision): string[] {
    const headers = this.target.postHeaders.slice();
    addMirroredHeaders(headers, message, revision);
    return headers;
  }
}

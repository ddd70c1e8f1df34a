import type { PrincipalId } from '../identity/principal.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { Problem } from '../problem/problem.ts';
import type { Era, Revision } from '../protocol/revisions.ts';

/** Who wants a lane. A lane is never given to somebody it could leak to: the upstream decides by `child` and `era`. */
export interface LeaseRequest {
  readonly principal: PrincipalId;
  readonly era: Era;
  readonly revision: Revision;
  /** The client-facing session (legacy); undefined on the modern era, which has none. */
  readonly session: string | undefined;
}

/**
 * A request on its way to a server: the bytes that were judged. The lane puts its own integer in place of the id and of the
 * progress token (two clients may both use 1) and edits nothing else.
 */
export interface OutboundCall {
  readonly message: Message;
  readonly revision: Revision;
  /** Our id for this call, for logs; never sent upstream. */
  readonly decisionId: string;
  /** `Mcp-Param-*` request headers as received (name, value pairs), forwarded on a modern HTTP lane. */
  readonly paramHeaders: readonly string[];
  /** Milliseconds the server may take before any answer; the lane fails the call with UPSTREAM_TIMEOUT. */
  readonly timeoutMs: number;
}

/** The HTTP error status an error came with, and after how many seconds the server wants to be asked again. */
export interface ErrorHead {
  readonly status: number;
  readonly retryAfter: number | undefined;
}

/**
 * Where the answer to one call goes. Messages arrive as the server sent them: the response id, progress token and
 * subscription id are still the lane's own, and the sink's owner, who knows the call, puts the client's back.
 * Methods are called in wire order, never synchronously inside `dispatch`, and nothing is called after `settled` or `failed`.
 */
export interface CallSink {
  /** The server has begun an event stream: response headers may go out before the first event. At most once, first. */
  opened(): void;
  /**
   * A notification, or (legacy) a server-to-client request, that belongs to this call.
   * Returns false when the client does not keep up. A lane that owns the connection pauses until `resume`;
   * a shared lane goes on, for the sink is bounded and cuts its own client.
   */
  message(message: Message): boolean;
  /** The final answer, result or error as the server sent it. `head` is there when an error came with an HTTP error status. */
  settled(response: Message, head?: ErrorHead): void;
  /**
   * No answer will come. `detail` is private: for the log and the audit record. `unseen` is true only where the server cannot have
   * acted on the call: its child was gone before it took the whole line, or it answered that it does not know the session.
   */
  failed(problem: Problem, detail: string, unseen?: boolean): void;
}

export interface CallHandle {
  /** The id, and progress token if the call had one, that the server saw. */
  readonly upstreamId: number;
  /** The answer is no longer wanted. The server is told in its era's way; whatever still arrives is dropped. Idempotent. */
  cancel(reason: string): void;
  /** The client caught up after `message` returned false. */
  resume(): void;
}

/** Receives what belongs to no call: legacy server requests, list changes, log lines. */
export interface LaneListener {
  message(message: Message): boolean;
  /** The lane is gone (child exited, session lost, gateway stopping). Called once. A call still under way then ends by itself. */
  closed(problem: Problem, detail: string): void;
}

/** As whom a lane reaches its server: one child process, or one credential. Compared as an object, never by what is in it. */
export interface LaneIdentity {
  /** All the server says under it comes over one channel, in the order it was said. */
  readonly ordered: boolean;
}

/** A path to one server for one principal, one session, or many of them. */
export interface Lane {
  readonly era: Era;
  /** True when several client sessions or principals ride on it. Server-to-client requests are then refused by the lane. */
  readonly shared: boolean;
  /**
   * Lanes with the same identity are the same client to the server, so that what it grants one it has granted all of them: one
   * upstream subscription may serve their listeners. Absent where nothing may be shared.
   */
  readonly identity?: LaneIdentity;
  dispatch(call: OutboundCall, sink: CallSink): CallHandle;
  /**
   * Hands over a client notification or (legacy) a client's answer to a server request.
   * Resolves when the server has taken it (HTTP 202, or written to the pipe).
   * @throws ProblemError when it could not be delivered.
   */
  send(message: Message, revision: Revision): Promise<void>;
  /** Subscribes to what belongs to no call. Returns the function that ends the subscription. */
  listen(listener: LaneListener): () => void;
  /**
   * The client listens: what belongs to no call has somewhere to go. Absent where the server needs no invitation to say it.
   * Idempotent.
   */
  attend?(): void;
  /** The holder is done: the session ended or the request is over. What is then freed is the upstream's business. Idempotent. */
  release(): void;
}

export interface UpstreamHealth {
  readonly state: 'idle' | 'up' | 'down' | 'crash-loop';
  /** Live children (stdio) or open connections (HTTP). */
  readonly children: number;
  /** Public-safe text about the last failure. */
  readonly lastError: string | undefined;
}

/** One configured MCP server. */
export interface Upstream {
  readonly id: string;
  /**
   * @throws ProblemError ERA_MISMATCH when the server does not speak the era asked for, UPSTREAM_START,
   * UPSTREAM_CRASH_LOOP, UPSTREAM_BUSY, UPSTREAM_REFUSED and kin when no lane can be had.
   */
  lease(request: LeaseRequest): Promise<Lane>;
  health(): UpstreamHealth;
  /** Ends every lane, stops every child. Resolves when nothing is left, at the latest when `deadline` aborts. */
  close(deadline: AbortSignal): Promise<void>;
}

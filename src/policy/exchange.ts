import type { IncomingMessage } from 'node:http';
import type { ChunkWatch } from '../http/chunk-framing.ts';
import { type Connection, connectionOf } from '../http/connection.ts';
import { RequestHeaders } from '../http/request-headers.ts';
import type { Route } from '../http/routes.ts';
import type { Principal } from '../identity/principal.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { Problem } from '../problem/problem.ts';
import type { Era, Revision } from '../protocol/revisions.ts';

/** The messages of one POST, parsed once. Everything after this decides on, and forwards, these. */
export interface Inbound {
  readonly messages: readonly Message[];
  /** The body was an array (2025-03-26 only). */
  readonly batch: boolean;
  readonly era: Era;
  /** Undefined for a legacy `initialize`, which is about to negotiate one. */
  readonly revision: Revision | undefined;
}

/**
 * Says whether an address that a request came from belongs to whoever sent it: the far end of the socket, or what trusted
 * proxies say of whoever came to the first of them. Not so for a proxy itself, nor where a chain ends before it reaches
 * somebody who is not trusted: that address may be anybody's.
 */
export interface ClientProof {
  isItsOwn(client: IpAddress): boolean;
}

export const PROVEN: ClientProof = Object.freeze({ isItsOwn: () => true });
export const UNPROVEN: ClientProof = Object.freeze({ isItsOwn: () => false });

/** The facts a step may establish. A fixed set: the exchange has a field for each, and no bag of others. */
export type FactName = 'responseHeaders' | 'requestId' | 'clientAddress' | 'principal' | 'inbound';

/**
 * One HTTP request on its way through the admission steps. A fixed shape: every field exists from the start.
 * It never touches the response; steps read it and add the facts they provide.
 */
export class Exchange {
  /** Our own id for this request and every decision about it. Unique, never taken from the client. */
  readonly id: string;
  readonly route: Route;
  readonly request: IncomingMessage;
  readonly headers: RequestHeaders;
  /** Milliseconds, monotonic. */
  readonly startedAt: number;
  readonly connection: Connection;
  /** The socket peer in canonical form: IPv4 as IPv4 on a dual-stack socket. Empty when the socket has none. */
  readonly peer: string;

  /** Why the request target is no route at all; `route` is then the one of what is unknown. */
  targetFault: Problem | undefined = undefined;
  /** No other request of the connection was under way when the bytes of this one were read. */
  isFirst = false;

  /** Headers every answer to this request carries: name, value pairs. */
  responseHeaders: readonly string[] = NO_HEADERS;
  requestId = '';
  /** X-Request-ID as the client sent it, whatever was in it. Kept apart from ours. */
  clientRequestId: string | undefined = undefined;
  /** Who the client is, as far as trust reaches. Undefined when nobody can say. */
  client: IpAddress | undefined = undefined;
  /** Its canonical spelling. When nobody can say who it is: the last hop that is known, for the record; else empty. */
  clientAddress = '';
  /** Whether the client's address is its own and nobody else's. Asked only when something is to be held against it. */
  proof: ClientProof = UNPROVEN;
  /** What trusted proxies said of the way here, client first; empty where nothing was believed. Never the peer. */
  chain: readonly IpAddress[] = NO_HOPS;
  /** The client is this machine: a loopback peer, and no header that says it spoke for somebody else. */
  isLocalhost = false;
  /** The client's way here was encrypted: TLS that ends here, or at a trusted proxy that says so. */
  isSecure = false;
  principal: Principal | undefined = undefined;
  inbound: Inbound | undefined = undefined;
  /** The id of a message that was read but refused, so that the refusal can name it. */
  rejectedId: RequestId | undefined = undefined;
  /** Its method, for the record. */
  rejectedMethod: string | undefined = undefined;
  /** Of a chunked body, from before its first byte. */
  chunks: ChunkWatch | undefined = undefined;
  /** Asks the client for the body it announced with `Expect: 100-continue` (RFC 9110, section 10.1.1). */
  invite: (() => void) | undefined = undefined;
  /** A digest of the session id, for the record; the id itself opens the session. */
  sessionKey: string | undefined = undefined;

  constructor(id: string, route: Route, request: IncomingMessage) {
    this.id = id;
    this.route = route;
    this.request = request;
    this.headers = new RequestHeaders(request.rawHeaders);
    this.startedAt = performance.now();
    this.connection = connectionOf(request.socket);
    this.peer = this.connection.peer?.text ?? '';
  }

  /** The chain in canonical spelling. */
  get forwardedFor(): readonly string[] {
    return this.chain.map((address) => address.text);
  }
}

const NO_HEADERS: readonly string[] = Object.freeze([]);
const NO_HOPS: readonly IpAddress[] = Object.freeze([]);

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { unixConnection } from './connection.ts';
import { Entrance, type Stage } from './entrance.ts';
import { refuseRaw } from './raw-refusal.ts';
import { listenOnSocket, type SocketSettings } from './unix-socket.ts';

export interface ListenerSettings {
  readonly host: string;
  readonly port: number;
  /** Listened on in place of host and port. */
  readonly socket?: SocketSettings;
  readonly limits: {
    /** Bytes of request line and headers together; more is answered 431. */
    readonly header_bytes: number;
    /** Header lines; more is answered 431, never silently cut. */
    readonly header_count: number;
    /** Milliseconds to receive all headers. */
    readonly header_timeout_ms: number;
    /** Milliseconds to receive the whole request. */
    readonly body_timeout_ms: number;
    /** Milliseconds an idle keep-alive connection is kept. Live streams are never idle. */
    readonly idle_timeout_ms: number;
    readonly connections: number;
  };
}

export interface ListenerHandlers {
  /** Called once per request whose headers were read. Must answer it. `isFirst`: none was under way on its connection. */
  request(request: IncomingMessage, response: ServerResponse, isFirst: boolean): void;
  /** Node's parser refused the bytes: for the record. Returns the decision id of the answer that goes out. */
  refused(problem: Problem, detail: string, socket: Socket): string;
  /** What every answer on this connection carries, one on the bare socket too. Name, value pairs. */
  headers(socket: Socket): readonly string[];
  /**
   * A connection ended before HTTP was spoken on it: for the record. `reason` is one of the vocabulary, `answer` what goes out.
   * Returns the decision id.
   */
  turnedAway(reason: string, detail: string, socket: Socket, answer?: Problem): string;
}

/**
 * One bound address. Nothing here judges a request; limits that must hold before there is a request live here.
 * There is no timeout on a response: a stream may last as long as both sides want it.
 */
export class Listener {
  readonly name: string;
  /** TLS ends here. */
  readonly isEncrypted: boolean;
  private readonly server: Server;
  private readonly settings: ListenerSettings;
  private readonly handlers: ListenerHandlers;
  private closed: Promise<unknown> | undefined;
  /** The newest answer of each connection: what the parser refuses must never be answered into the middle of one. */
  private readonly answers = new WeakMap<Socket, ServerResponse>();
  /** Those on which HTTP is spoken, each with the bytes that were read from it before. */
  private readonly sockets = new Map<Socket, number>();
  /** What connections pass first. Undefined when that is nothing. */
  private readonly entrance: Entrance | undefined;
  /** Answers after which the connection will be refused. */
  private readonly refusedAfter = new WeakSet<ServerResponse>();

  /** @param stages what every connection passes, in this order, before HTTP is spoken on it */
  constructor(name: string, settings: ListenerSettings, handlers: ListenerHandlers, stages: readonly Stage[] = []) {
    this.name = name;
    this.isEncrypted = stages.some((stage) => stage.name === 'tls');
    this.settings = settings;
    this.handlers = handlers;
    const { limits } = settings;
    this.server = createServer({
      maxHeaderSize: limits.header_bytes,
      headersTimeout: limits.header_timeout_ms,
      requestTimeout: limits.header_timeout_ms + limits.body_timeout_ms,
      keepAliveTimeout: limits.idle_timeout_ms,
      connectionsCheckingInterval: Math.min(1_000, limits.header_timeout_ms),
      // Node would answer 400 by itself and tell nobody; the missing header is judged, and recorded, like any other.
      requireHostHeader: false,
      joinDuplicateHeaders: false,
      insecureHTTPParser: false,
    });
    // Node drops what exceeds maxHeadersCount without a word; one more than allowed makes the excess visible.
    this.server.maxHeadersCount = limits.header_count + 1;
    this.server.maxConnections = limits.connections;
    this.server.timeout = 0;
    if (settings.socket !== undefined) this.server.prependListener('connection', unixConnection);
    this.entrance = stages.length === 0 ? undefined : this.enterThrough(stages);
    if (this.entrance === undefined) this.server.on('connection', (socket) => this.onConnection(socket));
    this.server.on('request', (request, response) => this.onRequest(request, response));
    this.server.on('checkContinue', (request, response) => this.onRequest(request, response));
    this.server.on('checkExpectation', (request, response) => this.onRequest(request, response));
    this.server.on('clientError', (error, socket) => this.onClientError(error, socket as Socket));
    this.server.on('connect', (_request, socket) => this.onConnect(socket as Socket));
  }

  /** @throws NodeJS.ErrnoException EADDRINUSE, EACCES, EADDRNOTAVAIL as the operating system says, with `listener`: our name. */
  async start(): Promise<void> {
    const { socket } = this.settings;
    if (socket !== undefined) return listenOnSocket(this.server, socket);
    const listening = once(this.server, 'listening');
    this.server.listen({ host: this.settings.host, port: this.settings.port, backlog: 1024 });
    try {
      await listening;
    } catch (error) {
      throw Object.assign(error as Error, { listener: this.name });
    }
  }

  /** The address in force, with the port the system chose when 0 was asked for. */
  get address(): { readonly host: string; readonly port: number } {
    const bound = this.server.address() as AddressInfo | null;
    return { host: this.settings.host, port: bound?.port ?? this.settings.port };
  }

  /** The Unix socket in force in place of an address. */
  get socketPath(): string | undefined {
    return this.settings.socket?.path;
  }

  /** Stops accepting. Connections stay for the answers under way, and end after the next one; `stop` ends idle ones too. */
  drain(): void {
    if (this.closed !== undefined || !this.server.listening) return;
    this.closed = once(this.server, 'close');
    this.server.close();
    this.server.closeIdleConnections();
    this.entrance?.close();
  }

  /** Resolves when every connection is gone; cuts those that are left when `deadline` aborts. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.drain();
    const cut = (): void => {
      // Node counts no connection that asked for a tunnel.
      for (const socket of this.sockets.keys()) socket.destroy();
    };
    if (deadline.aborted) cut();
    else deadline.addEventListener('abort', cut, { once: true });
    const idle = setInterval(() => this.closeIdle(), 50);
    try {
      await this.closed;
    } finally {
      clearInterval(idle);
      deadline.removeEventListener('abort', cut);
    }
  }

  /**
   * Node's server goes on listening and counting, and hears of a connection when it is through: its time limits for a head
   * begin there.
   */
  private enterThrough(stages: readonly Stage[]): Entrance {
    const serve = this.server.listeners('connection').at(-1);
    if (serve !== undefined) this.server.off('connection', serve as () => void);
    const entrance = new Entrance(stages, this.settings.limits.header_timeout_ms, {
      entered: (socket) => {
        this.onConnection(socket);
        serve?.call(this.server, socket);
      },
      turnedAway: (reason, detail, socket, answer) => this.handlers.turnedAway(reason, detail, socket, answer),
      headers: (socket) => this.handlers.headers(socket),
    });
    this.server.on('connection', (socket) => entrance.arrive(socket));
    return entrance;
  }

  private onConnection(socket: Socket): void {
    this.sockets.set(socket, socket.bytesRead - socket.readableLength);
    socket.once('close', () => this.sockets.delete(socket));
  }

  private closeIdle(): void {
    this.server.closeIdleConnections();
    this.entrance?.close();
    // Node takes a connection on which nothing was ever asked for a busy one.
    for (const [socket, before] of this.sockets) if (socket.bytesRead === before) socket.destroy();
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    // What stands behind a request that ends the connection is nobody's (RFC 9112, section 9.6).
    const before = this.answers.get(request.socket);
    if (before?.shouldKeepAlive === false) return;
    if (this.closed !== undefined) response.shouldKeepAlive = false;
    this.answers.set(request.socket, response);
    // Both turn true in a later tick than the read that ended that request.
    const isFirst = before === undefined || (before.closed && before.req.readableEnded);
    this.handlers.request(request, response, isFirst);
  }

  /** No tunnel is ever opened (RFC 9110, section 9.3.6). */
  private onConnect(socket: Socket): void {
    // Node has taken its own listeners off: an error nobody hears ends the process.
    socket.on('error', () => socket.destroy());
    const answer = this.answers.get(socket);
    // A long answer under way waits for this, and Node no longer passes it on.
    if (answer !== undefined) socket.on('drain', () => answer.emit('drain'));
    socket.resume();
    this.refuseAfter(answer, socket, PROBLEMS.METHOD_NOT_ALLOWED, 'CONNECT', ALLOW);
  }

  private onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    // OpenSSL has ended the connection: a second handshake was asked for, or what came is not encrypted as it must be.
    if (error.code?.startsWith('ERR_SSL_') === true) {
      this.handlers.turnedAway('tls.handshake', error.code, socket);
      socket.destroy();
      return;
    }
    // Its answer is on the way out: the connection ends by itself.
    if (!socket.writable) return;
    const isVerb = error.code === 'HPE_INVALID_METHOD' && UNKNOWN_VERB.test(unread(error));
    const problem = isVerb ? PROBLEMS.METHOD_NOT_ALLOWED : problemOfParserError(error.code);
    const answer = this.answers.get(socket);
    if (answer !== undefined && !answer.req.complete) {
      // The body broke. Who reads it hears of its end, refuses and records it.
      if (answer.headersSent) socket.destroySoon();
      else if (answer.socket !== null) refuseRaw(socket, problem, { headers: this.handlers.headers(socket) });
      return;
    }
    this.refuseAfter(answer, socket, problem, error.code ?? error.message, isVerb ? ALLOW : []);
  }

  /** The bytes after whole requests are no request. The answers to those go out first, or the client takes ours for one. */
  private refuseAfter(
    answer: ServerResponse | undefined,
    socket: Socket,
    problem: Problem,
    detail: string,
    more: readonly string[] = [],
  ): void {
    const refuse = (): void => {
      answer?.off('close', refuse);
      socket.off('close', refuse);
      const id = this.handlers.refused(problem, detail, socket);
      if (socket.writable) refuseRaw(socket, problem, { headers: [...more, ...this.handlers.headers(socket)], id });
      else socket.destroy();
    };
    if (answer === undefined || answer.writableFinished) return refuse();
    if (!answer.shouldKeepAlive || this.refusedAfter.has(answer)) return;
    this.refusedAfter.add(answer);
    answer.once('close', refuse);
    socket.once('close', refuse);
  }
}

/** Of the routes there is something to do on; which of them was meant is not known here. */
const ALLOW: readonly string[] = ['Allow', 'GET, POST, DELETE'];
/** A request line that is sound but for a verb Node has never heard of: `TRACK`, `post`. */
const UNKNOWN_VERB = /^[A-Za-z]{1,32} \/[\x21-\x7e]* HTTP\/1\.[01]\r\n/;

/** The beginning of the bytes the parser stopped in; empty when it stopped behind their first word, in another request. */
function unread({
  rawPacket,
  bytesParsed = 0,
}: Error & { readonly rawPacket?: Buffer; readonly bytesParsed?: number }): string {
  const start = rawPacket?.toString('latin1', 0, 2_048) ?? '';
  return bytesParsed <= start.indexOf(' ') ? start : '';
}

function problemOfParserError(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return PROBLEMS.HEADERS_TOO_LARGE;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return PROBLEMS.REQUEST_TIMEOUT;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return PROBLEMS.BODY_TOO_LARGE;
  return PROBLEMS.MALFORMED_REQUEST;
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TlsOptions } from 'node:tls';

/** One request as the scripted server received it. */
export interface Received {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The JSON-RPC message in the body, if there is one. */
  readonly rpc: { readonly id?: number; readonly method?: string; readonly params?: Record<string, unknown> };
  /** Resolves when the connection the request came on, or the answer to it, is over. */
  readonly over: Promise<unknown>;
}

export type Script = (request: Received, response: ServerResponse) => void;

/** The JSON-RPC answer a well-behaved server gives. */
export function answer(request: Received, result: unknown = { ok: true }): string {
  return JSON.stringify({ jsonrpc: '2.0', id: request.rpc.id, result });
}

/** Answers as JSON, with a length. */
export const wellBehaved: Script = (request, response) => {
  const text = request.rpc.id === undefined ? '' : answer(request);
  const status = text === '' ? 202 : 200;
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text);
};

/** Answers with JSON of this status. */
export function json(status: number, body: (request: Received) => unknown): Script {
  return (request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body(request)));
  };
}

export function rpcError(code: number, message = 'no'): (request: Received) => unknown {
  return ({ rpc }) => ({ jsonrpc: '2.0', id: rpc.id ?? null, error: { code, message } });
}

/** An HTTP server on a free port of 127.0.0.1 that does what the test says, and answers well when nothing was said. */
export class ScriptedHttp {
  readonly received: Received[] = [];
  /** Answers each POST that `next` did not take. */
  otherwise: Script = wellBehaved;
  /** Answers each GET. */
  onGet: Script = (_, response) => response.writeHead(405).end();
  /** Handshakes of TLS that came about: a client that refuses the certificate ends before that. */
  handshakes = 0;
  readonly #server: Server | TlsServer;
  #scripts: Script[] = [];

  private constructor(server: Server | TlsServer) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response));
    server.on('secureConnection', () => {
      this.handshakes += 1;
    });
  }

  /** @param tls speaks https with this */
  static async start(tls?: TlsOptions): Promise<ScriptedHttp> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ScriptedHttp(server);
  }

  get url(): string {
    const scheme = this.#server instanceof TlsServer ? 'https' : 'http';
    return `${scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  /** The coming POSTs are answered by these, one each. */
  next(...scripts: Script[]): void {
    this.#scripts.push(...scripts);
  }

  /** Of one HTTP method, or one JSON-RPC method. */
  of(method: string): Received[] {
    return this.received.filter((request) => request.method === method || request.rpc.method === method);
  }

  /** Shows another certificate from now on. */
  certify(tls: { readonly cert: string; readonly key: string }): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(tls);
  }

  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await buffer(request)).toString();
    const received: Received = {
      method: request.method ?? '',
      headers: request.headers,
      body,
      rpc: body === '' ? {} : JSON.parse(body),
      over: once(response, 'close'),
    };
    this.received.push(received);
    const post =
      this.#scripts.length > 0 && request.method === 'POST' ? (this.#scripts.shift() as Script) : this.otherwise;
    if (request.method === 'GET') this.onGet(received, response);
    else if (request.method === 'DELETE') response.writeHead(200).end();
    else post(received, response);
  }
}

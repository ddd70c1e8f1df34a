import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Gate } from '../faults/gate.ts';
import { answer, type Received, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { Reader } from './reader.ts';

export type Era = 'modern' | 'legacy';
const REVISIONS = { modern: '2026-07-28', legacy: '2025-11-25' } as const;
/** The client's own. The server never sees it. */
export const TOKEN = 'the client’s own';
/** Clients that could read a compressed answer: it must not be held back to be compressed. */
const ACCEPTING = {
  accept: 'application/json, text/event-stream',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'content-type': 'application/json',
};

/** A gateway before servers that say the next thing when the test says so, and before one that is called directly as well. */
export class Paces {
  readonly gate: Gate;
  readonly upstream: ScriptedHttp;
  /** Answers of the HTTP server to `watch`, oldest first. */
  readonly watchers: Watcher[] = [];
  /** The same of session streams: each session of a client has one, whether the client listens or not. */
  readonly streams: Watcher[] = [];

  private constructor(gate: Gate, upstream: ScriptedHttp) {
    this.gate = gate;
    this.upstream = upstream;
    upstream.otherwise = (received, response) => {
      if (received.rpc.method === 'initialize') open(received, response);
      else if (received.rpc.params?.name === 'watch') this.watchers.push(new Watcher(received, response));
      else wellBehaved(received, response);
    };
    upstream.onGet = (received, response) => void this.streams.push(new Watcher(received, response));
  }

  static async start(settings: object = {}): Promise<Paces> {
    const upstream = await ScriptedHttp.start();
    const eras = ['modern', 'legacy'] as const;
    const http = (era: Era) => ({ id: `http-${era}`, transport: 'streamable-http', url: upstream.url, era });
    const file = fileURLToPath(new URL('paced.mjs', import.meta.url));
    const stdio = (era: Era) => ({
      id: `stdio-${era}`,
      transport: 'stdio',
      command: process.execPath,
      args: [file, era],
      era,
      child: 'shared',
    });
    const gate = await Gate.start([...eras.map(http), ...eras.map(stdio)], settings);
    return new Paces(gate, upstream);
  }

  async stop(): Promise<void> {
    // Calls that nobody waits for any more would hold up the end of the gateway for its whole time of grace.
    await this.upstream.stop();
    await this.gate.stop();
  }

  /** Calls `watch` and resolves when the head of the answer is there. */
  watch(url: string, era: Era, session: Record<string, string> = {}, progressToken: unknown = TOKEN): Promise<Reader> {
    const own = {
      'io.modelcontextprotocol/protocolVersion': REVISIONS.modern,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const modern = { 'mcp-protocol-version': REVISIONS.modern, 'mcp-method': 'tools/call', 'mcp-name': 'watch' };
    const headers = {
      ...ACCEPTING,
      authorization: `Bearer ${this.gate.token()}`,
      ...(era === 'modern' ? modern : session),
    };
    const _meta = era === 'modern' ? { progressToken, ...own } : { progressToken };
    const params = { name: 'watch', arguments: {}, _meta };
    return Reader.open(url, headers, { jsonrpc: '2.0', id: 'watching', method: 'tools/call', params });
  }

  /** Opens the stream of a session. */
  listen(url: string, session: Record<string, string>): Promise<Reader> {
    const headers = { ...ACCEPTING, authorization: `Bearer ${this.gate.token()}`, ...session };
    return Reader.open(url, headers);
  }
}

/** A session of its own for each client. */
function open(received: Received, response: ServerResponse): void {
  const result = { protocolVersion: REVISIONS.legacy, capabilities: {}, serverInfo: { name: 'paced', version: '1' } };
  const headers = { 'content-type': 'application/json', 'mcp-session-id': randomUUID() };
  response.writeHead(200, headers).end(answer(received, result));
}

/** One answer the HTTP server has begun. */
export class Watcher {
  readonly received: Received;
  readonly #response: ServerResponse;

  constructor(received: Received, response: ServerResponse) {
    this.received = received;
    this.#response = response;
    response.socket?.setNoDelay(true);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  }

  /** The progress token this server was given. */
  get token(): unknown {
    return (this.received.rpc.params?._meta as { progressToken?: unknown } | undefined)?.progressToken;
  }

  /** A progress notification for this call, as text. */
  progress(progress: number, message = `event ${progress}`): string {
    const params = { progressToken: this.token, progress, message };
    return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params });
  }

  /** Resolves when the bytes have left. */
  write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => this.#response.write(bytes, () => resolve()));
  }

  emit(json: string): Promise<void> {
    return this.write(`data: ${json}\n\n`);
  }

  end(): Promise<void> {
    return this.emit(answer(this.received, { resultType: 'complete', content: [] }));
  }

  /** Writes without regard to whether anybody reads, until `bytes` are written or the connection is gone. @returns what was written */
  async flood(bytes: number, event: string): Promise<number> {
    let written = 0;
    const gone = once(this.#response, 'close');
    while (written < bytes && !this.#response.destroyed) {
      written += event.length;
      if (!this.#response.write(event)) {
        this.blockedAt = written;
        await Promise.race([once(this.#response, 'drain'), gone]);
      }
    }
    return written;
  }

  /** What was written when the connection last took no more. */
  blockedAt = 0;
}

import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { type EventStore, StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  httpSettings,
  leaseLegacy,
  notification,
  outbound,
  recordingLog,
  start,
} from '../../test/support/lane-calls.ts';
import { answer, type Received, ScriptedHttp } from '../../test/support/scripted-http.ts';
import { until } from '../../test/support/wait.ts';
import { createHttpUpstream } from './http-upstream.ts';
import type { Lane, Upstream } from './lane.ts';

const REVISION = '2025-11-25';
const INITIALIZE = { protocolVersion: REVISION, capabilities: {}, clientInfo: { name: 'test', version: '1' } };

/** Events in the order they were stored; an id names its stream and its place. */
class Events implements EventStore {
  readonly #all: { id: string; stream: string; message: object }[] = [];

  async storeEvent(stream: string, message: object): Promise<string> {
    const id = `${stream}_${this.#all.length}`;
    this.#all.push({ id, stream, message });
    return id;
  }

  async replayEventsAfter(lastEventId: string, { send }: Parameters<EventStore['replayEventsAfter']>[1]) {
    const place = this.#all.findIndex(({ id }) => id === lastEventId);
    const stream = this.#all[place]?.stream ?? '';
    for (const event of this.#all.slice(place + 1)) {
      if (event.stream === stream) await send(event.id, event.message as never);
    }
    return stream;
  }
}

/** A server on the official SDK that keeps its events, with a tool whose stream is lost three times on the way. */
class KeepingServer {
  readonly gets: (string | undefined)[] = [];
  /** Ends the stream of the call under way; set by each test. */
  lose: (progress: number, polling: () => void) => Promise<void> = async (_, polling) => polling();
  readonly #server: Server;
  readonly #transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => 'S-1',
    eventStore: new Events(),
    retryInterval: 60,
  });
  readonly streams = new Set<ServerResponse>();

  constructor() {
    this.#server = createServer((request, response) => {
      if (request.method === 'GET') this.gets.push(request.headersDistinct['last-event-id']?.[0]);
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
      void this.#transport.handleRequest(request, response);
    });
  }

  async start(): Promise<string> {
    const mcp = new McpServer({ name: 'keeping', version: '1' });
    mcp.registerTool('slow', {}, async (extra) => {
      const progressToken = extra._meta?.progressToken as number;
      for (let progress = 1; progress <= 3; progress += 1) {
        await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress } });
        const before = this.gets.length;
        await this.lose(progress, () => extra.closeSSEStream?.());
        // Said while the client is away: it must find it when it comes back.
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress: progress + 0.5 },
        });
        await until(() => this.gets.length > before, 'the client came back');
      }
      return { content: [{ type: 'text', text: 'done' }] };
    });
    await mcp.connect(this.#transport as Parameters<McpServer['connect']>[0]);
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  async stop(): Promise<void> {
    await this.#transport.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function upstreamOf(url: string): Upstream {
  const backoff = { firstMs: 20, longestMs: 60 };
  return createHttpUpstream(httpSettings(url, { era: 'legacy' }), {
    log: recordingLog([]),
    onState: () => {},
    backoff,
  });
}

async function opened(upstream: Upstream): Promise<Lane> {
  const lane = await leaseLegacy(upstream);
  await ask(lane, outbound('initialize', INITIALIZE, { revision: REVISION }));
  return lane;
}

const call = (timeoutMs = 10_000) =>
  outbound('tools/call', { name: 'slow', arguments: {} }, { revision: REVISION, progressToken: 'mine', timeoutMs });

describe('a call to a server on the official SDK that keeps its events', () => {
  let server: KeepingServer;
  let upstream: Upstream;
  beforeEach(async () => {
    server = new KeepingServer();
    upstream = upstreamOf(await server.start());
  });
  afterEach(async () => {
    await upstream.close(AbortSignal.timeout(2_000));
    await server.stop();
  });

  it.each<[string, (streams: Set<ServerResponse>, polling: () => void) => void]>([
    ['closes the stream so that the client comes back later', (_, polling) => polling()],
    ['loses the connection', (streams) => [...streams].at(-1)?.destroy()],
  ])('hears everything once and in order when the server %s', async (_, lose) => {
    const lane = await opened(upstream);
    const { sink } = start(lane, call());
    server.lose = async (progress, polling) => {
      // What was written into a connection that breaks may be lost before its id is known: that is another case.
      await until(() => sink.kinds.filter((kind) => kind === 'message').length >= 2 * progress - 1, 'it was heard');
      lose(server.streams, polling);
    };
    expect(await sink.end).toMatchObject({ kind: 'settled', message: { kind: 'result' } });
    const progress = sink.heard.flatMap((heard) =>
      heard.kind === 'message' ? [Number(JSON.parse(String(heard.message.bytes)).params.progress)] : [],
    );
    expect(progress).toEqual([1, 1.5, 2, 2.5, 3, 3.5]);
    expect(sink.kinds.filter((kind) => kind === 'opened')).toHaveLength(1);
    expect(server.gets).toHaveLength(3);
  });
});

describe('a call whose stream broke', () => {
  let server: ScriptedHttp;
  let upstream: Upstream;
  let lane: Lane;
  let asked: Received;
  beforeEach(async () => {
    server = await ScriptedHttp.start();
    upstream = upstreamOf(server.url);
    server.next((request, response) => {
      response.setHeader('mcp-session-id', 'S-1');
      response.setHeader('content-type', 'application/json');
      response.end(answer(request, { protocolVersion: REVISION, capabilities: {}, serverInfo: {} }));
    });
    lane = await opened(upstream);
    server.next((request, response) => {
      asked = request;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('id: e-1\nretry: 50\ndata: \n\n');
    });
  });
  afterEach(async () => {
    await upstream.close(AbortSignal.timeout(2_000));
    await server.stop();
  });

  const last = (response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`id: e-2\ndata: ${answer(asked)}\n\n`);

  it('goes on though the server does not take the next attempts, and brings nothing on others', async () => {
    const answers: ((response: ServerResponse) => void)[] = [
      (response) => response.destroy(),
      (response) => response.writeHead(503).end('busy'),
      (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
      (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: \n\n'),
      last,
    ];
    server.onGet = (_, response) => answers.shift()?.(response);
    expect(await ask(lane, call())).toMatchObject({ kind: 'settled' });
    expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual(Array(5).fill('e-1'));
    expect(server.of('GET').map(({ headers }) => headers['mcp-session-id'])).toEqual(Array(5).fill('S-1'));
    expect(server.of('tools/call')).toHaveLength(1);
  });

  it('fails when the server does not come back, and the next call is made', async () => {
    server.onGet = (_, response) => response.destroy();
    expect(await ask(lane, call())).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_CLOSED' } });
    expect(server.of('GET')).toHaveLength(5);
    expect(await ask(lane, outbound('tools/list', {}, { revision: REVISION }))).toMatchObject({ kind: 'settled' });
  });

  it('is not waited for longer than a call may take', async () => {
    server.onGet = (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
    expect(await ask(lane, call(300))).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_TIMEOUT' } });
    await until(() => server.of('notifications/cancelled').length === 1, 'the server was told');
  });

  it('is not asked for again once it was cancelled', async () => {
    server.onGet = (_, response) => response.destroy();
    const { handle } = start(lane, call());
    await until(() => server.of('GET').length === 1, 'it was asked for');
    handle.cancel('enough');
    const before = server.of('GET').length;
    await until(() => server.of('notifications/cancelled').length === 1, 'the server was told');
    await lane.send(notification('notifications/roots/list_changed'), REVISION);
    expect(server.of('GET')).toHaveLength(before);
  });
});

// The conformance server over Streamable HTTP: modern requests one by one, legacy ones in resumable sessions.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, hostHeaderValidationResponse, isLegacyRequest } from '@modelcontextprotocol/server';
import { createConformanceServer, World } from './server.mjs';

/** Starts it on a free port of 127.0.0.1. @returns its URL. It lives as long as the process. */
export async function serveHttp() {
  const world = new World();
  const modern = createMcpHandler(() => createConformanceServer(world), { legacy: 'reject' });
  world.onChange((list) => (list === 'tools' ? modern.notify.toolsChanged() : modern.notify.promptsChanged()));
  const answerModern = toNodeHandler(modern);
  const sessions = new Map();

  const handle = async (req, res) => {
    const body = await buffer(req);
    const request = new Request(`http://${req.headers.host}${req.url}`, {
      method: req.method,
      headers: Object.entries(req.headers),
      ...(body.length > 0 && { body }),
    });
    const refused = hostHeaderValidationResponse(
      new Request(request.url, { headers: { host: req.headers.host } }),
      LOCAL,
    );
    if (refused !== undefined) {
      res.writeHead(refused.status, Object.fromEntries(refused.headers)).end(await refused.text());
      return;
    }
    const message = parse(body);
    if (await isLegacyRequest(request, message)) await answerLegacy(req, res, message, sessions, world);
    else await answerModern(req, res, message);
  };
  const server = createServer((req, res) => {
    handle(req, res).catch((error) => res.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/mcp`;
}

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

function parse(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

async function answerLegacy(req, res, message, sessions, world) {
  const id = req.headers['mcp-session-id'];
  const known = sessions.get(id);
  if (known === undefined && (id !== undefined || message?.method !== 'initialize')) {
    const code = id === undefined ? -32000 : -32001;
    res.writeHead(id === undefined ? 400 : 404, { 'content-type': 'application/json' });
    res.end(`{"jsonrpc":"2.0","id":null,"error":{"code":${code},"message":"no such session"}}`);
    return;
  }
  const transport = known ?? (await openSession(sessions, world));
  await transport.handleRequest(req, res, message);
}

async function openSession(sessions, world) {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: new Events(),
    retryInterval: 100,
    onsessioninitialized: (session) => void sessions.set(session, transport),
    onsessionclosed: (session) => void sessions.delete(session),
  });
  await createConformanceServer(world).connect(transport);
  return transport;
}

/** The events of one session, kept while it lives. An event id is the stream's id, a colon and a number. */
class Events {
  #events = [];

  async storeEvent(streamId, message) {
    const id = `${streamId}:${this.#events.length}`;
    this.#events.push({ id, streamId, message });
    return id;
  }

  async replayEventsAfter(lastEventId, { send }) {
    const at = lastEventId.lastIndexOf(':');
    const streamId = lastEventId.slice(0, at);
    const later = this.#events.slice(Number(lastEventId.slice(at + 1)) + 1);
    for (const event of later)
      if (event.streamId === streamId && 'jsonrpc' in event.message) await send(event.id, event.message);
    return streamId;
  }
}

// The fixture server over Streamable HTTP on a free port of 127.0.0.1: modern requests one by one, legacy ones in sessions.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import { createFixtureServer, FixtureWorld } from './server.mjs';

export async function startFixtureHttp() {
  const world = new FixtureWorld();
  const hits = [];
  const modern = createMcpHandler(() => createFixtureServer(world), { legacy: 'reject' });
  const answerModern = toNodeHandler(modern);
  world.onToolsChanged(() => modern.notify.toolsChanged());
  world.onResourceUpdated((uri) => modern.notify.resourceUpdated(uri));
  const sessions = new Map();

  const handle = async (req, res) => {
    const body = await buffer(req);
    const message = parse(body);
    hits.push(hitOf(req, body, message));
    if (await isLegacy(req, body, message)) await answerLegacy(req, res, message, sessions, world);
    else await answerModern(req, res, message);
  };
  const server = createServer((req, res) => {
    handle(req, res).catch((error) => res.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    world,
    hits,
    clearHits: () => void hits.splice(0),
    sessions: () => [...sessions.keys()],
    stop: async () => {
      await modern.close();
      for (const transport of sessions.values()) await transport.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function parse(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** One request as it came: `head` is rebuilt from the raw header list, `body` is the very bytes. */
function hitOf(req, body, message) {
  const rpcMethod = message?.method;
  return { method: req.method, path: req.url, rawHeaders: req.rawHeaders, body, rpcMethod, rpcId: message?.id };
}

function isLegacy(req, body, message) {
  const init = { method: req.method, headers: pairs(req.rawHeaders), ...(body.length > 0 ? { body } : {}) };
  return isLegacyRequest(new Request(`http://fixture${req.url}`, init), message);
}

function pairs(rawHeaders) {
  return rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1]]] : []));
}

async function answerLegacy(req, res, message, sessions, world) {
  const id = req.headers['mcp-session-id'];
  let transport = sessions.get(id);
  if (id !== undefined && transport === undefined) {
    res.writeHead(404, { 'content-type': 'application/json' });
    res.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
    return;
  }
  if (transport === undefined) {
    const created = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, created),
      onsessionclosed: (session) => void sessions.delete(session),
    });
    transport = created;
    await createFixtureServer(world).connect(transport);
  }
  await transport.handleRequest(req, res, message);
}

// The fixture server over HTTP+SSE (MCP 2024-11-05), on the transport old servers still use, on a free port of 127.0.0.1.
import { createServer } from 'node:http';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { createFixtureServer, FixtureWorld } from './server.mjs';

export async function startFixtureSse() {
  const world = new FixtureWorld();
  const hits = [];
  const sessions = new Map();

  const handle = async (req, res) => {
    const url = new URL(req.url, 'http://fixture');
    hits.push({ method: req.method, path: url.pathname, rawHeaders: req.rawHeaders });
    if (req.method === 'GET' && url.pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', res);
      sessions.set(transport.sessionId, transport);
      res.on('close', () => sessions.delete(transport.sessionId));
      return createFixtureServer(world).connect(transport);
    }
    const transport = sessions.get(url.searchParams.get('sessionId'));
    if (req.method === 'POST' && transport !== undefined) return transport.handlePostMessage(req, res);
    res.writeHead(404).end('Session not found');
  };
  const server = createServer((req, res) => {
    handle(req, res).catch((error) => res.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${server.address().port}/sse`,
    world,
    hits,
    sessions: () => [...sessions.keys()],
    dropSessions: () => {
      for (const transport of sessions.values()) void transport.close();
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

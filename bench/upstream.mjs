// A minimal MCP server over node:http, both eras: what a call costs when nothing stands before it.
// Tools: `echo` gives back its message, `large` 100 KB of text.
import { createServer } from 'node:http';

const LARGE = result('x'.repeat(100_000));
const TOOLS = JSON.stringify({ tools: ['echo', 'large'].map((name) => ({ name, inputSchema: { type: 'object' } })) });
const DISCOVERED = JSON.stringify({
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  serverInfo: { name: 'bench', version: '1' },
});

function result(text) {
  return JSON.stringify({ content: [{ type: 'text', text }], isError: false });
}

function resultOf({ method, params }) {
  if (method === 'tools/call') return params.name === 'large' ? LARGE : result(`Echo: ${params.arguments.message}`);
  if (method === 'tools/list') return TOOLS;
  if (method === 'server/discover') return DISCOVERED;
  const { protocolVersion } = params ?? {};
  return JSON.stringify({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'bench', version: '1' } });
}

function answer(body, response) {
  const message = JSON.parse(body);
  if (message.id === undefined) return response.writeHead(202).end();
  const text = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${resultOf(message)}}`;
  const head = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  if (message.method === 'initialize') head['Mcp-Session-Id'] = `s-${process.hrtime.bigint()}`;
  return response.writeHead(200, head).end(text);
}

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': open\n\n');
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (request.method === 'DELETE') response.writeHead(204).end();
    else answer(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks), response);
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());

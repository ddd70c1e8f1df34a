// A minimal MCP server over node:http, both eras: what a call costs when nothing stands before it.
import { createServer } from 'node:http';
import { answerTo } from './results.mjs';

function answer(body, response) {
  const message = JSON.parse(body);
  if (message.id === undefined) return response.writeHead(202).end();
  const text = answerTo(message);
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

// The floor: the cheapest proxy that node:http and undici can make. It reads nothing, decides nothing and records nothing.
// Started with the port of the upstream.
import { createServer } from 'node:http';
import { Pool } from 'undici';

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
const HEADERS = ['accept', 'application/json, text/event-stream', 'content-type', 'application/json'];
const RELAYED = ['content-type', 'mcp-session-id'];

class Relay {
  constructor(response) {
    this.response = response;
    this.chunks = [];
  }
  onRequestStart() {}
  onResponseStart(_controller, status, headers) {
    this.status = status;
    this.headers = headers;
  }
  onResponseData(_controller, chunk) {
    this.chunks.push(chunk);
  }
  onResponseEnd() {
    const body = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
    const head = ['Content-Length', String(body.length)];
    for (const name of RELAYED) if (this.headers[name] !== undefined) head.push(name, this.headers[name]);
    this.response.writeHead(this.status, head).end(body);
  }
  onResponseError() {
    this.response.writeHead(502).end();
  }
}

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    pool.dispatch({ path: request.url, method: 'POST', headers: HEADERS, body }, new Relay(response));
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());

// A server for streams that last: `tick` says the time on the stream of its call every 200 ms for as long as it is told, `wait`
// says nothing until then, `ring` tells everybody who listens that the list of resources changed.
//   node server.mjs legacy|modern          over stdio
//   node server.mjs legacy|modern http     over HTTP; sends its port over IPC
import { createServer } from 'node:http';

const TICK_MS = 200;
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const [era, transport] = process.argv.slice(2);
const COMPLETE = era === 'modern' ? { resultType: 'complete' } : {};
const NAMES = {
  capabilities: { tools: {}, resources: { listChanged: true } },
  serverInfo: { name: 'soak', version: '1' },
};
const TOOLS = ['tick', 'wait', 'ring'].map((name) => ({ name, inputSchema: { type: 'object' } }));
/** What `ring` writes to: session streams of the older era, subscriptions of the modern one. */
const listeners = new Set();
const ticking = new Set();

const result = (id, value) => ({ jsonrpc: '2.0', id, result: { ...COMPLETE, ...value } });
const notification = (method, params) => ({ jsonrpc: '2.0', method, params });
const text = (words) => ({ content: [{ type: 'text', text: words }] });

function callTool({ id, params: { name, arguments: args, _meta } }, send) {
  if (name === 'ring') {
    for (const ring of listeners) ring();
    return send(result(id, text('rung')), true);
  }
  let progress = 0;
  const tick = (message) => {
    progress += 1;
    send(notification('notifications/progress', { progressToken: _meta.progressToken, progress, message }));
  };
  if (name === 'tick') ticking.add(tick);
  setTimeout(() => {
    ticking.delete(tick);
    send(result(id, text('over')), true);
  }, args.ms);
}

/** Everybody is told the same at the same moment, so that two clients can be held against each other. */
setInterval(() => {
  const message = String(process.hrtime.bigint());
  for (const tick of ticking) tick(message);
}, TICK_MS);

function listen({ id }, send, onClose) {
  const _meta = { [SUBSCRIPTION]: id };
  const notifications = { resourcesListChanged: true };
  send(notification('notifications/subscriptions/acknowledged', { notifications, _meta }));
  const ring = () => send(notification('notifications/resources/list_changed', { _meta }));
  listeners.add(ring);
  onClose(() => listeners.delete(ring));
}

function handle(message, send, onClose) {
  const { id, method, params } = message;
  if (method === 'tools/call') callTool(message, send);
  else if (method === 'subscriptions/listen') listen(message, send, onClose);
  else if (id === undefined) return;
  else if (method === 'initialize') send(result(id, { ...NAMES, protocolVersion: params.protocolVersion }), true);
  else send(result(id, { ...NAMES, supportedVersions: ['2026-07-28'], tools: TOOLS }), true);
}

function overStdio() {
  const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  if (era === 'legacy') listeners.add(() => send(notification('notifications/resources/list_changed')));
  let rest = '';
  process.stdin.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) handle(JSON.parse(line), send, () => {});
  });
  process.stdin.on('end', () => process.exit());
}

function overHttp() {
  const event = (message) => `data: ${JSON.stringify(message)}\n\n`;
  const openStream = (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  const post = (message, response) => {
    if (message.id === undefined) return response.writeHead(202).end();
    const isLong = message.method === 'subscriptions/listen' || ['tick', 'wait'].includes(message.params?.name);
    if (isLong) openStream(response);
    const session = message.method === 'initialize' ? { 'mcp-session-id': `s-${process.hrtime.bigint()}` } : {};
    const send = (value, isLast) => {
      if (isLong) response.write(event(value));
      else response.writeHead(200, { 'content-type': 'application/json', ...session }).end(JSON.stringify(value));
      if (isLong && isLast) response.end();
    };
    handle(message, send, (close) => response.on('close', close));
  };
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    if (request.method === 'GET') {
      const ring = () => response.write(event(notification('notifications/resources/list_changed')));
      openStream(response);
      listeners.add(ring);
      response.on('close', () => listeners.delete(ring));
    } else if (request.method === 'DELETE') response.writeHead(204).end();
    else {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      request.on('end', () => post(JSON.parse(body), response));
    }
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.send({ port: server.address().port }));
  process.on('disconnect', () => process.exit());
}

if (transport === 'http') overHttp();
else overStdio();

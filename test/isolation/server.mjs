// The server all the clients share: as little work as a server can do, and answers in an order that nobody can foresee.
//   node server.mjs legacy|modern          over stdio
//   node server.mjs legacy|modern http     over HTTP; prints its port
// Tools: `say` repeats words in `turns` progress notifications and in its answer, `hold` does so once and never answers,
// `touch` tells who subscribed that a resource changed, `held` says how many calls are on hold.
import { createServer } from 'node:http';

const [era, transport] = process.argv.slice(2);
const MODERN = '2026-07-28';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const COMPLETE = era === 'modern' ? { resultType: 'complete' } : {};
const NAMES = {
  serverInfo: { name: 'shared', version: '1' },
  capabilities: { tools: {}, resources: { subscribe: true } },
};
const TOOLS = ['say', 'hold', 'touch', 'held'].map((name) => ({ name, inputSchema: { type: 'object' } }));

/** Calls that have something left to say, in no order. */
const talking = [];
/** Calls on hold, by the connection they came on and their id. */
const held = new Map();
/** Open `subscriptions/listen` requests: `{ id, send, uris }`. */
const listening = new Set();
/** Legacy: the URIs each connection subscribed to. */
const subscribed = new Map();
let isScheduled = false;

const message = (value) => ({ jsonrpc: '2.0', ...value });
const notification = (method, params) => message({ method, params });
const text = (value) => ({ ...COMPLETE, content: [{ type: 'text', text: value }] });

/** Lets calls say their next word, drawn at random, until none has any left. */
function talk() {
  isScheduled = false;
  for (let left = talking.length; left > 0; left--) {
    const at = Math.floor(Math.random() * talking.length);
    const call = talking[at];
    if (call.turns > 0) {
      call.turns -= 1;
      call.said += 1;
      const params = { progressToken: call.token, progress: call.said, message: call.words };
      call.send(notification('notifications/progress', params));
      continue;
    }
    talking[at] = talking.at(-1);
    talking.pop();
    call.send(message({ id: call.id, result: text(call.words) }), true);
  }
  schedule();
}

function schedule() {
  if (isScheduled || talking.length === 0) return;
  isScheduled = true;
  setImmediate(talk);
}

function touch(uri) {
  for (const { id, send, uris } of listening) {
    if (uris.has(uri)) send(notification('notifications/resources/updated', { uri, _meta: { [SUBSCRIPTION]: id } }));
  }
  for (const [{ tell }, uris] of subscribed) {
    if (uris.has(uri)) tell(notification('notifications/resources/updated', { uri }));
  }
}

const tools = {
  say({ id, token, words, turns }, _, send) {
    talking.push({ id, token, words, turns, said: 0, send });
    schedule();
  },
  hold({ id, token, words }, connection, send) {
    held.set(`${connection.name} ${id}`, send);
    send(notification('notifications/progress', { progressToken: token, progress: 1, message: words }));
  },
  touch({ id, words, uri }, connection, send) {
    touch(uri);
    // Nobody asked for any of these: they must reach nobody.
    connection.tell(notification('notifications/message', { level: 'info', data: words }));
    send(message({ id, result: text(words) }), true);
  },
  held: ({ id }, _, send) => send(message({ id, result: text(String(held.size)) }), true),
};

const methods = {
  initialize: ({ id, params }, _, send) =>
    send(message({ id, result: { ...NAMES, protocolVersion: params.protocolVersion } }), true),
  'server/discover': ({ id }, _, send) =>
    send(message({ id, result: { ...COMPLETE, ...NAMES, supportedVersions: [MODERN] } }), true),
  'tools/list': ({ id }, _, send) => send(message({ id, result: { ...COMPLETE, tools: TOOLS } }), true),
  'tools/call'({ id, params }, connection, send) {
    const call = { id, token: params._meta?.progressToken, ...params.arguments };
    tools[params.name](call, connection, send);
  },
  'resources/subscribe'({ id, params }, connection, send) {
    subscribed.set(connection, (subscribed.get(connection) ?? new Set()).add(params.uri));
    send(message({ id, result: {} }), true);
  },
  'resources/unsubscribe'({ id, params }, connection, send) {
    subscribed.get(connection)?.delete(params.uri);
    send(message({ id, result: {} }), true);
  },
  'subscriptions/listen'({ id, params }, connection, send) {
    const uris = new Set(params.notifications.resourceSubscriptions ?? []);
    const subscription = { id, send, uris };
    listening.add(subscription);
    connection.onCancel.set(id, () => listening.delete(subscription));
    const notifications = { resourceSubscriptions: [...uris] };
    const params_ = { notifications, _meta: { [SUBSCRIPTION]: id } };
    send(notification('notifications/subscriptions/acknowledged', params_));
  },
  'notifications/cancelled': ({ params }, connection) => cancel(connection, params.requestId),
};

function cancel(connection, id) {
  connection.onCancel.get(id)?.();
  connection.onCancel.delete(id);
  held.delete(`${connection.name} ${id}`);
}

/** @param send `(message, isLast)`: to whoever asked */
function handle(received, connection, send) {
  const method = methods[received.method];
  if (method !== undefined) method(received, connection, send);
  else if (received.id !== undefined)
    send(message({ id: received.id, error: { code: -32601, message: 'unknown' } }), true);
}

const connectionOf = (name, tell) => ({ name, tell, onCancel: new Map() });

function overStdio() {
  let out = '';
  const flush = () => {
    process.stdout.write(out);
    out = '';
  };
  const send = (value) => {
    if (out === '') process.nextTick(flush);
    out += `${JSON.stringify(value)}\n`;
  };
  const connection = connectionOf('stdio', send);
  let rest = '';
  process.stdin.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) handle(JSON.parse(line), connection, send);
  });
  process.stdin.on('end', () => process.exit());
}

function overHttp() {
  /** Legacy sessions by id; the modern era has one connection that lives as long as the server. */
  const sessions = new Map();
  let opened = 0;
  const everybody = connectionOf('modern', () => {});

  const post = (received, request, response) => {
    let connection = era === 'modern' ? everybody : sessions.get(request.headers['mcp-session-id']);
    const headers = { 'content-type': 'application/json' };
    if (received.method === 'initialize') {
      const name = `session-${++opened}`;
      connection = connectionOf(name, (value) => connection.stream?.write(`data: ${JSON.stringify(value)}\n\n`));
      sessions.set(name, connection);
      headers['mcp-session-id'] = name;
    }
    if (connection === undefined) return response.writeHead(404).end();
    if (received.id === undefined) response.writeHead(202).end();
    const isStream = () => response.headersSent;
    handle(received, connection, (value, isLast = false) => {
      const json = JSON.stringify(value);
      if (isLast && !isStream()) return response.writeHead(200, headers).end(json);
      if (!isStream()) response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
      response.write(`data: ${json}\n\n`);
      if (isLast) response.end();
    });
    // On the modern era a closed stream is a cancelled call.
    if (era === 'modern') response.on('close', () => cancel(connection, received.id));
  };

  const server = createServer((request, response) => {
    const session = sessions.get(request.headers['mcp-session-id']);
    if (request.method === 'GET' && session !== undefined) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      session.stream = response;
    } else if (request.method === 'DELETE') {
      subscribed.delete(session);
      for (const key of held.keys()) if (key.startsWith(`${session?.name} `)) held.delete(key);
      response.writeHead(200).end();
    } else if (request.method === 'POST') {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      request.on('end', () => post(JSON.parse(body), request, response));
    } else response.writeHead(405).end();
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
}

if (transport === 'http') overHttp();
else overStdio();

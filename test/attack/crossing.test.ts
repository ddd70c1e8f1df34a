import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { type RawAnswer, sendRaw } from '../support/raw.ts';
import { answer, json, type Received, rpcError, type Script, ScriptedHttp } from '../support/scripted-http.ts';
import { freshToken } from './ground.ts';
import {
  bytesOf,
  get,
  type Headers,
  initializeMessage,
  legacy,
  legacyCall,
  modernCall,
  post,
  type Request,
  read,
  vary,
} from './requests.ts';

/** In every header that must stay on its side of the gateway. */
const MARK = 'never-crosses';
const token = freshToken();

let server: ScriptedHttp;
let gateway: Gateway;
beforeAll(async () => {
  server = await ScriptedHttp.start();
  const limits = { response_bytes: 1_000_000 };
  const of = (id: string, era: string) => ({ id, era, transport: 'streamable-http', url: server.url, limits });
  gateway = await startGateway({
    config: {
      // The hostile client is on this machine, where proxies are believed unless it is said.
      server: { trust_proxy: false },
      auth: { methods: [{ type: 'token', tokens: [{ name: 'user', token }] }] },
      mcps: [of('modern', 'modern'), of('legacy', 'legacy')],
    },
  });
});
afterAll(async () => {
  await gateway.stop();
  await server.stop();
});
beforeEach(() => {
  server.received.length = 0;
  server.otherwise = sound;
  server.onGet = (_, response) => response.writeHead(405).end();
});

/** Answers everything, the introduction of the older revisions included. */
const sound: Script = (request, response) => {
  const { id, method } = request.rpc;
  if (id === undefined) return void response.writeHead(202).end();
  const result =
    method === 'initialize'
      ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } }
      : { content: [], resultType: 'complete' };
  const headers = { 'content-type': 'application/json', 'mcp-session-id': 'session-of-the-server' };
  response.writeHead(200, headers).end(answer(request, result));
};

const send = (request: Request): Promise<RawAnswer> => sendRaw(gateway.url, bytesOf(request));

/** Of one connection (RFC 9110, section 7.6.1), or named as such by the client. */
const HOP_BY_HOP: Headers = {
  connection: 'keep-alive, X-Named, Mcp-Name',
  'x-named': MARK,
  'keep-alive': MARK,
  te: `trailers, ${MARK}`,
  trailer: MARK,
  'proxy-connection': MARK,
  'proxy-authorization': `Basic ${MARK}`,
  'proxy-authenticate': MARK,
  'http2-settings': MARK,
};
/** What proxies say of the client they serve. */
const FORWARDING: Headers = Object.fromEntries(
  [
    'forwarded',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-port',
    'x-forwarded-prefix',
    'x-forwarded-server',
    'x-original-url',
    'x-rewrite-url',
    'x-original-forwarded-for',
    'x-real-ip',
    'x-client-ip',
    'x-cluster-client-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'fastly-client-ip',
  ].map((name) => [name, MARK]),
);
/** What authenticating proxies say of the user, and what browsers carry for one. */
const IDENTITY: Headers = Object.fromEntries(
  [
    'x-user',
    'x-user-id',
    'x-auth-user',
    'x-auth-token',
    'x-auth-request-user',
    'x-auth-request-email',
    'x-authenticated-user',
    'x-forwarded-user',
    'x-forwarded-email',
    'x-forwarded-groups',
    'x-forwarded-access-token',
    'x-remote-user',
    'remote-user',
    'x-webauth-user',
    'x-api-key',
    'x-principal',
    'x-sallyport-principal',
    'x-forwarded-client-cert',
    'cookie',
  ].map((name) => [name, MARK]),
);
const OTHERS: Headers = {
  'user-agent': MARK,
  referer: `https://${MARK}.example/`,
  'accept-language': MARK,
  'x-request-id': MARK,
  traceparent: MARK,
  'x-http-method-override': 'DELETE',
  'accept-encoding': 'gzip, deflate, br',
  'if-none-match': MARK,
  range: 'bytes=0-1',
  priority: MARK,
};

/** All a server may ever see in the head of a request. */
const SAID_TO_SERVERS = new Set([
  'host',
  'connection',
  'accept',
  'accept-encoding',
  'content-type',
  'content-length',
  'user-agent',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
]);

function expectNothingCrossed(requests: readonly Received[]): void {
  for (const { headers, body } of requests) {
    expect(Object.keys(headers).filter((name) => !SAID_TO_SERVERS.has(name))).toEqual([]);
    const head = JSON.stringify(headers);
    expect(head).not.toContain(MARK);
    expect(head).not.toContain(token);
    expect(body).not.toContain(MARK);
    expect(headers['accept-encoding']).toBe('identity');
  }
}

describe('of the headers of a client', () => {
  it.each([
    ['that belong to its connection', HOP_BY_HOP],
    ['that say where it comes from', FORWARDING],
    ['that say who it is', IDENTITY],
    ['of any other kind', OTHERS],
  ])('none %s reaches the server', async (_, headers) => {
    const answered = await send(modernCall('/mcp/modern', token, { headers }));
    expect(answered.status).toBe(200);
    const calls = server.of('tools/call');
    expect(calls).toHaveLength(1);
    expect(calls[0]?.headers['mcp-name'], 'what the gateway itself says is there').toBe('echo');
    expectNothingCrossed(server.received);
  });

  it('none reaches the server in a session, on any verb', async () => {
    const hostile = { headers: { ...HOP_BY_HOP, ...FORWARDING, ...IDENTITY, ...OTHERS } };
    const opened = await send(post('/mcp/legacy', token, initializeMessage(), hostile));
    expect(opened.status).toBe(200);
    const session = opened.headers.get('mcp-session-id')?.[0] as string;
    const say = (message: unknown) => send(vary(legacy('/mcp/legacy', token, session, message), hostile));
    expect((await say({ jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(202);
    expect((await say(legacyCall())).status).toBe(200);
    const end = { ...get('/mcp/legacy', token), method: 'DELETE' };
    const named = vary(vary(end, hostile), { headers: { 'mcp-session-id': session } });
    expect((await send(named)).status).toBe(204);
    expect(server.of('tools/call')).toHaveLength(1);
    expectNothingCrossed(server.received);
    // The session a client knows is not the one the server gave.
    expect(JSON.stringify(server.received.map(({ headers }) => headers))).not.toContain(session);
  });

  it('none becomes the address or the name of the caller in the record', async () => {
    const headers = { ...FORWARDING, ...IDENTITY, 'x-forwarded-for': '203.0.113.9', 'x-request-id': 'spoofing-caller' };
    expect((await send(modernCall('/mcp/modern', token, { headers }))).status).toBe(200);
    const row = await gateway.audited(({ request_id }) => request_id === 'spoofing-caller', 'the call');
    expect(row).toMatchObject({ peer: '127.0.0.1', client: '127.0.0.1', principal_name: 'user' });
    expect(JSON.stringify(row)).not.toMatch(/203\.0\.113\.9|never-crosses/);
  });
});

/** What a server says that is between it and the gateway, or would be taken for the gateway's own word. */
const FROM_SERVER = {
  'keep-alive': `timeout=5, x=${MARK}`,
  'x-named': MARK,
  'proxy-authenticate': MARK,
  'proxy-authentication-info': MARK,
  trailer: MARK,
  'set-cookie': [`a=${MARK}`, `b=${MARK}`],
  'www-authenticate': `Bearer realm="${MARK}"`,
  'authentication-info': MARK,
  server: MARK,
  via: MARK,
  'x-powered-by': MARK,
  'alt-svc': MARK,
  location: `https://${MARK}.example/`,
  'access-control-allow-origin': '*',
  'access-control-allow-credentials': 'true',
  'strict-transport-security': 'max-age=0',
  'content-security-policy': `default-src ${MARK}`,
  'x-frame-options': MARK,
  'permissions-policy': MARK,
  vary: MARK,
  'cache-control': 'public, max-age=99999',
  'clear-site-data': '"cookies"',
  etag: `"${MARK}"`,
  link: `<https://${MARK}.example>; rel=preload`,
  refresh: `0; url=https://${MARK}.example`,
  'retry-after': MARK,
  'x-request-id': MARK,
  'mcp-session-id': MARK,
};

/** All a client may ever see in the head of an answer. */
const SAID_TO_CLIENTS = new Set([
  'cache-control',
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'date',
  'keep-alive',
  'mcp-session-id',
  'permissions-policy',
  'referrer-policy',
  'retry-after',
  'transfer-encoding',
  'vary',
  'x-accel-buffering',
  'x-content-type-options',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-frame-options',
  'x-permitted-cross-domain-policies',
  'x-request-id',
  'x-xss-protection',
]);

const whole = (type: string, wrap: (text: string) => string): Script => {
  return (request, response) => {
    const text = answer(request, { content: [], resultType: 'complete' });
    head(response, 200, type);
    response.write(wrap(text));
    response.addTrailers({ 'x-trailing': MARK, 'set-cookie': MARK });
    response.end();
  };
};
function head(response: ServerResponse, status: number, type: string): void {
  response.writeHead(status, { ...FROM_SERVER, connection: 'keep-alive, X-Named', 'content-type': type });
}
const refusing = (status: number): Script => {
  return (request, response) => {
    head(response, status, 'application/json');
    response.end(JSON.stringify(rpcError(-32603, MARK)(request)));
  };
};

describe('of the headers of a server', () => {
  it.each([
    ['a whole answer', whole('application/json', (text) => text), 200],
    ['a whole stream', whole('text/event-stream', (text) => `event: message\ndata: ${text}\n\n`), 200],
    ['a refused credential', refusing(401), 502],
    ['a forbidden call', refusing(403), 502],
    ['a redirect', refusing(307), 502],
    ['a proxy that wants a credential', json(407, () => ({})), 502],
    ['an error under a status of its own', refusing(503), 503],
  ])('none of %s reaches the client', async (what, script, status) => {
    server.next(script);
    const answered = await send(modernCall('/mcp/modern', token));
    expect(answered.status).toBe(status);
    const isResult = read(answered).json?.result !== undefined;
    expect(isResult, 'the script of an answer gave one').toBe(what.startsWith('a whole '));
    expect([...answered.headers.keys()].filter((name) => !SAID_TO_CLIENTS.has(name))).toEqual([]);
    const text = answered.bytes.toString('latin1');
    expect(text.slice(0, text.indexOf('\r\n\r\n'))).not.toContain(MARK);
    expect(text, 'trailers').not.toContain('x-trailing');
    expect(answered.headers.get('cache-control')?.[0]).not.toContain('public');
    expect(answered.headers.get('mcp-session-id')).toBeUndefined();
  });

  it('none of an opened session reaches the client, and its id is ours', async () => {
    server.otherwise = (request, response) => {
      if (request.rpc.method === 'initialize')
        for (const [name, value] of Object.entries(FROM_SERVER)) response.setHeader(name, value);
      sound(request, response);
    };
    const opened = await send(post('/mcp/legacy', token, initializeMessage()));
    expect(opened.status).toBe(200);
    expect([...opened.headers.keys()].filter((name) => !SAID_TO_CLIENTS.has(name))).toEqual([]);
    expect(opened.headers.get('mcp-session-id')?.[0]).toMatch(/^[\w-]{32,}$/);
    expect(opened.bytes.toString()).not.toMatch(/never-crosses|session-of-the-server/);
  });
});

/** The most memory the gateway has had since it was started, in MiB (proc(5)). */
function peakMemory(): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

describe('a server that compresses, which nobody asked for,', () => {
  const SPACES = Buffer.alloc(10_000_000, ' ');
  const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  const member = gzipSync(SPACES);
  /** A gigabyte in a megabyte: the format lets members follow each other. */
  const gigabyte = Buffer.concat(Array.from({ length: 100 }, () => member));
  const coded = (coding: string, type: string, body: (request: Received) => Buffer): Script => {
    return (request, response) =>
      response.writeHead(200, { 'content-type': type, 'content-encoding': coding }).end(body(request));
  };
  const result = (request: Received) => answer(request, { content: [], resultType: 'complete' });

  it.each([
    ['gzip', 'application/json', () => gigabyte],
    ['gzip', 'text/event-stream', () => Buffer.concat([gzipSync('data: '), gigabyte])],
    ['br', 'application/json', () => brotliCompressSync(SPACES, FAST)],
    ['deflate', 'application/json', () => deflateSync(SPACES)],
  ])('cannot make the gateway hold more than an answer may have (%s, %s)', async (coding, type, bomb) => {
    const before = peakMemory();
    server.next(coded(coding, type, bomb));
    const refused = await send(modernCall('/mcp/modern', token));
    expect(read(refused).code).toBe(50205);
    expect(peakMemory() - before, 'MiB').toBeLessThan(64);
    // The twin: the same kind of answer within the limit, whole and as it was.
    server.next(coded('gzip', 'application/json', (request) => gzipSync(result(request))));
    const passed = await send(modernCall('/mcp/modern', token, { headers: { 'accept-encoding': 'gzip, br' } }));
    expect(read(passed).json).toEqual({ jsonrpc: '2.0', id: 1, result: { content: [], resultType: 'complete' } });
    expect(passed.headers.get('content-encoding'), 'never compressed by us').toBeUndefined();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawAnswer } from '../support/raw.ts';
import { Ground, TOKENS } from './ground.ts';
import { expectSafe } from './prove.ts';
import {
  bytesOf,
  callMessage,
  get,
  initializeMessage,
  legacy,
  legacyCall,
  modern,
  modernCall,
  modernMessage,
  post,
  type Request,
  read,
  vary,
} from './requests.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open({
    settings: {
      security: {
        cors: { allowed_origins: ['https://app.example.com'] },
        headers: { permissions_policy: 'usb=()', x_download_options: '', x_frame_options: 'SAMEORIGIN' },
      },
      server: { limits: { body_bytes: 100_000 } },
    },
    servers: {
      open: {},
      ruled: { tools: { allow: ['echo'] } },
      dead: { url: 'http://127.0.0.1:9/mcp', era: 'modern' },
      old: { era: 'legacy' },
    },
  });
});
afterAll(() => ground.close());

const OWN = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'SAMEORIGIN',
  'permissions-policy': 'usb=()',
  'x-xss-protection': '0',
  'x-dns-prefetch-control': 'off',
  'x-permitted-cross-domain-policies': 'none',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store, no-transform',
};
const NEVER = ['server', 'x-powered-by', 'via', 'x-download-options', 'strict-transport-security', 'set-cookie'];

/** Each header once, with its value; none that was taken out, names software, or belongs to TLS only. */
function expectHeaders({ headers }: RawAnswer): void {
  for (const [name, value] of Object.entries(OWN)) expect(headers.get(name), name).toEqual([value]);
  for (const name of NEVER) expect(headers.get(name), name).toBeUndefined();
  expect(headers.get('vary'), 'vary').toContain('Origin');
  expect(headers.get('x-request-id')).toEqual([expect.stringMatching(/^[A-Za-z0-9._-]{1,128}$/)]);
}

const { user } = TOKENS;
const call = (headers: Request['headers'] = {}): Request => modernCall('/mcp/open', user, { headers });
const message = (value: unknown): Request => post('/mcp/open', user, value);
const raw = (line: string): string => `${line}\r\nHost: 127.0.0.1\r\n\r\n`;

/** Reports progress before it answers, so that it is answered as a stream. */
const SLOW = callMessage('slow_progress', { steps: 2, interval_ms: 1 });
Object.assign(SLOW.params?._meta as object, { progressToken: 'p' });

describe('an answer that is no error carries the configured headers', () => {
  it.each<[string, Request, number]>([
    ['a probe', get('/healthz', undefined), 200],
    ['a probe asked with HEAD', get('/readyz', undefined, { method: 'HEAD', headers: { connection: 'close' } }), 200],
    ['health', get('/health', user), 200],
    ['the list of servers', get('/mcp/servers', user), 200],
    ['a call', call(), 200],
    ['an event stream', modern('/mcp/open', user, SLOW), 200],
    ['a session', post('/mcp/open', user, initializeMessage()), 200],
    [
      'a preflight',
      get('/mcp/open', undefined, {
        method: 'OPTIONS',
        headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
      }),
      204,
    ],
  ])('%s', async (_, request, status) => {
    const answer = await ground.send(request);
    expect(answer.status).toBe(status);
    expectHeaders(answer);
  });
});

type Kind = readonly [kind: string, sent: Request | string, status: number];

const UNKNOWN_SESSION = legacy('/mcp/open', user, 'f'.repeat(32), legacyCall());
const KINDS: readonly Kind[] = [
  ...['/nowhere', '/favicon.ico', '/admin', '/.env', '/.well-known/nothing', '/mcp.json'].map(
    (path): Kind => [`a path that does not exist: ${path}`, get(path, user), 404],
  ),
  ...['/mcp/nope', '/mcp', '/mcp/open/', '/mcp/__proto__'].map(
    (path): Kind => [`no server: ${path}`, modernCall(path, user), 404],
  ),
  ...['/a/../mcp', '/%2e%2e/etc/passwd', '/mcp//open', '/mcp;x', 'nothing', '/mcp#x'].map(
    (target): Kind => [`a target that is ambiguous: ${target}`, get(target, user), 400],
  ),
  ...['PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'TRACK', 'DEBUG', 'post'].map(
    (method): Kind => [`the verb ${method}`, get('/mcp/open', user, { method }), 405],
  ),
  ['a tunnel', raw('CONNECT 127.0.0.1:22 HTTP/1.1'), 405],
  ['no HTTP', 'NONSENSE\r\n\r\n', 400],
  ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
  ['no version', raw('GET /mcp/open'), 400],
  ['a header without a name', raw('GET /mcp/open HTTP/1.1\r\n: x'), 400],
  ['a header with a NUL', raw('GET /mcp/open HTTP/1.1\r\nA: \x00'), 400],
  ['two hosts', raw('GET /mcp/open HTTP/1.1\r\nHost: evil'), 400],
  ['no host', 'GET /mcp/open HTTP/1.1\r\n\r\n', 400],
  ['a foreign host', get('/mcp/open', user, { headers: { host: 'evil.example' } }), 403],
  ['a foreign page', call({ origin: 'https://evil.example' }), 403],
  ['a head that is too large', call({ 'x-pad': 'x'.repeat(20_000) }), 431],
  ['too many headers', call(Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x-${i}`, '1']))), 431],
  ['two lengths', call({ 'content-length': ['5', '6'] }), 400],
  ['a coding nobody knows', call({ 'transfer-encoding': 'xchunked' }), 501],
  ['no credential', modernCall('/mcp/open', undefined), 401],
  ['a wrong credential', modernCall('/mcp/open', 'wrong'), 401],
  ['an expired credential', modernCall('/mcp/open', TOKENS.expired), 401],
  ['another scheme', call({ authorization: 'Basic YTpi' }), 401],
  ['two credentials', call({ authorization: [`Bearer ${user}`, `Bearer ${user}`] }), 400],
  ['no role', modernCall('/mcp/open', TOKENS.roleless), 403],
  ['a server out of reach', modernCall('/mcp/ruled', TOKENS.scoped), 404],
  ['a body that is too large', post('/mcp/open', user, 'x'.repeat(100_001)), 413],
  ['a body that is no JSON', message('{'), 400],
  ['an empty body', message(''), 400],
  ['a body that is no message', message([]), 400],
  ['a message without a version', message({ id: 1, method: 'tools/list' }), 400],
  ['a duplicated key', message('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'), 400],
  ['JSON without end', message(`${'['.repeat(5_000)}`), 400],
  ['the wrong type', call({ 'content-type': 'text/plain' }), 415],
  ['a form', call({ 'content-type': 'application/x-www-form-urlencoded' }), 415],
  ['a compressed body', call({ 'content-encoding': 'gzip' }), 415],
  ['no type it could be answered in', call({ accept: 'text/html' }), 406],
  ['an expectation nobody meets', call({ expect: 'a-miracle' }), 417],
  ['an unknown method', modern('/mcp/open', user, modernMessage('tools/destroy')), 404],
  ['an unknown revision', call({ 'mcp-protocol-version': '1999-01-01' }), 400],
  ['header and body that disagree', call({ 'mcp-name': 'add' }), 400],
  ['a session that does not exist', UNKNOWN_SESSION, 404],
  ['a session nobody opened', legacy('/mcp/open', user, undefined, legacyCall()), 400],
  ['an end without a session', get('/mcp/open', user, { method: 'DELETE' }), 400],
  ['a server that is down', modernCall('/mcp/dead', user), 502],
];

describe('an error', () => {
  it('comes in fifty kinds and more', () => {
    expect(new Set(KINDS.map(([kind]) => kind)).size).toBe(KINDS.length);
    expect(KINDS.length).toBeGreaterThanOrEqual(50);
  });

  it.each(KINDS)('says what is wrong as JSON, and nothing of the inside: %s', async (_, sent, status) => {
    const answer = await ground.send(typeof sent === 'string' ? Buffer.from(sent, 'latin1') : bytesOf(sent));
    expect(answer.status, answer.body.toString()).toBe(status);
    expectSafe(answer, ground);
    expectHeaders(answer);
    const { decisionId, json } = read(answer);
    expect(decisionId, 'what joins it to the record').toMatch(/^[A-Za-z0-9._-]+$/);
    expect(json).toHaveProperty('error');
    expect(answer.headers.get('content-length')).toEqual([String(answer.body.length)]);
    if (status === 405) expect(answer.headers.get('allow')?.[0]).toContain('GET');
    if (status === 401) expect(answer.headers.get('www-authenticate')?.[0]).toMatch(/^Bearer\b/);
    expect(answer.bytes.toString('latin1')).not.toMatch(/\/etc\/passwd|127\.0\.0\.1:9\b|ECONN|EAI_|sallyport|node/i);
  });

  it('has no body where HEAD was asked, and the same headers', async () => {
    const answer = await ground.send(get('/nowhere', undefined, { method: 'HEAD', headers: { connection: 'close' } }));
    expect([answer.status, answer.body.length]).toEqual([404, 0]);
    expectHeaders(answer);
  });
});

describe('a request id of the client', () => {
  it.each([
    ['an encoded line break', 'a%0d%0aSet-Cookie: b=c'],
    ['ten kilobytes', 'x'.repeat(10_240)],
    ['a script', '<script>alert(1)</script>'],
    ['JSON', '{"id":1}'],
    ['nothing', ''],
  ])('is replaced when it is %s', async (_, id) => {
    const mark = await ground.mark();
    const answer = await ground.send(vary(modernCall('/mcp/open', undefined), { headers: { 'x-request-id': id } }));
    expect(answer.status).toBe(401);
    expectHeaders(answer);
    expect(answer.headers.get('set-cookie')).toBeUndefined();
    const [own] = answer.headers.get('x-request-id') as readonly string[];
    expect(own).not.toBe(id);
    const rows = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(rows).toMatchObject([{ request_id: own, client_request_id: id.slice(0, 128) }]);
  });

  it('is kept when it is one', async () => {
    const answer = await ground.send(call({ 'x-request-id': 'Trace_1.a-b' }));
    expect(answer.headers.get('x-request-id')).toEqual(['Trace_1.a-b']);
  });
});

describe('Strict-Transport-Security', () => {
  const behind = (proto: string, target = '/healthz'): Request =>
    get(target, undefined, { headers: { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': proto } });

  it('is sent where a trusted proxy says the client came by TLS, with refusals too', async () => {
    for (const target of ['/healthz', '/nowhere', '/mcp/servers']) {
      const { headers } = await ground.send(behind('https', target));
      expect(headers.get('strict-transport-security')).toEqual(['max-age=31536000; includeSubDomains']);
    }
  });

  it.each(['http', 'HTTPS, http', 'wss', ''])('is not sent where it says %j', async (proto) => {
    expect((await ground.send(behind(proto))).headers.get('strict-transport-security')).toBeUndefined();
  });
});

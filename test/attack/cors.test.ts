import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawAnswer } from '../support/raw.ts';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import { get, type Headers, modernCall, post, type Request, vary } from './requests.ts';

const APP = 'https://app.example';
const SHOP = 'https://shop.example.com';

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open({
    settings: {
      security: {
        cors: {
          allowed_origins: [APP, 'https://*.example.com'],
          allow_credentials: true,
          allowed_headers: ['X-Custom'],
          max_age: 600,
        },
      },
      server: { limits: { body_bytes: 100_000 } },
    },
    servers: {
      open: {},
      ruled: { security: { cors: { allowed_origins: [SHOP, 'https://other.example'] } } },
      dead: { url: 'http://127.0.0.1:9/mcp', era: 'modern' },
    },
  });
});
afterAll(() => ground.close());

const call = (headers: Headers, target = '/mcp/open'): Request => modernCall(target, TOKENS.user, { headers });

/** As a browser asks: no credential. */
function preflight(origin: string, headers: Headers = {}, target = '/mcp/open'): Request {
  const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
  return get(target, undefined, { method: 'OPTIONS', headers: { origin, ...asked, ...headers } });
}

const corsOf = ({ headers }: RawAnswer): string[] =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

function expectVary(answer: RawAnswer): void {
  expect(answer.headers.get('vary')).toContain('Origin');
}

const STRANGERS: readonly (readonly [string, string])[] = [
  ['another site', 'https://evil.example'],
  ['a site that begins like the allowed one', 'https://app.example.com.evil.example'],
  ['a site that ends like the allowed one', 'https://evilapp.example'],
  ['another port', 'https://app.example:8443'],
  ['the default port written out', 'https://app.example:443'],
  ['the same site without encryption', 'http://app.example'],
  ['upper case', 'https://APP.example'],
  ['a dot at the end', 'https://app.example.'],
  ['no top-level domain', 'https://app-example'],
  ['a user name', 'https://app.example@evil.example'],
  ['a path', 'https://app.example/'],
  ['two origins', `${APP} https://evil.example`],
  ['the apex below a wildcard', 'https://example.com'],
  ['a name that only ends like the wildcard', 'https://evilexample.com'],
  ['the wildcard without encryption', 'http://shop.example.com'],
  ['the wildcard on another port', 'https://shop.example.com:8443'],
  ['the wildcard itself', 'https://*.example.com'],
  ['the null origin of a sandbox', 'null'],
  ['nothing', ''],
];

const refusedOrigin = { status: 403, error: 'origin_not_allowed', closes: true } as const;

describe('an origin that may not call', () => {
  const unmarked = (answer: RawAnswer): void => {
    expect(corsOf(answer)).toEqual([]);
    expectVary(answer);
  };
  const audit = { policy: 'host-origin', reason: 'origin.not-allowed', rule: 'security.cors.allowed_origins' };

  prove(
    () => ground,
    STRANGERS.map(
      ([name, origin]): Attack => ({
        ...refusedOrigin,
        name: `the call of ${name}`,
        send: call({ origin }),
        audit: { ...audit, detail: origin },
        twin: call({ origin: name.includes('wildcard') ? SHOP : APP }),
        also: unmarked,
      }),
    ),
  );

  prove(
    () => ground,
    ['https://evil.example', 'https://evilapp.example', 'https://example.com', 'null'].map(
      (origin): Attack => ({
        ...refusedOrigin,
        name: `the preflight of ${origin}`,
        send: preflight(origin),
        audit: { ...audit, detail: origin },
        twin: preflight(APP),
        twinStatus: 204,
        twinHits: 0,
        also: unmarked,
      }),
    ),
  );

  prove(
    () => ground,
    [
      {
        ...refusedOrigin,
        name: 'a page the gateway lets in and the server does not',
        send: call({ origin: APP }, '/mcp/ruled'),
        audit: { reason: 'origin.not-allowed', rule: 'security.cors.allowed_origins of the server ruled' },
        twin: call({ origin: SHOP }, '/mcp/ruled'),
      },
      {
        ...refusedOrigin,
        name: 'a page the server would let in and the gateway does not',
        send: call({ origin: 'https://other.example' }, '/mcp/ruled'),
        audit: { reason: 'origin.not-allowed', rule: 'security.cors.allowed_origins' },
        twin: call({ origin: SHOP }, '/mcp/ruled'),
      },
      {
        ...refusedOrigin,
        name: 'an event stream of 2024-11-05 for a foreign page',
        send: get('/mcp/open/sse', TOKENS.user, {
          headers: { origin: 'https://evil.example', accept: 'text/event-stream', cookie: 'session=1' },
        }),
        audit: { policy: 'host-origin', route: '/mcp/open/sse' },
        twin: call({ origin: APP, cookie: 'session=1' }),
      },
      {
        name: 'a WebSocket for a foreign page',
        send: get('/mcp/open', TOKENS.user, {
          headers: { origin: 'https://evil.example', connection: 'upgrade', upgrade: 'websocket' },
        }),
        status: 400,
        error: 'malformed_request',
        closes: true,
        audit: { policy: 'routes' },
        twin: call({ origin: APP }),
      },
      {
        name: 'a rebound name, though its page is of the same name',
        send: call({ host: 'evil.example:3000', origin: 'http://evil.example:3000' }),
        status: 403,
        error: 'host_not_allowed',
        audit: { policy: 'host-origin', reason: 'host.not-served' },
        closes: true,
        twin: call({ origin: APP }),
      },
      {
        name: 'a form that needs no preflight, with a cookie',
        send: post('/mcp/open', TOKENS.user, '{"jsonrpc":"2.0","id":1,"method":"tools/call"}', {
          headers: { origin: APP, 'content-type': 'text/plain', cookie: 'session=1' },
        }),
        status: 415,
        code: 41_501,
        audit: { policy: 'parse', reason: 'body.content-type' },
        twin: call({ origin: APP }),
      },
    ],
  );

  it('is explained in the log, ten lines a minute at most', () => {
    const lines = ground.gateway
      .stderr()
      .split('\n')
      .filter((line) => line.includes('CORS policy blocked request'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(20);
    const [first] = lines;
    for (const part of ['https://evil.example', 'origin.not-allowed', 'security.cors.allowed_origins']) {
      expect(first).toContain(part);
    }
  });
});

describe('a preflight', () => {
  it.each([
    APP,
    SHOP,
    'https://a.b.example.com',
  ])('of %s is granted without a credential or a server', async (origin) => {
    const mark = await ground.mark();
    const names = 'authorization, content-type, mcp-session-id, mcp-protocol-version, mcp-param-region, x-custom';
    const answer = await ground.send(preflight(origin, { 'access-control-request-headers': names }));
    expect([answer.status, answer.body.length]).toEqual([204, 0]);
    expect(answer.headers.get('access-control-allow-origin')).toEqual([origin]);
    expect(answer.headers.get('access-control-allow-credentials')).toEqual(['true']);
    expect(answer.headers.get('access-control-max-age')).toEqual(['600']);
    const granted = answer.headers.get('access-control-allow-headers')?.[0]?.toLowerCase().split(', ');
    for (const name of names.split(', ')) expect(granted).toContain(name);
    expectVary(answer);
    expect(ground.hits()).toEqual([]);
    expect((await ground.control(mark)).filter((row) => row.verdict === 'deny')).toEqual([]);
  });

  it.each<[string, Headers]>([
    ['a method no route has', { 'access-control-request-method': 'PATCH' }],
    ['a header nobody listed', { 'access-control-request-headers': 'authorization, x-evil' }],
    [
      'five hundred headers',
      { 'access-control-request-headers': Array.from({ length: 500 }, (_, i) => `x-${i}`).join() },
    ],
  ])('for %s is answered without a grant', async (_, headers) => {
    await ground.mark();
    const answer = await ground.send(preflight(APP, headers));
    expect(answer.status).toBe(204);
    expect(corsOf(answer)).toEqual([]);
    expectVary(answer);
    expect(ground.hits()).toEqual([]);
  });

  it('of a path that does not exist says so', async () => {
    const answer = await ground.send(preflight(APP, {}, '/nowhere'));
    expect(answer.status).toBe(404);
  });

  it('is the same for a server that does not exist as for one that does', async () => {
    const [there, nowhere] = [await ground.send(preflight(APP)), await ground.send(preflight(APP, {}, '/mcp/nope'))];
    expect(nowhere.status).toBe(204);
    expect(corsOf(nowhere)).toEqual(corsOf(there));
  });

  prove(
    () => ground,
    [
      ['without Origin', { origin: undefined }],
      ['without a method', { 'access-control-request-method': undefined }],
      ['with a body', { 'content-length': '2' }],
    ].map(
      ([name, headers]): Attack => ({
        name: `an OPTIONS ${name}, which is none`,
        send: vary(preflight(APP), { headers: headers as Headers, body: name === 'with a body' ? '{}' : undefined }),
        status: 405,
        error: 'method_not_allowed',
        headers: { allow: 'GET, POST, DELETE' },
        audit: { policy: 'routes', reason: 'route.verb' },
        twin: preflight(APP),
        twinStatus: 204,
        twinHits: 0,
      }),
    ),
  );
});

describe('an answer to an allowed page', () => {
  const manyHeaders = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x-${i}`, '1']));
  const kinds: readonly (readonly [string, number, Request])[] = [
    ['a call', 200, call({})],
    ['no credential', 401, modernCall('/mcp/open', undefined)],
    ['a caller without a role', 403, modernCall('/mcp/open', TOKENS.roleless)],
    ['a path that does not exist', 404, get('/nowhere', TOKENS.user)],
    ['a server that does not exist', 404, call({}, '/mcp/nope')],
    ['a body that is too large', 413, post('/mcp/open', TOKENS.user, 'x'.repeat(100_001))],
    ['a body of another type', 415, call({ 'content-type': 'text/plain' })],
    ['a server that is down', 502, call({}, '/mcp/dead')],
    ['a probe', 200, get('/healthz', undefined)],
    ['a target that is none', 400, get('//x', TOKENS.user)],
    ['a target two programs could read differently', 400, get('/mcp%2fopen', TOKENS.user)],
    ['too many headers', 431, get('/mcp/open', TOKENS.user, { headers: manyHeaders })],
    ['a verb the route has not', 405, get('/mcp/open', TOKENS.user, { method: 'PUT' })],
  ];

  it.each(kinds)('can be read by it: %s (%d)', async (_, status, request) => {
    const answer = await ground.send(vary(request, { headers: { origin: APP } }));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('access-control-allow-origin')).toEqual([APP]);
    const exposed = answer.headers.get('access-control-expose-headers')?.[0]?.split(', ');
    for (const name of ['WWW-Authenticate', 'Mcp-Session-Id', 'Retry-After', 'RateLimit']) {
      expect(exposed).toContain(name);
    }
    expectVary(answer);
  });

  it.each(kinds)('is kept apart by caches from one without an origin: %s (%d)', async (_, status, request) => {
    const answer = await ground.send(request);
    expect(answer.status).toBe(status);
    expect(corsOf(answer)).toEqual([]);
    expectVary(answer);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import { callMessage, get, modernCall, post, type Request, vary } from './requests.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open();
});
afterAll(() => ground.close());

const at = (target: string): Request => modernCall(target, TOKENS.user);
const TWIN = at('/mcp/open?trace=1');

const AMBIGUOUS = [
  '//mcp/open',
  '/mcp//open',
  '/./mcp/open',
  '/mcp/./open',
  '/x/../mcp/open',
  '/mcp/open/..',
  '/mcp/open/.',
  '/mcp%2fopen',
  '/mcp%2Fopen',
  '/mcp/%2e%2e/mcp/open',
  '/mcp/.%2e/open',
  '/mcp/open%00',
  '/mcp%5copen',
  '/mcp\\open',
  '/mcp;a=b/open',
  '/mcp/open;a=b',
  '/mcp/open#x',
  '/mcp/open?x#y',
  '/health/../mcp/open',
  '/health%2f..%2fmcp/open',
  '/health;x/mcp/open',
  '/health#/mcp/open',
  '/ui/..%2f..%2fetc/passwd',
];

describe('a path two parsers could read differently', () => {
  prove(
    () => ground,
    AMBIGUOUS.map(
      (target): Attack => ({
        name: target,
        send: at(target),
        status: 400,
        error: 'malformed_request',
        audit: { policy: 'routes', reason: 'request.target', route: '(unknown)' },
        closes: true,
        twin: TWIN,
      }),
    ),
  );
});

describe('a target that is no path', () => {
  const forms = [
    'http://evil.example/mcp/open',
    'http://127.0.0.1:80/mcp/open',
    'http://evil.example@127.0.0.1/mcp/open',
    'http://127.0.0.1@evil.example/mcp/open',
    'https://localhost:3000/mcp/open',
    'ftp://127.0.0.1/mcp/open',
    'http:///mcp/open',
    'http://127.0.0.1/mcp/../mcp/open',
    'http://127.0.0.1//mcp/open',
  ];
  prove(
    () => ground,
    forms.map(
      (target): Attack => ({
        name: target,
        send: at(target),
        status: 400,
        error: 'malformed_request',
        audit: { policy: 'routes', reason: 'request.target' },
        closes: true,
        twin: TWIN,
      }),
    ),
  );

  it('is served in absolute form when it names the host of the Host header, and that one is served', async () => {
    const absolute = at('HTTP://LOCALHOST:3000/mcp/open?trace=1');
    expect((await ground.send(vary(absolute, { headers: { host: 'localhost:3000' } }))).status).toBe(200);
    const foreign = vary(at('http://evil.example/mcp/open'), { headers: { host: 'evil.example' } });
    expect((await ground.send(foreign)).status).toBe(403);
  });

  prove(
    () => ground,
    ['mcp/open', 'http://127.0.0.1\\mcp/open', '', '?x=1', '127.0.0.1:80', '/mcp/\xe9'].map(
      (target): Attack => ({
        name: JSON.stringify(target),
        send: at(target),
        status: 400,
        error: 'malformed_request',
        audit: { policy: 'listener', reason: 'http.unreadable' },
        closes: true,
        twin: TWIN,
      }),
    ),
  );
});

describe('a path that is not served', () => {
  const elsewhere = [
    '/MCP/open',
    '/%6dcp/open',
    '/',
    '/metrics',
    '/admin',
    '/admin/tokens',
    '/.git/config',
    '/health/',
  ];
  prove(
    () => ground,
    [...elsewhere, '/api/v1/mcp', '/.well-known/oauth-protected-resource'].map(
      (target): Attack => ({
        name: target,
        send: get(target, TOKENS.user),
        status: 404,
        error: 'not_found',
        audit: { policy: 'routes', reason: 'route.unknown', route: '(unknown)' },
        twin: TWIN,
      }),
    ),
  );

  prove(
    () => ground,
    ['/sse', '/messages?sessionId=1'].map(
      (target): Attack => ({
        name: `${target}, which of several servers nobody can say`,
        send: get(target, TOKENS.user),
        status: 404,
        error: 'not_found',
        audit: { policy: 'routes', reason: 'route.unknown-server', route: target.split('?')[0] },
        twin: TWIN,
        also: (answer) => expect(answer.body.toString()).toContain('/mcp/open'),
      }),
    ),
  );

  prove(
    () => ground,
    ['/mcp/nope', '/mcp/open/', '/mcp/Open', '/mcp/%6fpen', '/mcp/openx', '/mcp/open%20', '/mcp/'].map(
      (target): Attack => ({
        name: `${target} with a token`,
        send: at(target),
        status: 404,
        error: 'not_found',
        audit: {
          policy: 'route-access',
          reason: 'route.unknown-server',
          route: '/mcp/(unknown)',
          principal_name: 'user',
        },
        twin: TWIN,
        also: (answer) => expect(answer.body.toString()).toContain('/mcp/open, /mcp/ruled'),
      }),
    ),
  );

  prove(
    () => ground,
    [
      {
        name: '/mcp with several servers behind it, and names them',
        send: at('/mcp'),
        status: 404,
        error: 'not_found',
        audit: { policy: 'routes', reason: 'route.unknown-server', route: '/mcp' },
        twin: TWIN,
        also: (answer) => expect(answer.body.toString()).toContain('/mcp/open, /mcp/ruled'),
      },
    ],
  );
});

describe('a verb a route does not have', () => {
  const rows: readonly [verb: string, target: string, allow: string, twin: Request][] = [
    ...['PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'].map((verb): [string, string, string, Request] => [
      verb,
      '/mcp/open',
      'GET, POST, DELETE',
      TWIN,
    ]),
    ['TRACE', '/nowhere', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS', TWIN],
    ['PUT', '/mcp/nope', 'GET, POST, DELETE', TWIN],
    ['POST', '/mcp/servers', 'GET', TWIN],
    ['DELETE', '/health', 'GET, HEAD', TWIN],
    ['POST', '/readyz', 'GET, HEAD', TWIN],
    ['OPTIONS', '/healthz', 'GET, HEAD', TWIN],
  ];
  prove(
    () => ground,
    rows.map(
      ([verb, target, allow, twin]): Attack => ({
        name: `${verb} ${target}`,
        send: get(target, TOKENS.user, { method: verb }),
        status: 405,
        error: 'method_not_allowed',
        headers: { allow },
        audit: { policy: 'routes', reason: 'route.verb', http_method: verb },
        twin,
      }),
    ),
  );

  prove(
    () => ground,
    [
      {
        name: 'HEAD /mcp/open',
        send: get('/mcp/open', TOKENS.user, { method: 'HEAD', headers: { connection: 'close' } }),
        status: 405,
        headers: { allow: 'GET, POST, DELETE' },
        audit: { policy: 'routes', reason: 'route.verb', http_method: 'HEAD' },
        twin: TWIN,
      },
      {
        name: 'CONNECT, and opens no tunnel',
        send: vary(get('', TOKENS.user), { method: 'CONNECT', target: '127.0.0.1:22' }),
        status: 405,
        error: 'method_not_allowed',
        headers: { allow: 'GET, POST, DELETE' },
        audit: { policy: 'listener', reason: 'http.unreadable', rule: 'CONNECT' },
        closes: true,
        twin: TWIN,
      },
      ...['TRACK', 'DEBUG', 'post', 'Post', 'FOO', 'GET\tx', 'GET\x00', '\x16\x03\x01'].map(
        (method): Attack => ({
          name: `${JSON.stringify(method)}, which is no verb`,
          send: vary(TWIN, { method }),
          ...(/^[A-Za-z]+$/.test(method)
            ? { status: 405, error: 'method_not_allowed', headers: { allow: 'GET, POST, DELETE' } }
            : { status: 400, error: 'malformed_request' }),
          audit: { policy: 'listener', reason: 'http.unreadable' },
          closes: true,
          twin: TWIN,
        }),
      ),
    ],
  );
});

describe('without a token', () => {
  const anonymous: readonly Request[] = [
    ...['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS', 'PATCH', 'TRACE'].map((method) => get('', undefined, { method })),
    post('', undefined, callMessage()),
    get('', undefined, { headers: { authorization: 'Bearer wrong' } }),
    get('', undefined, { headers: { origin: 'https://evil.example' } }),
  ];

  it('nobody learns from any answer which servers there are', async () => {
    const answers = async (server: string) => {
      const said: string[] = [];
      for (const request of anonymous) {
        const { bytes } = await ground.send({ ...request, target: `/mcp/${server}` });
        said.push(
          bytes
            .toString()
            .replace(/X-Request-Id: .*/, '')
            .replace(/"decision_id":"[^"]*"/, '')
            .replace(/Date: .*/, ''),
        );
      }
      return said;
    };
    ground.forgetHits();
    expect(await answers('open')).toEqual(await answers('nope'));
    expect(await answers('guarded')).toEqual(await answers('nope'));
    expect(ground.hits()).toEqual([]);
  });
});

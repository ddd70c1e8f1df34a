import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove, proveOne } from './prove.ts';
import { get, legacy, legacyCall, modernCall, type Request, vary } from './requests.ts';

let ground: Ground;
let session: string;
beforeAll(async () => {
  const server = { allowed_hosts: ['mcp.example.com'], public_url: 'https://gw.example.net:8443/base' };
  const security = { cors: { allowed_origins: ['https://app.example.com', 'http://dev.example.com:8080'] } };
  ground = await Ground.open({ settings: { server, security } });
  session = await ground.openSession();
});
afterAll(() => ground.close());

const call = (headers: Request['headers']): Request => modernCall('/mcp/open', TOKENS.user, { headers });

const BAD_HOSTS: readonly [what: string, host: string][] = [
  ['another name', 'evil.example'],
  ['a look-alike of a loopback name', 'localhost.evil.example'],
  ['a look-alike of a loopback address', '127.0.0.1.evil.example'],
  ['a subdomain of a served name', 'evil.mcp.example.com'],
  ['a name that ends like a served one', 'evilmcp.example.com'],
  ['a served name with a closing dot', 'mcp.example.com.'],
  ['a loopback address written as a number', '2130706433'],
  ['a short loopback address', '127.1'],
  ['an octal loopback address', '0177.0.0.1'],
  ['another loopback address', '127.0.0.2'],
  ['the unspecified address', '0.0.0.0'],
  ['a mapped IPv6 address', '[::ffff:127.0.0.1]'],
];

const NO_HOSTS: readonly [what: string, host: string][] = [
  ['nothing', ''],
  ['user information', 'localhost@evil.example'],
  ['user information before a served name', 'evil.example@localhost'],
  ['a list', 'localhost, evil.example'],
  ['a list of served names', 'localhost,localhost'],
  ['a blank inside', 'localhost evil.example'],
  ['a path', 'localhost/evil'],
  ['a scheme', 'http://localhost'],
  ['a port that is none', 'localhost:http'],
  ['a negative port', 'localhost:-1'],
  ['a port out of range', 'localhost:65536'],
  ['a port of six digits', 'localhost:000080'],
  ['an empty port', 'localhost:'],
  ['two ports', 'localhost:80:80'],
  ['an IPv6 address without brackets', '::1'],
  ['a percent sign', 'local%68ost'],
];

describe('a Host header', () => {
  prove(
    () => ground,
    BAD_HOSTS.map(
      ([what, host]): Attack => ({
        name: what,
        send: call({ host }),
        status: 403,
        error: 'host_not_allowed',
        audit: { policy: 'host-origin', reason: 'host.not-served', route: '/mcp/open', http_method: 'POST' },
        closes: true,
        twin: call({ host: 'localhost' }),
      }),
    ),
  );

  prove(
    () => ground,
    NO_HOSTS.map(
      ([what, host]): Attack => ({
        name: `that is no name: ${what}`,
        send: call({ host }),
        status: 400,
        error: 'malformed_request',
        audit: {
          policy: 'host-origin',
          reason: /^[^\s/]+,[^\s/]+$/.test(host) ? 'host.not-a-name' : 'host.malformed',
          route: '/mcp/open',
        },
        closes: true,
        twin: call({ host: 'localhost:80' }),
      }),
    ),
  );

  prove(
    () => ground,
    [
      {
        name: 'that is missing (RFC 9112 section 3.2)',
        send: call({ host: undefined }),
        status: 400,
        error: 'malformed_request',
        audit: { policy: 'routes', reason: 'request.malformed', route: '/mcp/open' },
        closes: true,
        twin: call({}),
      },
      {
        name: 'that is missing where HTTP/1.0 does not ask for it',
        send: vary(call({ host: undefined }), { version: 'HTTP/1.0' }),
        status: 403,
        error: 'host_not_allowed',
        audit: { policy: 'host-origin', reason: 'host.not-served' },
        twin: vary(call({}), { version: 'HTTP/1.0' }),
      },
      {
        name: 'twice, the good one first',
        send: call({ host: ['localhost', 'evil.example'] }),
        status: 400,
        error: 'malformed_request',
        audit: { policy: 'host-origin', reason: 'headers.duplicated' },
        closes: true,
        twin: call({}),
      },
      {
        name: 'twice, both the same',
        send: call({ host: ['localhost', 'localhost'] }),
        status: 400,
        error: 'malformed_request',
        audit: { policy: 'host-origin', reason: 'headers.duplicated' },
        twin: call({}),
      },
    ],
  );

  it.each([
    'localhost',
    'LocalHost:3000',
    '127.0.0.1:1',
    '[::1]',
    '[::1]:80',
    'MCP.example.com:443',
    'gw.example.net',
  ])('passes as %s', async (host) => {
    expect((await ground.send(call({ host }))).status).toBe(200);
  });

  it('is not looked at by probes, which come from machines that do not know our name', async () => {
    for (const path of ['/healthz', '/readyz', '/health']) {
      const answer = await ground.send(get(path, undefined, { headers: { host: '10.1.2.3:8080' } }));
      expect(answer.status, path).toBe(200);
    }
  });
});

const BAD_ORIGINS: readonly [what: string, origin: string][] = [
  ['that is null', 'null'],
  ['of another site', 'https://evil.example'],
  ['that begins like localhost', 'http://localhost.evil.example'],
  ['that begins like a loopback address', 'http://127.0.0.1.evil.example'],
  ['that begins like an allowed one', 'https://app.example.com.evil.example'],
  ['that ends like an allowed one', 'https://evil-app.example.com'],
  ['of a subdomain of an allowed one', 'https://x.app.example.com'],
  ['of the parent of an allowed one', 'https://example.com'],
  ['of an allowed name on another port', 'https://app.example.com:8443'],
  ['of an allowed name over plain http', 'http://app.example.com'],
  ['of an allowed name without its port', 'http://dev.example.com'],
  ['with a path', 'https://app.example.com/'],
  ['in other letters', 'HTTPS://APP.EXAMPLE.COM'],
  ['with user information', 'https://app.example.com@evil.example'],
  ['with user information before a loopback name', 'http://evil.example@localhost'],
  ['with a loopback name in its user information', 'http://localhost@evil.example'],
  ['in a list', 'https://app.example.com, https://evil.example'],
  ['in a list with blanks', 'https://app.example.com https://evil.example'],
  ['of a browser extension', 'chrome-extension://abcdefghijklmnop'],
  ['of a file', 'file://'],
  ['of loopback with a port of six digits', 'http://localhost:123456'],
  ['that is empty', ''],
];

const VERBS: readonly [
  verb: string,
  sound: (headers: Request['headers']) => Request | (() => Request),
  status: number,
][] = [
  ['POST', (headers) => call(headers), 200],
  ['GET', (headers) => get('/mcp/servers', TOKENS.user, { headers }), 200],
];

describe('an Origin header', () => {
  for (const [verb, sound, status] of VERBS) {
    prove(
      () => ground,
      BAD_ORIGINS.map(
        ([what, origin]): Attack => ({
          name: `one ${what} on ${verb}`,
          send: sound({ origin }),
          status: 403,
          error: 'origin_not_allowed',
          audit: { policy: 'host-origin', reason: 'origin.not-allowed', http_method: verb },
          twin: sound({ origin: 'https://app.example.com' }),
          twinStatus: status,
          twinHits: verb === 'POST' ? 1 : 0,
        }),
      ),
    );
  }

  it.each(BAD_ORIGINS)('of a session is refused on DELETE and on GET: %s', async (_, origin) => {
    for (const method of ['DELETE', 'GET']) {
      const accept = 'text/event-stream';
      const request = { ...legacy('/mcp/open', TOKENS.user, session, '', { method }), body: undefined };
      const mark = await ground.mark();
      const answer = await ground.send(vary(request, { headers: { origin, accept, 'content-type': undefined } }));
      expect(answer.status, method).toBe(403);
      expect(ground.hits()).toEqual([]);
      const denied = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
      expect(denied).toMatchObject([{ policy: 'host-origin', reason: 'origin.not-allowed', http_method: method }]);
    }
    expect((await ground.send(legacy('/mcp/open', TOKENS.user, session, legacyCall()))).status, 'still open').toBe(200);
  });

  it('twice is refused, even when both are allowed', async () => {
    const origin = ['https://app.example.com', 'https://app.example.com'];
    await proveOne(ground, {
      name: '',
      send: call({ origin }),
      status: 400,
      error: 'malformed_request',
      audit: { policy: 'host-origin', reason: 'headers.duplicated' },
      twin: call({ origin: origin[0] }),
    });
  });

  it('is looked at by probes too', async () => {
    for (const path of ['/healthz', '/readyz', '/health']) {
      const send = (origin: string) => ground.send(get(path, undefined, { headers: { origin } }));
      expect((await send('https://evil.example')).status, path).toBe(403);
      expect((await send('https://app.example.com')).status, path).toBe(200);
    }
  });

  it.each([
    'http://localhost',
    'http://localhost:5173',
    'http://127.0.0.1:8080',
    'http://[::1]:8080',
    'https://localhost',
  ])('of a page on this machine passes while the gateway is bound to loopback: %s', async (origin) => {
    expect((await ground.send(call({ origin }))).status).toBe(200);
  });

  it.each(['https://app.example.com', 'http://dev.example.com:8080', undefined])('passes as %s', async (origin) => {
    expect((await ground.send(call({ origin }))).status).toBe(200);
  });

  it('ends a session when it is allowed', async () => {
    const own = await ground.openSession();
    const request = { ...legacy('/mcp/open', TOKENS.user, own, '', { method: 'DELETE' }), body: undefined };
    const headers = { origin: 'https://app.example.com', 'content-type': undefined };
    expect((await ground.send(vary(request, { headers }))).status).toBe(204);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawAnswer } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { freshToken, Ground, TOKENS } from './ground.ts';
import { type Attack, expectSafe, prove } from './prove.ts';
import { get, type Headers, initializeMessage, modernCall, post, type Request } from './requests.ts';

let ground: Ground;
/** Made by a command and taken back by another, while the gateway ran. */
let revoked: string;
beforeAll(async () => {
  ground = await Ground.open();
  revoked = await ground.gateway.token('gone');
  ground.secrets.push(revoked);
  await until(async () => (await ground.send(presented(revoked))).status === 200, 'the new token opens the gateway');
  const { code } = await ground.gateway.command('token', 'revoke', 'gone');
  expect(code).toBe(0);
});
afterAll(() => ground.close());

const call = (headers: Headers, target = '/mcp/open'): Request => modernCall(target, undefined, { headers });
const presented = (token: string, target = '/mcp/open'): Request => modernCall(target, token);
const SOUND = presented(TOKENS.user);
const GOOD = `Bearer ${TOKENS.user}`;

const ABSENT = {
  status: 401,
  error: 'unauthorized',
  headers: { 'www-authenticate': 'Bearer' },
  audit: { policy: 'authenticate', reason: 'token.absent', rpc_code: 40101 },
};
const INVALID_CHALLENGE = 'Bearer error="invalid_token", error_description="The bearer token is not valid"';
const invalid = (reason: string) => ({
  status: 401,
  error: 'invalid_token',
  headers: { 'www-authenticate': INVALID_CHALLENGE },
  audit: { policy: 'authenticate', reason, rpc_code: 40102 },
});

describe('a caller without a credential', () => {
  const carriers: readonly [what: string, request: Request][] = [
    ['no credential at all', call({})],
    ['the token in the query as access_token', call({}, `/mcp/open?access_token=${TOKENS.user}`)],
    ['the token in the query as token', call({}, `/mcp/open?token=${TOKENS.user}&x=1`)],
    ['the token in a cookie', call({ cookie: `token=${TOKENS.user}; access_token=${TOKENS.user}` })],
    ['the token in X-API-Key', call({ 'x-api-key': TOKENS.user })],
    ['the token in Proxy-Authorization', call({ 'proxy-authorization': GOOD })],
    ['the token in X-Authorization', call({ 'x-authorization': GOOD })],
    ['the token in X-Auth-Token', call({ 'x-auth-token': TOKENS.user })],
    ['the token under a name with an underscore', call({ auth_orization: GOOD, http_authorization: GOOD })],
    ['the token as user name of a Basic scheme', call({ authorization: `Basic ${btoa(`${TOKENS.user}:`)}` })],
    ['the token as password of a Basic scheme', call({ authorization: `Basic ${btoa(`user:${TOKENS.user}`)}` })],
    ['the token with the scheme DPoP', call({ authorization: `DPoP ${TOKENS.user}` })],
    ['the token with the scheme Token', call({ authorization: `Token ${TOKENS.user}` })],
    ['the token with the scheme Bearerish', call({ authorization: `Bearerish ${TOKENS.user}` })],
    ['the token in a Digest scheme', call({ authorization: `Digest username="${TOKENS.user}"` })],
    ['the token without a scheme', call({ authorization: TOKENS.user })],
    ['an empty Authorization', call({ authorization: '' })],
    [
      'an identity asserted by headers',
      call({ 'x-user': 'admin', 'x-forwarded-user': 'admin', 'x-remote-user': 'admin' }),
    ],
    ['the user agent of a health probe', call({ 'user-agent': 'kube-probe/1.31' })],
    ['the user agent of a load balancer', call({ 'user-agent': 'GoogleHC/1.0' })],
    [
      'a loopback address in every forwarding header',
      call({ 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' }),
    ],
  ];
  prove(
    () => ground,
    carriers.map(([name, send]): Attack => ({ name: `with ${name}`, send, ...ABSENT, twin: SOUND })),
  );
  prove(
    () => ground,
    [
      ['the list of servers', '/mcp/servers'],
      ['the older list of servers', '/api/v1/mcp/list'],
    ].map(([what, target]) => ({
      name: `that asks for ${what}`,
      send: get(target as string, undefined),
      ...ABSENT,
      twin: get(target as string, TOKENS.user),
      twinHits: 0,
    })),
  );
});

describe('a token', () => {
  const bad: readonly [what: string, reason: string, request: Request | (() => Request)][] = [
    ['nobody made', 'token.unknown', presented(freshToken())],
    ['that differs in its last letter', 'token.unknown', presented(`${TOKENS.user.slice(0, -1)}~`)],
    ['in other letters', 'token.unknown', presented(TOKENS.user.toUpperCase())],
    ['with something after it', 'token.unknown', presented(`${TOKENS.user}x`)],
    ['with padding after it', 'token.unknown', presented(`${TOKENS.user}=`)],
    ['that is the stored hash of a good one', 'token.malformed', presented('sha256:abc')],
    ['that was revoked', 'token.unknown', () => presented(revoked)],
    ['that has expired', 'token.expired', presented(TOKENS.expired)],
    ['"undefined"', 'token.placeholder', presented('undefined')],
    ['"null"', 'token.placeholder', presented('null')],
    ['that is empty', 'token.malformed', call({ authorization: 'Bearer ' })],
    ['that is missing after the scheme', 'token.malformed', call({ authorization: 'Bearer' })],
    ['after a comma', 'token.malformed', call({ authorization: `Bearer,${TOKENS.user}` })],
    ['after a tab', 'token.malformed', call({ authorization: `Bearer\t${TOKENS.user}` })],
    ['in quotes', 'token.malformed', call({ authorization: `Bearer "${TOKENS.user}"` })],
    ['twice in one header', 'token.malformed', call({ authorization: `${GOOD}, ${GOOD}` })],
    ['in a list with a bad one after it', 'token.malformed', call({ authorization: `${GOOD}, Bearer bad` })],
    ['in a list with a bad one before it', 'token.malformed', call({ authorization: `Bearer bad, ${GOOD}` })],
    ['with parameters', 'token.malformed', call({ authorization: `${GOOD} realm="x"` })],
    ['outside ASCII', 'token.malformed', presented('\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9')],
    ['of 5 KB', 'token.too-long', presented('a'.repeat(5 * 1024))],
    ['of a gateway route on a server with its own', 'token.unknown', presented(TOKENS.user, '/mcp/guarded')],
    ['of a server with its own on another route', 'token.unknown', presented(TOKENS.route)],
    ['of a server with its own on the list of servers', 'token.unknown', get('/mcp/servers', TOKENS.route)],
  ];
  const twins = new Map([
    ['of a gateway route on a server with its own', presented(TOKENS.route, '/mcp/guarded')],
    ['of a server with its own on another route', SOUND],
  ]);
  prove(
    () => ground,
    bad.map(([name, reason, send]): Attack => ({ name, send, ...invalid(reason), twin: twins.get(name) ?? SOUND })),
  );

  prove(
    () => ground,
    [
      {
        name: 'of 64 KB, unread',
        send: presented('a'.repeat(64 * 1024)),
        status: 431,
        error: 'headers_too_large',
        audit: { policy: 'listener', reason: 'http.unreadable' },
        closes: true,
        twin: SOUND,
      },
    ],
  );

  it.each(['bearer', 'BEARER', 'BeArEr'])('is taken after the scheme written %s', async (scheme) => {
    expect((await ground.send(call({ authorization: `${scheme} ${TOKENS.user}` }))).status).toBe(200);
  });

  it('is taken after several blanks', async () => {
    expect((await ground.send(call({ authorization: `Bearer   ${TOKENS.user}` }))).status).toBe(200);
  });

  it('tells nobody how it is bad: unknown, revoked and expired get the same answer', async () => {
    const shape = ({ status, headers, body }: RawAnswer) => ({
      status,
      headers: [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id'),
      body: body.toString().replace(/"decision_id":"[^"]*"/, ''),
    });
    const [unknown, gone, expired] = await Promise.all(
      [freshToken(), revoked, TOKENS.expired].map(async (token) => shape(await ground.send(presented(token)))),
    );
    expect(gone).toEqual(unknown);
    expect(expired).toEqual(unknown);
  });

  it('in the query, cookie or another header never reaches the server either', async () => {
    const target = `/mcp/open?access_token=${TOKENS.other}`;
    const headers = { cookie: `token=${TOKENS.other}`, 'x-api-key': TOKENS.other };
    ground.forgetHits();
    expect((await ground.send(modernCall(target, TOKENS.user, { headers }))).status).toBe(200);
    const seen = JSON.stringify(ground.fixture.hits.map(({ path, rawHeaders }) => [path, rawHeaders]));
    expect(ground.fixture.hits.length).toBeGreaterThan(0);
    for (const secret of [TOKENS.other, TOKENS.user]) expect(seen).not.toContain(secret);
    expect(seen.toLowerCase()).not.toMatch(/authorization|cookie|x-api-key/);
  });
});

describe('two Authorization headers', () => {
  const pairs: readonly [what: string, values: readonly string[]][] = [
    ['good and bad', [GOOD, 'Bearer bad']],
    ['bad and good', ['Bearer bad', GOOD]],
    ['the same twice', [GOOD, GOOD]],
    ['good and another scheme', [GOOD, 'Basic abc']],
    ['empty and good', ['', GOOD]],
    ['two users', [GOOD, `Bearer ${TOKENS.other}`]],
  ];
  prove(
    () => ground,
    pairs.map(
      ([name, authorization]): Attack => ({
        name,
        send: call({ authorization }),
        status: 400,
        error: 'ambiguous_credentials',
        audit: { policy: 'authenticate', reason: 'authorization.repeated' },
        closes: true,
        twin: SOUND,
        also: (answer) => expect(answer.headers.get('www-authenticate')).toBeUndefined(),
      }),
    ),
  );
});

describe('a caller who is known', () => {
  const noRole = { status: 403, error: 'role_required', closes: true };
  prove(
    () => ground,
    [
      {
        name: 'but has no role',
        send: presented(TOKENS.roleless),
        ...noRole,
        audit: { policy: 'route-access', reason: 'role.missing', principal_name: 'roleless' },
        twin: SOUND,
      },
      {
        name: 'as administrator, where servers are used',
        send: presented(TOKENS.admin),
        ...noRole,
        audit: { policy: 'route-access', reason: 'role.missing', principal_name: 'admin' },
        twin: SOUND,
      },
      {
        name: 'without a role, where servers are listed',
        send: get('/mcp/servers', TOKENS.roleless),
        ...noRole,
        audit: { policy: 'route-access', reason: 'role.missing' },
        twin: get('/mcp/servers', TOKENS.scoped),
        twinHits: 0,
      },
    ],
  );
});

describe('a token for other servers', () => {
  const rows: readonly [what: string, request: (server: string) => Request][] = [
    ['a modern call', (server) => presented(TOKENS.scoped, `/mcp/${server}`)],
    ['an initialize', (server) => post(`/mcp/${server}`, TOKENS.scoped, initializeMessage())],
    ['a body that is no JSON', (server) => post(`/mcp/${server}`, TOKENS.scoped, '{')],
    ['a GET', (server) => get(`/mcp/${server}`, TOKENS.scoped, { headers: { accept: 'text/event-stream' } })],
    ['a DELETE', (server) => get(`/mcp/${server}`, TOKENS.scoped, { method: 'DELETE' })],
    ['a PUT', (server) => get(`/mcp/${server}`, TOKENS.scoped, { method: 'PUT' })],
  ];

  it.each(rows)('sees no difference between a hidden server and none: %s', async (what, request) => {
    const mark = await ground.mark();
    const [hidden, none] = [await ground.send(request('ruled')), await ground.send(request('nope'))];
    const text = ({ bytes }: RawAnswer) =>
      bytes.toString().replace(/X-Request-Id: .*|Date: .*|"decision_id":"[^"]*"/g, '');
    expect(text(hidden)).toBe(text(none));
    expect(hidden.status).toBe(what === 'a PUT' ? 405 : 404);
    expectSafe(hidden, ground);
    expect(hidden.body.toString()).not.toMatch(/ruled|guarded/);
    expect(ground.hits()).toEqual([]);
    const denied = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    const reasons = what === 'a PUT' ? ['route.verb', 'route.verb'] : ['server.not-visible', 'route.unknown-server'];
    expect(denied.map((row) => row.reason)).toEqual(reasons);
  });

  it('opens its own, and lists no other', async () => {
    expect((await ground.send(presented(TOKENS.scoped))).status).toBe(200);
    const list = (await ground.send(get('/mcp/servers', TOKENS.scoped))).body.toString();
    expect(JSON.parse(list).servers.map(({ id }: { id: string }) => id)).toEqual(['open']);
    expect(list).not.toMatch(/ruled|guarded/);
  });
});

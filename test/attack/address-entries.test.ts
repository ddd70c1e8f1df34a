import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshToken, Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import { get, type Headers, modernCall, post, type Request, vary } from './requests.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open({
    settings: { server: { trust_proxy: ['127.0.0.1'] }, security: { bans: { enabled: true, failures: 3 } } },
  });
  for (const cidr of ['203.0.113.7', '2001:db8:bad::/48']) {
    const { code, stderr } = await ground.gateway.command('ip', 'deny', cidr);
    if (code !== 0) throw new Error(stderr);
  }
});
afterAll(() => ground.close());

const call = (client: string, more: Headers = {}): Request =>
  modernCall('/mcp/open', TOKENS.user, { headers: { 'x-forwarded-for': client, ...more } });
const health = (client: string): Request => get('/health', undefined, { headers: { 'x-forwarded-for': client } });

const SOUND = call('203.0.113.8');
const denied = (client: string) => ({
  status: 403,
  error: 'forbidden',
  closes: true,
  audit: { policy: 'network', reason: 'address.denied', client },
  twin: SOUND,
});

describe('an address that an entry denies', () => {
  const rows: Attack[] = [
    { name: 'its call, with a good token', send: call('203.0.113.7'), ...denied('203.0.113.7') },
    { name: 'the same address written as IPv6', send: call('::ffff:cb00:7107'), ...denied('203.0.113.7') },
    { name: 'the same with a port', send: call('203.0.113.7:4431'), ...denied('203.0.113.7') },
    { name: 'one of a denied network', send: call('2001:DB8:BAD:0::1'), ...denied('2001:db8:bad::1') },
    { name: 'what it says of somebody else', send: call('203.0.113.8, 203.0.113.7'), ...denied('203.0.113.7') },
    {
      name: 'its call with another address in the header that is not believed',
      send: call('203.0.113.7', { 'x-real-ip': '203.0.113.8', forwarded: 'for=203.0.113.8' }),
      ...denied('203.0.113.7'),
    },
    {
      name: 'its question how the gateway is',
      send: health('203.0.113.7'),
      ...denied('203.0.113.7'),
      twin: health('203.0.113.8'),
      twinHits: 0,
    },
  ];
  prove(() => ground, rows);
});

/** Fails as often as makes a ban, each time in the given way, and then calls with a good token. */
const afterFailures = (client: string, failing: (client: string) => Request) => async () => {
  for (let i = 0; i < 3; i++) await ground.send(failing(client));
  return call(client);
};
const banned = (client: string) => ({
  ...denied(client),
  audit: { policy: 'network', reason: 'address.banned', client },
});
const guess = (client: string): Request => {
  const token = freshToken();
  ground.secrets.push(token);
  return modernCall('/mcp/open', token, { headers: { 'x-forwarded-for': client } });
};
const twoTokens = (client: string): Request =>
  call(client, { authorization: [`Bearer ${TOKENS.user}`, `Bearer ${TOKENS.other}`] });

/** Fails in a way that a web page can have any browser fail in: that bans nobody. */
const visitor = (client: string, request: Request): Request =>
  vary(request, { headers: { 'x-forwarded-for': client, connection: undefined } });
const anyPage = { origin: 'https://anybody.example' };

const twoHosts = (client: string): Request => call(client, { host: ['127.0.0.1', '127.0.0.1'] });

describe('an address that failed again and again', () => {
  const rows: Attack[] = [
    {
      name: 'its good token after guessed ones',
      send: afterFailures('198.51.100.1', guess),
      ...banned('198.51.100.1'),
    },
    {
      name: 'its good token after two at once',
      send: afterFailures('198.51.100.2', twoTokens),
      ...banned('198.51.100.2'),
    },
    {
      name: 'its good token after requests with two Host lines',
      send: afterFailures('198.51.100.3', twoHosts),
      ...banned('198.51.100.3'),
    },
    {
      name: 'another address of its IPv6 network',
      send: async () => {
        await afterFailures('2001:db8:7::1', guess)();
        return call('2001:db8:7::ffff:1');
      },
      ...banned('2001:db8:7::ffff:1'),
      twin: call('2001:db8:7:1::1'),
    },
  ];
  prove(() => ground, rows);
});

describe('an address whose browser a web page makes fail', () => {
  const pages: [name: string, request: Request, status: number][] = [
    ...['/mcp//open', '/mcp/%2fopen', '/mcp/open;x', '/mcp/open%5c', '/mcp/open%00', '/mcp%2f..%2fopen'].map(
      (target): [string, Request, number] => [target, get(target, undefined), 400],
    ),
    ['a WebSocket', get('/mcp/open', undefined, { headers: { upgrade: 'websocket', ...anyPage } }), 400],
    ['a name with odd characters', get('/mcp/open', undefined, { headers: { host: 'a!b.evil.example' } }), 400],
    ['a name of its own', get('/mcp/open', undefined, { headers: { host: 'evil.example' } }), 403],
    ['a user name in the URL', get('/mcp/open', undefined, { headers: { authorization: 'Basic YTpi' } }), 401],
    ['no credential', modernCall('/mcp/open', undefined), 401],
    ['a path that is not there', get('/wp-login.php', undefined), 404],
    ['a form', post('/mcp/open', undefined, '{', { headers: anyPage }), 403],
  ];
  it.each(pages)('is not banned for %s', async (_, request, status) => {
    const client = `192.0.2.${pages.findIndex(([, one]) => one === request) + 1}`;
    for (let i = 0; i < 4; i++) expect((await ground.send(visitor(client, request))).status).toBe(status);
    expect((await ground.send(call(client))).status).toBe(200);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendRaw } from '../support/raw.ts';
import { within } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import { bytesOf, get, modernCall, post, type Request, read, vary } from './requests.ts';

/**
 * Addresses come through a trusted proxy on loopback: whoever connects is it. The gateway itself is reached from 127.0.0.1,
 * which is on the list, so that sound calls of the house succeed.
 */
let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open({
    settings: {
      server: { trust_proxy: 'loopback', public_url: 'https://gw.example.net' },
      security: {
        ip_whitelist: ['127.0.0.1', '10.0.0.0/8', '10.1.2.3', '203.0.113.0/24', '198.51.100.7', '2001:DB8:0:0::1'],
        ip_blacklist: ['10.1.0.0/16', { cidr: '198.51.100.7', note: 'an abuser' }, '2001:db8:bad::/48'],
        cors: { allowed_origins: ['https://app.example.com'] },
      },
    },
    servers: {
      open: {},
      narrow: { security: { ip_whitelist: ['10.2.0.0/16', '127.0.0.1', '192.0.2.1'] } },
    },
  });
});
afterAll(() => ground.close());

const from = (address: string, request: Request): Request => vary(request, { headers: { 'x-forwarded-for': address } });
const call = (address: string, target = '/mcp/open'): Request => from(address, modernCall(target, TOKENS.user));

const DENIED = { policy: 'network', reason: 'address.denied' };
const NOT_LISTED = { policy: 'network', reason: 'address.not-listed', rule: 'security.ip_whitelist' };
const refused = (name: string, send: Request, audit: Attack['audit'], twin: Request, more: Partial<Attack> = {}) =>
  ({ name, send, status: 403, error: 'forbidden', audit, closes: true, twin, ...more }) satisfies Attack;

describe('an allow list', () => {
  prove(
    () => ground,
    [
      refused('the last address before a network', call('203.0.112.255'), NOT_LISTED, call('203.0.113.0')),
      refused('the first address behind it', call('203.0.114.0'), NOT_LISTED, call('203.0.113.255')),
      refused('an address that is not on it', call('192.0.2.7'), NOT_LISTED, call('203.0.113.1')),
      refused('a neighbour of an IPv6 entry', call('2001:db8::2'), NOT_LISTED, call('2001:db8::0:1')),
      refused('an IPv4 address that only looks like an IPv6 entry', call('0.0.0.1'), NOT_LISTED, call('203.0.113.254')),
    ],
  );
});

describe('a deny list', () => {
  const rule = 'security.ip_blacklist[1] 198.51.100.7 (an abuser)';
  prove(
    () => ground,
    [
      refused('an address that is on both lists', call('198.51.100.7'), { ...DENIED, rule }, call('203.0.113.7')),
      refused('it in a mapped spelling', call('::ffff:198.51.100.7'), { ...DENIED, rule }, call('::ffff:203.0.113.7')),
      refused(
        'it in a mapped hexadecimal spelling',
        call('::FFFF:c633:6407'),
        { ...DENIED, rule },
        call('203.0.113.7'),
      ),
      refused(
        'an address inside a denied network, although an entry that allows is more specific',
        call('10.1.2.3'),
        { ...DENIED, rule: 'security.ip_blacklist[0] 10.1.0.0/16' },
        call('10.3.2.3'),
      ),
    ],
  );
});

describe('a loopback entry', () => {
  const local = modernCall('/mcp/open', TOKENS.user);
  const rule = expect.stringContaining('server.trust_proxy');
  const through = (name: string, headers: Record<string, string>) =>
    refused(name, vary(local, { headers }), { ...NOT_LISTED, rule, client: '127.0.0.1' }, local);
  prove(
    () => ground,
    [
      through('who came through a proxy that only says Via', { via: '1.1 edge' }),
      through('who came through a proxy that names nobody', { 'x-forwarded-for': '' }),
      through('who came through a proxy that names somebody elsewhere', { forwarded: 'for=203.0.113.7' }),
      through('who is said to be it', { 'x-forwarded-for': '127.0.0.1' }),
    ],
  );

  it('lets this machine in from each of its loopback addresses that is listed', async () => {
    expect((await ground.send(local, '127.0.0.1')).status).toBe(200);
    expect((await ground.send(local, '127.0.0.9')).status).toBe(403);
  });
});

describe("a server's own list", () => {
  const rule = 'mcps.narrow.security.ip_whitelist';
  prove(
    () => ground,
    [
      refused(
        'whom the gateway lets in and the server does not',
        call('10.3.0.1', '/mcp/narrow'),
        { ...NOT_LISTED, rule },
        call('10.2.0.1', '/mcp/narrow'),
      ),
      refused(
        'whom the server lets in and the gateway does not',
        call('192.0.2.1', '/mcp/narrow'),
        NOT_LISTED,
        call('10.2.0.1', '/mcp/narrow'),
      ),
    ],
  );
});

describe('a server that is closed to an address', () => {
  const seen = async (address: string, target: string) => {
    const answer = await sendRaw(ground.gateway.url, bytesOf(from(address, get(target, TOKENS.user))));
    return JSON.stringify(read(answer).json);
  };

  it.each(['/mcp/servers', '/mcp/nowhere', '/health'])('is not named to it at %s', async (target) => {
    expect(await seen('10.2.0.1', target)).toContain('narrow');
    const told = await seen('10.3.0.1', target);
    expect(told).toContain('open');
    expect(told).not.toContain('narrow');
  });
});

describe('a denied address', () => {
  const denied = '198.51.100.7';
  const good = '203.0.113.7';
  const everywhere: readonly [name: string, request: Request, twinStatus: number][] = [
    ['on health', get('/health', undefined), 200],
    ['on the liveness probe', get('/healthz', undefined), 200],
    ['on the list of servers', get('/mcp/servers', TOKENS.user), 200],
    ['on a path that does not exist', get('/.well-known/nothing', undefined), 404],
    ['on a target no parser agrees on', get('/mcp//open', undefined), 400],
    ['with a verb that the route does not have', vary(get('/health', undefined), { method: 'DELETE' }), 405],
    ['with a name that is not served', get('/mcp/open', undefined, { headers: { host: 'evil.example' } }), 403],
    ['without a credential', modernCall('/mcp/open', undefined), 401],
    ['with a credential that is wrong', modernCall('/mcp/open', 'not-a-token-of-anybody'), 401],
    ['with a body that is no JSON', post('/mcp/open', TOKENS.user, '{'), 400],
    [
      'in a preflight',
      vary(get('/mcp/open', undefined), {
        method: 'OPTIONS',
        headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
      }),
      204,
    ],
    ['with framing that is refused', get('/health', undefined, { headers: { upgrade: 'h2c' } }), 400],
  ];
  prove(
    () => ground,
    everywhere.map(([name, request, twinStatus]) =>
      refused(`it ${name}`, from(denied, request), DENIED, from(good, request), { twinStatus, twinHits: 0 }),
    ),
  );

  prove(
    () => ground,
    [
      refused('it, and says in every shape clients read which address that is', call(denied), DENIED, call(good), {
        also: (answer) => {
          const text = `Access denied for IP: ${denied}`;
          expect(read(answer).json).toEqual({
            error: 'forbidden',
            error_description: text,
            message: text,
            ip: denied,
            decision_id: expect.any(String),
          });
        },
      }),
    ],
  );

  it('gets its answer before a byte of a body of 100 MB is sent, and the connection ends', async () => {
    const announced = vary(call(denied), {
      body: undefined,
      headers: { 'content-length': '104857600', expect: undefined },
    });
    const mark = await ground.mark();
    const connection = await ground.connect();
    connection.write(bytesOf(announced));
    const answer = await within(connection.answer(), 'the gateway has answered without the body');
    expect([answer.status, answer.headers.get('connection')]).toEqual([403, ['close']]);
    await within(connection.closed, 'the gateway has closed the connection');
    const rows = await ground.control(mark);
    expect(rows).toHaveLength(1);
    // The token was good; nobody looked.
    expect(rows[0]).toMatchObject({ ...DENIED, verdict: 'deny', status: 403 });
    expect(rows[0]).not.toHaveProperty('principal');
  });

  it('is not asked for the body it announces', async () => {
    const connection = await ground.connect();
    connection.write(
      bytesOf(vary(call(denied), { headers: { expect: '100-continue', 'content-length': '9' }, body: undefined })),
    );
    await within(connection.answer(), 'the gateway has answered');
    expect(connection.received().toString('latin1')).toMatch(/^HTTP\/1\.1 403 /);
    connection.destroy();
  });

  it('stands in the log, where anybody would look for it', () => {
    expect(ground.gateway.stderr() + ground.gateway.stdout()).toContain(`Access denied for IP: ${denied}`);
  });
});

describe('an address nobody can tell', () => {
  prove(
    () => ground,
    [
      refused(
        'a chain of which nothing can be read',
        call('127.1'),
        { policy: 'network', reason: 'address.unknown' },
        call('203.0.113.1'),
        {
          also: (answer) => {
            expect(read(answer).json).toMatchObject({
              error: 'forbidden',
              error_description: 'Unable to determine client IP address',
            });
            expect(read(answer).json).not.toHaveProperty('ip');
          },
        },
      ),
    ],
  );
});

describe('the health answer', () => {
  it('says that addresses are protected, and nothing of how', async () => {
    const answer = await sendRaw(ground.gateway.url, bytesOf(get('/health', undefined)));
    expect(Object.keys(read(answer).json ?? {}).sort()).toEqual([
      'authEnabled',
      'ipProtection',
      'service',
      'status',
      'timestamp',
    ]);
    expect(read(answer).json).toMatchObject({ ipProtection: true });
  });
});

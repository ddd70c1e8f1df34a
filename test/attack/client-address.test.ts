import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditLine } from '../support/gateway.ts';
import { until } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import { get, type Headers, modernCall, type Request } from './requests.ts';

/** Of the gateway's proxies, and of a client that is none of them. */
const PROXY = '127.0.9.1';
const STRANGER = '127.0.0.5';

let ground: Ground;
beforeAll(async () => {
  const server = { trust_proxy: ['127.0.0.1', '127.0.9.0/24', '10.9.0.0/16', 'fd00:9::/32'] };
  ground = await Ground.open({ settings: { server, log: { addresses: true } } });
});
afterAll(() => ground.close());

const call = (headers: Headers = {}): Request => modernCall('/mcp/open', TOKENS.user, { headers });

let calls = 0;

/** Sends a call from an address, and says whom the record takes it from. */
async function seen(from: string, headers: Headers): Promise<AuditLine & { answered: number }> {
  calls += 1;
  const id = `address-${calls}`;
  const { status } = await ground.send(call({ ...headers, 'x-request-id': id }), from);
  const row = await until(
    () => ground.rows().find(({ type, request_id }) => type === 'decision' && request_id === id),
    `the decision about ${id} is recorded`,
  );
  return { ...row, answered: status };
}

/** Every header of the kind, saying one thing. */
const everyHeader = (address: string): Headers => ({
  'x-forwarded-for': address,
  'x-real-ip': address,
  forwarded: `for=${address};proto=https`,
  'cf-connecting-ip': address,
  'true-client-ip': address,
  'x-client-ip': address,
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example',
});

describe('a client that is no proxy', () => {
  it.each(['10.9.0.1', '127.0.0.1', '::1', '203.0.113.9'])('is not believed about being %s', async (forged) => {
    const row = await seen(STRANGER, everyHeader(forged));
    expect(row).toMatchObject({ answered: 200, peer: STRANGER, client: STRANGER, verdict: 'allow' });
  });

  it('is noticed, a few times and no more', async () => {
    const before = ground.rows().length;
    for (let i = 0; i < 6; i++) await seen('127.0.0.66', { 'x-forwarded-for': '10.9.0.1' });
    const notices = ground
      .rows()
      .slice(before)
      .filter(({ type }) => type === 'notice');
    expect(notices).toHaveLength(3);
    expect(notices[0]).toMatchObject({
      policy: 'client-address',
      reason: 'forwarded.untrusted-peer',
      peer: '127.0.0.66',
    });
    const { body } = await ground.scrape();
    expect(body.toString()).toMatch(/reason="forwarded\.untrusted-peer",outcome="allow"\} ([6-9]|\d\d)/);
  });
});

describe('behind a trusted proxy', () => {
  it.each<[what: string, value: string | readonly string[], client: string]>([
    ['the rightmost hop nobody vouches for', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['the last of several lines', ['1.1.1.1', '198.51.100.7'], '198.51.100.7'],
    ['whoever came through two proxies', '198.51.100.7, 10.9.4.4', '198.51.100.7'],
    ['nobody the client invents, be they proxies of ours', '10.9.0.2, 10.9.0.3, 203.0.113.5', '203.0.113.5'],
    ['the leftmost where all are proxies', '10.9.1.1, 10.9.1.2', '10.9.1.1'],
    ['an IPv4 address, written as IPv6', '::FFFF:c633:6407', '198.51.100.7'],
    ['an IPv4 address, written as IPv6 at length', '0:0:0:0:0:ffff:198.51.100.7', '198.51.100.7'],
    ['an address with a port', '198.51.100.7:4431', '198.51.100.7'],
    ['an IPv6 address with brackets and a port', '[2001:DB8:0:0::7]:4431', '2001:db8::7'],
    ['an IPv6 address that ends in four digits', '2001:db8::7:4431', '2001:db8::7:4431'],
    ['an address among empty entries', ', ,198.51.100.7,\t', '198.51.100.7'],
    ['an address right of junk', 'unknown, <script>, 198.51.100.7', '198.51.100.7'],
    ['the proxy right of junk', '198.51.100.7 evil, 10.9.4.4', '10.9.4.4'],
    ['an address right of a thousand others', `${'10.9.0.2,'.repeat(1_200)}198.51.100.7`, '198.51.100.7'],
    ['the 128th of a thousand proxies', '10.9.0.2,'.repeat(1_200), '10.9.0.2'],
  ])('the client is %s', async (_, value, client) => {
    const row = await seen(PROXY, { 'x-forwarded-for': value });
    expect(row).toMatchObject({ answered: 200, peer: PROXY, client, verdict: 'allow' });
  });

  it('more header than fits is refused, and nobody waits', async () => {
    const { status } = await ground.send(call({ 'x-forwarded-for': '10.9.0.2,'.repeat(10_000) }), PROXY);
    expect(status).toBe(431);
    expect(await seen(PROXY, { 'x-forwarded-for': '198.51.100.7' })).toMatchObject({ client: '198.51.100.7' });
  });

  it('one header is believed and the others are not', async () => {
    const row = await seen(PROXY, { ...everyHeader('127.0.0.1'), 'x-forwarded-for': '198.51.100.7' });
    expect(row).toMatchObject({ client: '198.51.100.7' });
    const contradiction = ({ reason, decision_id }: AuditLine) =>
      reason === 'forwarded.contradiction' && decision_id === row.decision_id;
    expect(ground.rows().filter(contradiction)).toHaveLength(1);
  });

  it('X-Real-IP counts where X-Forwarded-For is absent', async () => {
    expect(await seen(PROXY, { 'x-real-ip': '198.51.100.8' })).toMatchObject({ client: '198.51.100.8' });
  });

  it('no word about the client reaches the server, and no identity a client claims', async () => {
    await ground.mark();
    const claimed = { 'x-user': 'root', 'x-auth-request-user': 'root', 'x-forwarded-user': 'root', via: '1.1 a' };
    await seen(PROXY, { ...everyHeader('198.51.100.7'), ...claimed });
    const names = ground.fixture.hits[0]?.rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    expect(names).toContain('host');
    for (const name of [...Object.keys(everyHeader('')), ...Object.keys(claimed)]) expect(names).not.toContain(name);
  });

  it('no address of the gateway’s own is made from a header', async () => {
    const forged = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-prefix': '/evil' };
    for (const target of ['/mcp/servers', '/health', '/mcp/open/sse']) {
      const connection = await ground.connect();
      const { status, headers } = await ground.send(get('/mcp/servers', undefined, { headers: forged }), PROXY);
      expect([status, JSON.stringify([...headers])]).toEqual([401, expect.not.stringContaining('evil')]);
      connection.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKENS.user}\r\n`);
      connection.write(
        'Accept: */*\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /evil\r\n\r\n',
      );
      const said = await until(
        () =>
          /\r\n\r\n.*[^\s]/s.test(connection.received().toString()) ? connection.received().toString() : undefined,
        'an answer has a body',
      );
      connection.destroy();
      expect(said).toMatch(/^HTTP\/1\.1 200 /);
      expect(said).not.toMatch(/evil|https:/);
    }
  });

  it('what led to an address can be seen in the log', async () => {
    const { decision_id } = await seen(PROXY, {
      'x-forwarded-for': '203.0.113.1, 10.9.4.4',
      'x-forwarded-proto': 'https',
    });
    const line = await until(
      () =>
        ground.gateway
          .stderr()
          .split('\n')
          .find((text) => text.includes(String(decision_id))),
      'the log has a line about the request',
    );
    expect(JSON.parse(line)).toMatchObject({
      peer: PROXY,
      ip: '203.0.113.1',
      ips: ['203.0.113.1', '10.9.4.4'],
      secure: true,
      headers: ['x-forwarded-for: 203.0.113.1, 10.9.4.4', 'x-forwarded-proto: https'],
    });
  });

  prove(
    () => ground,
    ['127.1', '0177.0.0.1', '2130706433', 'fe80::1%eth0', '198.51.100.7 evil', '198.51.100.7:99999', 'unknown'].map(
      (entry): Attack => ({
        name: `a client nobody can name: the proxy says ${JSON.stringify(entry)}`,
        send: call({ 'x-forwarded-for': `198.51.100.7, ${entry}` }),
        status: 403,
        error: 'forbidden',
        audit: { policy: 'network', reason: 'address.unknown', peer: '127.0.0.1', client: '127.0.0.1' },
        closes: true,
        twin: call({ 'x-forwarded-for': `${entry}, 198.51.100.7` }),
      }),
    ),
  );
});

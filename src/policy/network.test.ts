import { describe, expect, it } from 'vitest';
import { load } from '../../test/fixtures/config/folder.ts';
import { exchangeOf } from '../../test/support/judged.ts';
import { NO_LIVE_ENTRIES } from '../../test/support/live-entries.ts';
import { parseAddress } from '../net/parse-address.ts';
import { compileNetworkRules } from '../perimeter/compile-rules.ts';
import { judged } from '../perimeter/explain-rules.ts';
import type { LiveEntries, LiveEntry } from '../perimeter/live-entries.ts';
import type { Exchange } from './exchange.ts';
import { network } from './network.ts';
import { type Denial, isDenial } from './verdict.ts';

interface From {
  readonly isLocalhost?: boolean;
  readonly server?: string;
}

/** Judges an address by the `security` block of a file with the servers crm and search. */
async function judge(text: string, live: LiveEntries = NO_LIVE_ENTRIES) {
  const own = text.includes('mcps:') ? '' : 'mcps: [{ id: crm, transport: sse, url: "http://a.example/" }]\n';
  const rules = await compileNetworkRules(load(`${own}${text}`).settings, live);
  const reported: Denial[] = [];
  const report = (_: Exchange, step: string, denial: Denial): void => {
    expect(step).toBe('network');
    reported.push(denial);
  };
  const of = (from: string | undefined, { isLocalhost = false, server = 'crm' }: From, plane: 'data' | 'admin') => {
    const x = exchangeOf({ peer: from ?? '', route: { server } });
    x.client = from === undefined ? undefined : parseAddress(from);
    x.isLocalhost = isLocalhost;
    const verdict = network(rules[plane], report).evaluate(x);
    if (verdict instanceof Promise) throw new Error('the network step waits for nothing');
    return verdict;
  };
  const reasonOf =
    (plane: 'data' | 'admin') =>
    (from: string | undefined, facts: From = {}) => {
      const verdict = of(from, facts, plane);
      return isDenial(verdict) ? verdict.reason : 'passes';
    };
  return {
    from: reasonOf('data'),
    toAdmin: reasonOf('admin'),
    denial: (from: string | undefined) => of(from, {}, 'data') as Denial,
    reported,
    rules: rules.data,
  };
}

describe('a gateway without lists', () => {
  it('lets every address pass, and nobody without one', async () => {
    const { from } = await judge('security: {}');
    expect([from('203.0.113.1'), from('2001:db8::1'), from(undefined)]).toEqual([
      'passes',
      'passes',
      'address.unknown',
    ]);
  });

  it('lets those without one pass when that is written down', async () => {
    const { from } = await judge('security: { ip_unknown: allow }');
    expect(from(undefined)).toBe('passes');
  });
});

describe('an allow list', () => {
  it('lets in who is on it, of both families', async () => {
    const { from } = await judge('security: { ip_whitelist: [192.168.1.0/24, "2001:db8::/32"] }');
    expect(
      ['192.168.1.7', '2001:db8:9::1', '2001:db8::1', '192.168.2.1', '2001:db9::1'].map((text) => from(text)),
    ).toEqual(['passes', 'passes', 'passes', 'address.not-listed', 'address.not-listed']);
  });

  it('that is empty lets nobody in, not this machine either', async () => {
    const { from } = await judge('security: { ip_whitelist: [] }');
    expect([from('10.0.0.1'), from('127.0.0.1', { isLocalhost: true })]).toEqual(Array(2).fill('address.not-listed'));
  });

  it('that is empty lets this machine in where it always may, by the socket and never by an address alone', async () => {
    const { from } = await judge('security: { ip_whitelist: [], ip_localhost: always }');
    expect(from('127.0.0.1', { isLocalhost: true })).toBe('passes');
    expect(from('127.0.0.1')).toBe('address.not-listed');
  });

  it('lets in by a loopback address only what is this machine, and not everybody behind a proxy here', async () => {
    for (const localhost of ['always', 'listed']) {
      const { from } = await judge(`security: { ip_whitelist: [127.0.0.0/8, "::1"], ip_localhost: ${localhost} }`);
      const each = ['127.0.0.1', '127.0.0.9', '::1'];
      expect(each.map((text) => from(text, { isLocalhost: true }))).toEqual(Array(3).fill('passes'));
      expect(each.map((text) => from(text))).toEqual(Array(3).fill('address.not-listed'));
    }
    const { denial } = await judge('security: { ip_whitelist: [127.0.0.1] }');
    expect(denial('127.0.0.1').rule).toMatch(
      /^security\.ip_whitelist \(a proxy on this machine .* server\.trust_proxy\)$/,
    );
    expect(denial('127.0.0.2').rule).toBe('security.ip_whitelist');
  });

  it('lets nobody behind a proxy here in by an allowance, on a server or on the admin listener', async () => {
    const entry = {
      id: 'e',
      cidr: '127.0.0.1/32',
      origin: 'command',
      reason: undefined,
      expiresAt: undefined,
    } as const;
    const live: LiveEntries = { ...NO_LIVE_ENTRIES, allowance: () => entry };
    const text = 'security: { ip_whitelist: [10.0.0.1] }\nadmin: { ip_whitelist: [127.0.0.1] }';
    const { from, toAdmin } = await judge(text, live);
    for (const way of [from, toAdmin])
      expect([way('127.0.0.1', { isLocalhost: true }), way('127.0.0.1')]).toEqual(['passes', 'address.not-listed']);
    const own = await judge(
      'mcps: [{ id: crm, transport: sse, url: "http://a.example/", security: { ip_whitelist: ["::1"] } }]',
    );
    expect([own.from('::1', { isLocalhost: true }), own.from('::1')]).toEqual(['passes', 'address.not-listed']);
  });

  it('that holds everybody holds those behind a proxy here too, until the deny list has them', async () => {
    const all = 'ip_whitelist: [0.0.0.0/0, "::/0"]';
    expect((await judge(`security: { ${all} }`)).from('127.0.0.1')).toBe('passes');
    expect((await judge(`security: { ${all}, ip_blacklist: [127.0.0.1] }`)).from('127.0.0.1')).toBe('address.denied');
  });

  it('does not stand in the way of unknown clients where those are allowed', async () => {
    const { from } = await judge('security: { ip_whitelist: [10.0.0.0/8], ip_unknown: allow }');
    expect(from(undefined)).toBe('passes');
  });
});

describe('a deny list', () => {
  it('beats the allow list, whatever is more specific and whatever comes first', async () => {
    const allow = '[10.0.0.0/8, 10.1.2.3]';
    for (const text of [
      `security: { ip_whitelist: ${allow}, ip_blacklist: [10.1.0.0/16] }`,
      `security: { ip_blacklist: [10.1.0.0/16], ip_whitelist: ${allow} }`,
    ]) {
      const { from } = await judge(text);
      expect([from('10.1.2.3'), from('10.2.0.1')]).toEqual(['address.denied', 'passes']);
    }
  });

  it('counts for this machine too', async () => {
    const { from } = await judge('security: { ip_blacklist: [127.0.0.1], ip_localhost: always }');
    expect(from('127.0.0.1', { isLocalhost: true })).toBe('address.denied');
  });

  it('denies an IPv4 address in its IPv6 spelling', async () => {
    const { from } = await judge('security: { ip_blacklist: [198.51.100.7] }');
    expect([from('::ffff:198.51.100.7'), from('198.51.100.8')]).toEqual(['address.denied', 'passes']);
  });

  it('names the rule, and tells the client its address only', async () => {
    const { denial } = await judge(
      'security: { ip_blacklist: [10.9.9.9, { cidr: 198.51.100.0/24, note: "an abuser" }] }',
    );
    const { rule, deny, close } = denial('198.51.100.7');
    expect(rule).toBe('security.ip_blacklist[1] 198.51.100.0/24 (an abuser)');
    expect(deny.text).toBe('Access denied for IP: 198.51.100.7');
    expect([deny.data, close]).toEqual([{ ip: '198.51.100.7' }, true]);
  });
});

describe("a server's own lists", () => {
  const servers = (own: string) => `mcps:
  - { id: crm, transport: sse, url: "http://a.example/", security: ${own} }
  - { id: search, transport: sse, url: "http://b.example/" }
`;

  it('narrow what the gateway lets in, on its route alone', async () => {
    const { from } = await judge(
      `${servers('{ ip_whitelist: [10.1.0.0/16, 203.0.113.9] }')}security: { ip_whitelist: [10.0.0.0/8] }`,
    );
    expect(from('10.1.0.1')).toBe('passes');
    expect(from('10.2.0.1')).toBe('address.not-listed');
    expect(from('10.2.0.1', { server: 'search' })).toBe('passes');
    expect(from('203.0.113.9')).toBe('address.not-listed');
  });

  it('take what they leave open from the gateway', async () => {
    const { from } = await judge(`${servers('{ ip_whitelist: [10.0.0.1] }')}security: { ip_localhost: always }`);
    expect(from('127.0.0.1', { isLocalhost: true })).toBe('passes');
  });

  it('may let no unknown client in although the gateway does', async () => {
    const { from } = await judge(`${servers('{ ip_unknown: block }')}security: { ip_unknown: allow }`);
    expect([from(undefined), from(undefined, { server: 'search' })]).toEqual(['address.unknown', 'passes']);
  });
});

describe('the admin listener', () => {
  it('has an allow list of its own, and the deny list of the gateway', async () => {
    const { toAdmin } = await judge(
      'security: { ip_whitelist: [10.0.0.0/8], ip_blacklist: [127.0.0.9] }\nadmin: { ip_whitelist: [127.0.0.0/8] }',
    );
    expect(
      ['127.0.0.1', '127.0.0.9', '10.0.0.1'].map((text) => toAdmin(text, { isLocalhost: text !== '10.0.0.1' })),
    ).toEqual(['passes', 'address.denied', 'address.not-listed']);
  });
});

describe('entries made while the gateway runs', () => {
  const ban: LiveEntry = { id: 'b1', cidr: '10.0.0.9', origin: 'ban', reason: '10 failures', expiresAt: undefined };
  const live = (denied: string, allowed: string): LiveEntries => ({
    epoch: 1,
    denial: (address) => (address.text === denied ? ban : undefined),
    allowance: (address) => (address.text === allowed ? { ...ban, origin: 'command' } : undefined),
  });

  it('deny who is allowed, and allow who is not denied', async () => {
    const text = 'security: { ip_whitelist: [10.0.0.0/8], ip_blacklist: [203.0.113.1] }';
    const { from } = await judge(text, live('10.0.0.9', '203.0.113.1'));
    expect([from('10.0.0.9'), from('10.0.0.8'), from('203.0.113.1')]).toEqual([
      'address.banned',
      'passes',
      'address.denied',
    ]);
    expect((await judge(text, live('', '203.0.113.2'))).from('203.0.113.2')).toBe('passes');
  });

  it('make no allow list where there is none', async () => {
    expect((await judge('security: {}', live('', '203.0.113.1'))).from('203.0.113.2')).toBe('passes');
  });
});

describe('report-only mode', () => {
  it('lets pass and says what it would have refused', async () => {
    const { from, reported } = await judge('security: { mode: report, ip_whitelist: [10.0.0.0/8] }');
    expect([from('10.0.0.1'), from('203.0.113.1')]).toEqual(['passes', 'passes']);
    expect(reported.map(({ reason }) => reason)).toEqual(['address.not-listed']);
  });

  it('of the gateway ends at a server that enforces: there its lists and those of the gateway count', async () => {
    const { from, reported, rules } = await judge(`mcps:
  - { id: crm, transport: sse, url: http://a.example/, security: { mode: enforce, ip_blacklist: [10.0.0.66] } }
  - { id: bare, transport: sse, url: http://b.example/, security: { mode: enforce } }
  - { id: search, transport: sse, url: http://c.example/ }
security: { mode: report, ip_whitelist: [10.0.0.0/8], ip_blacklist: [10.0.0.7] }`);
    for (const server of ['crm', 'bare']) {
      expect(['10.0.0.1', '10.0.0.7', '203.0.113.2', undefined].map((text) => from(text, { server }))).toEqual([
        'passes',
        'address.denied',
        'address.not-listed',
        'address.unknown',
      ]);
      expect(rules.refuses(parseAddress('203.0.113.2'), false, server)).toBe(true);
    }
    expect([from('10.0.0.66'), from('10.0.0.66', { server: 'bare' })]).toEqual(['address.denied', 'passes']);
    expect(reported).toEqual([]);
    expect(from('203.0.113.2', { server: 'search' })).toBe('passes');
    expect(rules.refuses(parseAddress('203.0.113.2'), false, 'search')).toBe(false);
    expect(reported.map(({ reason }) => reason)).toEqual(['address.not-listed']);
    expect(judged(rules, parseAddress('203.0.113.2'), false, 'bare').verdict).toBe('deny');
    expect(judged(rules, parseAddress('203.0.113.2'), false, 'search').verdict).toBe('would-deny');
  });

  it('filters nothing, and says so', async () => {
    const filtering = async (text: string) => (await judge(`security: ${text}`)).rules.isFiltering;
    expect(await filtering('{ mode: report, ip_whitelist: [] }')).toBe(false);
    expect(await filtering('{ ip_whitelist: [] }')).toBe(true);
    expect(await filtering('{}')).toBe(false);
  });
});

describe('what a connection remembers', () => {
  async function connected(text: string) {
    let epoch = 1;
    let denied = '';
    const deny: LiveEntry = { id: 'e', cidr: '', origin: 'command', reason: undefined, expiresAt: undefined };
    const live: LiveEntries = {
      get epoch() {
        return epoch;
      },
      denial: (address) => (address.text === denied ? deny : undefined),
      allowance: () => undefined,
    };
    const { settings } = load(`mcps: [{ id: crm, transport: sse, url: "http://a.example/" }]\n${text}`);
    const rules = (await compileNetworkRules(settings, live)).data;
    const step = network(rules, () => {});
    const first = exchangeOf({ peer: '203.0.113.1' });
    const next = (facts: Partial<Pick<Exchange, 'client' | 'isLocalhost'>> = {}) => {
      const x = exchangeOf({ peer: '203.0.113.1' });
      Object.assign(x, { connection: first.connection, client: first.connection.peer, ...facts });
      const verdict = step.evaluate(x) as Denial;
      return verdict.reason ?? 'passes';
    };
    const change = (address: string): void => {
      denied = address;
      epoch += 1;
    };
    return { next, change, connection: first.connection, settings, live };
  }

  it('is that its peer was let in, and nothing of whom the peer speaks for', async () => {
    const { next, connection } = await connected('security: { ip_whitelist: [203.0.113.1] }');
    expect(next()).toBe('passes');
    const kept = connection.passed;
    expect(kept).toBeDefined();
    expect([next(), connection.passed]).toEqual(['passes', kept]);
    expect(next({ client: parseAddress('203.0.113.2') })).toBe('address.not-listed');
    expect(next({ client: undefined })).toBe('address.unknown');
  });

  it('counts for nothing once an entry changed, or other rules are in force', async () => {
    const { next, change, connection, settings, live } = await connected('security: {}');
    expect(next()).toBe('passes');
    change('203.0.113.1');
    expect(next()).toBe('address.denied');
    change('');
    expect(next()).toBe('passes');
    const later = await compileNetworkRules(
      { ...settings, security: { ...settings.security, ip_blacklist: ['203.0.113.1'] } },
      live,
    );
    const x = exchangeOf({ peer: '203.0.113.1' });
    Object.assign(x, { connection, client: connection.peer });
    expect(network(later.data, () => {}).evaluate(x)).toHaveProperty('reason', 'address.denied');
  });

  it('ends when an entry of a list does', async () => {
    const { next, connection } = await connected(
      'security: { ip_whitelist: [{ cidr: 203.0.113.1, expires: 2099-01-01 }] }',
    );
    expect(next()).toBe('passes');
    expect(connection.passed?.until).toBe(Date.parse('2099-01-01'));
  });

  it('is nothing where passing was only reported', async () => {
    const { next, connection } = await connected('security: { mode: report, ip_whitelist: [] }');
    expect([next(), connection.passed]).toEqual(['passes', undefined]);
  });
});

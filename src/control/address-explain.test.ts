import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { folderWith, load } from '../../test/fixtures/config/folder.ts';
import { exchangeOf } from '../../test/support/judged.ts';
import { loadConfiguration } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import { compilePerimeter, type PerimeterInForce } from '../perimeter/in-force.ts';
import { storedEntries } from '../perimeter/stored-entries.ts';
import { clientAddress } from '../policy/client-address.ts';
import { network } from '../policy/network.ts';
import { isDenial } from '../policy/verdict.ts';
import type { AddressRecord } from '../storage/storage.ts';
import { type ExplainSource, explained, type Question } from './address-explain.ts';
import { CommandError } from './command.ts';

const YAML = `
server: { trust_proxy: [10.9.0.0/16, loopback] }
security:
  ip_localhost: always
  ip_whitelist:
    - 192.168.1.0/24
    - { cidr: 203.0.113.0/24, note: Berlin office, expires: 2999-01-01 }
    - 2001:db8::/32
  ip_blacklist: [192.168.1.66]
mcps:
  - { id: crm, transport: streamable-http, url: "http://127.0.0.1:9/mcp", security: { ip_whitelist: [203.0.113.0/25] } }
  - { id: free, transport: streamable-http, url: "http://127.0.0.1:9/mcp" }
`;

const record = (facts: Partial<AddressRecord>): AddressRecord => ({
  id: 'abcdef01-0000-4000-8000-000000000000',
  verdict: 'deny',
  cidr: '203.0.113.200',
  origin: 'ban',
  reason: '10 failed requests in 600 s',
  owner: null,
  createdAt: 0,
  expiresAt: null,
  strikes: 1,
  ...facts,
});
const RECORDS = [record({}), record({ verdict: 'allow', cidr: '198.51.100.9', origin: 'command', reason: 'audit' })];

async function sourceOf(settings: Settings, records = RECORDS): Promise<ExplainSource> {
  const { data: perimeter } = await compilePerimeter(settings, storedEntries(records));
  return { perimeter, records, servers: settings.mcps.map(({ id }) => id), isListIgnored: false };
}
const sourceFor = (yaml: string) => sourceOf(load(yaml).settings, []);

let source: ExplainSource;
beforeAll(async () => {
  const { settings } = loadConfiguration({ env: {}, flags: {}, cwd: tmpdir(), overlay: parse(YAML) });
  source = await sourceOf(settings);
});

function ask(wish: Question, from = source) {
  const { address } = explained(wish, from);
  if (address === null) throw new Error('not about an address');
  return address;
}

describe('an explanation', () => {
  it('names the entry that lets an address in, with its note, end, ends of the network and count', () => {
    const { verdict, judgements, client, limit_key } = ask({ address: '203.0.113.9' });
    expect([verdict, client, limit_key]).toEqual(['allow', '203.0.113.9', '203.0.113.9']);
    expect(judgements.find(({ check }) => check === 'allow list')).toMatchObject({
      layer: 'security',
      outcome: 'allows',
      rule: {
        place: 'security.ip_whitelist[1]',
        cidr: '203.0.113.0/24',
        first: '203.0.113.0',
        last: '203.0.113.255',
        count: '256',
        note: 'Berlin office',
        expires: '2999-01-01T00:00:00.000Z',
      },
    });
  });

  it('has the words of the record for what is kept out', () => {
    const deny = (wish: Question) => {
      const { verdict, reason, rule } = ask(wish);
      return [verdict, reason, rule];
    };
    expect(deny({ address: '192.168.1.66' })).toEqual([
      'deny',
      'address.denied',
      'security.ip_blacklist[0] 192.168.1.66',
    ]);
    expect(deny({ address: '198.51.100.7' })).toEqual(['deny', 'address.not-listed', 'security.ip_whitelist']);
    expect(deny({ address: '203.0.113.200' })).toEqual([
      'deny',
      'address.banned',
      `ban ${RECORDS[0]!.id} 203.0.113.200 (10 failed requests in 600 s)`,
    ]);
    expect(deny({ peer: '10.9.0.1', xff: 'unknown' })).toEqual([
      'deny',
      'address.unknown',
      'security.ip_unknown: block',
    ]);
  });

  it('asks the lists of the server too', () => {
    expect(ask({ address: '203.0.113.129', server: 'crm' })).toMatchObject({
      verdict: 'deny',
      rule: 'mcps.crm.security.ip_whitelist',
    });
    expect(ask({ address: '203.0.113.129', server: 'free' }).verdict).toBe('allow');
    expect(ask({ address: '203.0.113.127', server: 'crm' }).verdict).toBe('allow');
    expect(() => ask({ address: '203.0.113.1', server: 'crn' })).toThrow('there are crm, free');
  });

  it('counts an entry made while the gateway runs', () => {
    const { verdict, judgements } = ask({ address: '198.51.100.9' });
    expect(verdict).toBe('allow');
    expect(judgements.at(-1)?.rule).toMatchObject({ place: 'entry abcdef01', note: 'audit' });
  });

  it('walks from the peer leftwards and says by which rule each hop is trusted', () => {
    const { walk, client, ips, end, hints } = ask({ peer: '10.9.0.1', xff: '1.1.1.1, 203.0.113.9, 10.9.0.2' });
    expect(walk.map(({ address, by }) => [address, by])).toEqual([
      ['10.9.0.1', '10.9.0.0/16'],
      ['10.9.0.2', '10.9.0.0/16'],
      ['203.0.113.9', null],
    ]);
    expect([client, ips, end, hints]).toEqual(['203.0.113.9', ['203.0.113.9', '10.9.0.2'], 'untrusted-hop', []]);
  });

  it('lets the peer speak for the address where no header is given', () => {
    expect(ask({ address: '203.0.113.9', peer: '10.9.0.1' })).toMatchObject({
      client: '203.0.113.9',
      verdict: 'allow',
    });
    const { client, hints } = ask({ address: '203.0.113.9', peer: '172.16.0.1' });
    expect(client).toBe('172.16.0.1');
    expect(hints.join(' ')).toMatch(/which is not believed.*172\.16\.0\.1, which server\.trust_proxy does not name/);
    expect(hints.join(' ')).toContain('A trusted proxy is probably missing');
  });

  it('counts this machine by the socket alone', () => {
    expect(ask({ address: '127.0.0.1' })).toMatchObject({ localhost: true, verdict: 'allow' });
    const forwarded = ask({ peer: '127.0.0.1', xff: '127.0.0.1' });
    expect(forwarded).toMatchObject({ localhost: false, client: '127.0.0.1', verdict: 'deny' });
    expect(forwarded.hints.join()).toContain('Not counted as this machine');
  });

  it('takes the spellings of an address for one, and tells', () => {
    const { client, hints } = ask({ address: '::ffff:203.0.113.9' });
    expect(client).toBe('203.0.113.9');
    expect(hints.join()).toContain('::ffff:203.0.113.9 is 203.0.113.9');
    expect(ask({ address: '2001:DB8:0::0:1' })).toMatchObject({ client: '2001:db8::1', limit_key: '2001:db8::/64' });
  });

  it.each([
    [
      'a private hop that speaks for others',
      { peer: '10.9.0.1', xff: '203.0.113.9, 172.16.4.4' },
      /172\.16\.4\.4 is a private address that speaks/,
    ],
    [
      'headers of another family',
      { peer: '10.9.0.1', forwarded: 'for=203.0.113.9' },
      /server\.forwarded_header \(x-forwarded-for\)/,
    ],
    ['a chain that cannot be read', { peer: '10.9.0.1', xff: 'x, 203.0.113.9, 127.1' }, /what is no address/],
    ['a forger from outside', { peer: '203.0.113.9', xff: '127.0.0.1' }, /ignored: they come from 203\.0\.113\.9/],
    [
      'a private address that nobody lists',
      { address: '10.0.0.4' },
      /10\.0\.0\.4 is a private address: if callers come through a proxy/,
    ],
  ] as const)('has a hint for %s', (_, wish, hint) => {
    expect(ask(wish).hints.join('\n')).toMatch(hint);
  });

  it('says that a stranger with a forged header forged it, and not that a proxy is missing', () => {
    expect(ask({ peer: '203.0.113.9', xff: '127.0.0.1' }).hints.join()).not.toContain('probably missing');
  });

  it('says what is missing where a list counts for nothing, is empty, or is only tried out', async () => {
    const off = { ...(await sourceFor('{}')), isListIgnored: true };
    const none = ask({ address: '203.0.113.9' }, off);
    expect(none.verdict).toBe('allow');
    expect(none.judgements.at(-1)).toMatchObject({ check: 'allow list', outcome: 'none' });
    expect(none.hints.join()).toContain('IP_PROTECTION_ENABLED=true');

    const empty = ask({ address: '127.0.0.1' }, await sourceFor('security: { ip_whitelist: [] }'));
    expect(empty.verdict).toBe('deny');
    expect(empty.judgements.at(-1)?.says).toContain(
      'empty, so it lets nobody in. This machine is asked like everybody',
    );
    expect(empty.hints.join()).toContain('ip_localhost: always');

    const tried = await sourceFor('security: { mode: report, ip_whitelist: [10.0.0.0/8] }');
    expect(ask({ address: '203.0.113.9' }, tried)).toMatchObject({
      verdict: 'would-deny',
      reason: 'address.not-listed',
    });
    expect(ask({ address: '203.0.113.9' }, tried).hints.join()).toContain('sallyport ip report');
  });

  it('of a Unix socket says whether it is trusted', async () => {
    const untrusted = ask({ peer: 'unix', address: '203.0.113.9' });
    expect(untrusted).toMatchObject({ client: null, reason: 'address.unknown' });
    expect(untrusted.hints.join()).toContain('add unix to server.trust_proxy');
    const trusting = await sourceFor('{ server: { trust_proxy: unix }, security: { ip_whitelist: [203.0.113.0/24] } }');
    expect(ask({ peer: 'unix', address: '203.0.113.9' }, trusting)).toMatchObject({
      client: '203.0.113.9',
      verdict: 'allow',
    });
  });

  it.each([
    [{ address: '10.0.0.256' }, '"10.0.0.256" is no address'],
    [{ address: '203.0.113.77/24' }, 'Did you mean 203.0.113.0/24'],
    [{ address: '010.0.0.1' }, 'is no address'],
    [{ peer: '10.0.0.0/8' }, 'a peer is one address'],
    [{ address: '10.0.0.0/8', peer: '10.0.0.1' }, 'a request comes from one address'],
    [{}, 'Give an address'],
  ])('refuses %j', (wish, message) => {
    expect(() => explained(wish, source)).toThrow(CommandError);
    expect(() => explained(wish, source)).toThrow(message);
  });
});

describe('an explained network', () => {
  const about = (address: string) => {
    const { network: found } = explained({ address }, source);
    if (found === null) throw new Error('not about a network');
    return found;
  };

  it('shows first and last address, count, and what covers or lies in it', () => {
    const { first, last, count, rules, hints } = about('192.168.0.0/16');
    expect([first, last, count]).toEqual(['192.168.0.0', '192.168.255.255', '65536']);
    expect(rules.map(({ list, relation, cidr }) => [list, relation, cidr])).toEqual([
      ['deny', 'inside', '192.168.1.66'],
      ['allow', 'inside', '192.168.1.0/24'],
    ]);
    expect(hints[0]).toContain('.0 and .255');
    expect(about('2001:db8::/32')).toMatchObject({ count: (2n ** 96n).toString(), rules: [{ relation: 'same' }] });
    expect(about('203.0.113.128/25').rules.map(({ place, relation }) => [place, relation])).toEqual([
      ['ban abcdef01', 'inside'],
      ['security.ip_whitelist[1]', 'covers'],
    ]);
    expect(about('198.18.0.0/15').rules).toEqual([]);
  });

  it('finds what covers it in a list in a file, and says that it does not look for parts', async () => {
    const cwd = folderWith({
      'sallyport.yaml': 'security: { ip_whitelist: [{ file: office.txt }] }',
      'office.txt': '10.0.0.0/8 # everybody here\n10.1.0.7\n',
    });
    const { settings } = load(undefined, { cwd });
    const { network: found } = explained({ address: '10.1.0.0/24' }, await sourceOf(settings, []));
    expect(found?.rules).toMatchObject([{ relation: 'covers', cidr: '10.0.0.0/8', note: 'everybody here' }]);
    expect(found?.hints.at(-1)).toContain('lists in files');
  });
});

describe('what is explained', () => {
  const texts = ['10.9.0.1', '127.0.0.1', '::1', '192.168.1.66', '192.168.1.7', '203.0.113.9', '203.0.113.200'];
  const anyone = fc.constantFrom(...texts, '::ffff:203.0.113.9', '2001:db8::7', '198.51.100.7', '198.51.100.9');
  const entry = fc.oneof(anyone, fc.constantFrom('unknown', '', '127.1', '10.9.0.2', '203.0.113.1:80', '[::1]:9'));
  const chain = fc.option(
    fc.array(entry, { maxLength: 5 }).map((items) => items.join(', ')),
    { nil: undefined },
  );

  it('is what the steps of a request decide, whoever connects and whatever the headers are', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anyone, chain, chain, fc.constantFrom('crm', 'free'), (peer, xff, real_ip, server) => {
        const wish = {
          peer,
          server,
          ...(xff === undefined ? {} : { xff }),
          ...(real_ip === undefined ? {} : { real_ip }),
        };
        const { verdict, reason, rule, client, localhost, ips } = ask(wish);
        const decided = decide(source.perimeter, wish);
        expect({ verdict, reason, rule, client, localhost, ips }).toEqual(decided);
        seen.add(`${verdict} ${reason}`);
      }),
      { numRuns: 2_000 },
    );
    expect(seen.size).toBe(5);
  });
});

function decide(perimeter: PerimeterInForce, { peer = '', xff, real_ip, server }: Question) {
  const headers = [
    ...(xff === undefined ? [] : ['X-Forwarded-For', xff]),
    ...(real_ip === undefined ? [] : ['X-Real-IP', real_ip]),
  ];
  const x = exchangeOf({ peer, headers, route: { server } });
  void clientAddress(perimeter, { doubts: { doubt: () => undefined } }).evaluate(x);
  const verdict = network(perimeter.network, () => undefined).evaluate(x);
  if (verdict instanceof Promise) throw new Error('the address is judged at once');
  const denial = isDenial(verdict) ? verdict : undefined;
  return {
    verdict: denial === undefined ? 'allow' : 'deny',
    reason: denial?.reason ?? null,
    rule: denial?.rule ?? null,
    client: x.client?.text ?? null,
    localhost: x.client !== undefined && x.isLocalhost,
    ips: x.forwardedFor,
  };
}

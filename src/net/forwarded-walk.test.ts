import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BelievedHeader, type ForwardingLines, type Hop, MAX_ENTRIES, walk } from './forwarded-walk.ts';
import { IpAddress } from './ip-address.ts';
import { parseAddress } from './parse-address.ts';
import { Trust } from './trust.ts';
import { isTrustFault, parseTrust, type TrustValue } from './trust-grammar.ts';

const NONE: ForwardingLines = { forwardedFor: [], realIp: [], forwarded: [], cfConnectingIp: [], forwardedProto: [] };
const PROXIES = ['10.9.0.0/16', 'fd00:9::/32'];

function trusting(value: TrustValue): Trust {
  const spec = parseTrust(value);
  if (isTrustFault(spec)) throw new Error(spec.fault);
  return new Trust(spec);
}

interface Case {
  readonly peer?: string | undefined;
  readonly announced?: string;
  /** A PROXY header that names nobody. */
  readonly local?: boolean;
  readonly trust?: TrustValue;
  readonly believed?: BelievedHeader;
}

function walked(lines: Partial<ForwardingLines>, facts: Case = {}, trace?: Hop[]) {
  const { peer = '10.9.0.1', announced, trust = PROXIES, believed = 'x-forwarded-for' } = facts;
  const origin = {
    peer: 'peer' in facts && facts.peer === undefined ? undefined : parseAddress(peer),
    isUnix: 'peer' in facts && facts.peer === undefined,
    isAnnounced: announced !== undefined || facts.local === true,
    announced: announced === undefined ? undefined : parseAddress(announced),
  };
  const { client, chain, end, isUnknown, saysHttps } = walk(
    origin,
    { ...NONE, ...lines },
    trusting(trust),
    believed,
    trace,
  );
  return { client: client?.text, ips: chain.map(({ text }) => text), end, isUnknown, saysHttps };
}

const viaList = (...forwardedFor: string[]) => walked({ forwardedFor });

describe('the client behind trusted proxies', () => {
  it.each<[what: string, lines: string[], client: string, ips: string[]]>([
    ['is the rightmost hop nobody vouches for', ['1.1.1.1, 198.51.100.7'], '198.51.100.7', ['198.51.100.7']],
    ['is found across several lines, joined in order', ['1.1.1.1', '198.51.100.7'], '198.51.100.7', ['198.51.100.7']],
    ['is behind the proxies of ours', ['198.51.100.7, 10.9.3.3'], '198.51.100.7', ['198.51.100.7', '10.9.3.3']],
    [
      'is never a proxy of ours that a client invents',
      ['10.9.0.2, 10.9.0.3, 203.0.113.5'],
      '203.0.113.5',
      ['203.0.113.5'],
    ],
    ['is the furthest hop when all are ours', ['10.9.1.1, 10.9.1.2'], '10.9.1.1', ['10.9.1.1', '10.9.1.2']],
    ['is IPv4 however it is spelt', ['::FFFF:c633:6407'], '198.51.100.7', ['198.51.100.7']],
    ['is IPv4 in the long spelling', ['0:0:0:0:0:ffff:198.51.100.7'], '198.51.100.7', ['198.51.100.7']],
    ['may come with a port', ['198.51.100.7:4431'], '198.51.100.7', ['198.51.100.7']],
    ['may come with brackets and a port', ['[2001:db8::7]:4431'], '2001:db8::7', ['2001:db8::7']],
    ['is an IPv6 address where there are no brackets', ['2001:db8::7:4431'], '2001:db8::7:4431', ['2001:db8::7:4431']],
    ['is found past empty entries', [', ,198.51.100.7'], '198.51.100.7', ['198.51.100.7']],
    ['is found before a closing comma', ['198.51.100.7,'], '198.51.100.7', ['198.51.100.7']],
    ['may be padded with tabs', ['\t198.51.100.7\t'], '198.51.100.7', ['198.51.100.7']],
    ['counts where what lies left of it is junk', ['unknown, 198.51.100.7'], '198.51.100.7', ['198.51.100.7']],
    ['is the last hop of ours before junk', ['junk, 10.9.3.3'], '10.9.3.3', ['10.9.3.3']],
  ])('%s', (_, lines, client, ips) => {
    expect(viaList(...lines)).toMatchObject({ client, ips, isUnknown: false });
  });

  it.each([
    '0177.0.0.1',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '010.9.0.1',
    '198.51.100.7 evil',
    '\u00a0198.51.100.7',
    '198.51.100.7:99999',
    '198.51.100.7:',
    'fe80::1%eth0',
    'fe80::1%25eth0',
    'unknown',
    '_hidden',
    'localhost',
    '127.0.0.1.evil.example',
    '[10.9.0.2]',
    '"198.51.100.7"',
    '198.51.100.7;10.9.0.1',
  ])('is unknown when the proxy hands over %j: the walk ends at the proxy', (entry) => {
    const unknown = { client: '10.9.0.1', ips: [], end: 'unparsable', isUnknown: true, saysHttps: false };
    expect(walked({ forwardedFor: [entry], forwardedProto: ['https'] })).toEqual(unknown);
    expect(viaList(`198.51.100.7, ${entry}`)).toEqual(unknown);
  });

  it('is the peer where the header holds nothing at all', () => {
    expect(viaList(' ,\t, ')).toMatchObject({ client: '10.9.0.1', ips: [], isUnknown: false });
  });

  it('is looked for in so many entries and no more', () => {
    expect(viaList(`198.51.100.7${',10.9.0.2'.repeat(MAX_ENTRIES - 1)}`).client).toBe('198.51.100.7');
    expect(viaList(`198.51.100.7${',10.9.0.2'.repeat(10_000)}`)).toMatchObject({ client: '10.9.0.2', end: 'too-long' });
    expect(viaList(','.repeat(100_000))).toMatchObject({ client: '10.9.0.1', end: 'too-long', isUnknown: true });
  });
});

describe('the client of a peer that is not trusted', () => {
  it.each<[TrustValue]>([[false], ['loopback'], [0], [PROXIES], ['cloudflare']])('under %j is that peer', (trust) => {
    const forged = {
      forwardedFor: ['127.0.0.1'],
      realIp: ['127.0.0.1'],
      forwarded: ['for=127.0.0.1;proto=https'],
      cfConnectingIp: ['127.0.0.1'],
      forwardedProto: ['https'],
    };
    for (const believed of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'none'] as const) {
      const result = walked(forged, { peer: '203.0.113.5', trust, believed });
      expect(result).toEqual({
        client: '203.0.113.5',
        ips: [],
        end: 'untrusted-peer',
        isUnknown: false,
        saysHttps: false,
      });
    }
  });

  it('is not found among the addresses of another family', () => {
    expect(walked({ forwardedFor: ['198.51.100.7'] }, { peer: '203.0.113.5', trust: '::/0' }).client).toBe(
      '203.0.113.5',
    );
    expect(walked({ forwardedFor: ['198.51.100.7'] }, { peer: '2001:db8::5', trust: '0.0.0.0/0' }).client).toBe(
      '2001:db8::5',
    );
  });
});

describe('trust in words', () => {
  const chain = ['203.0.113.1, 192.168.1.100'];
  it.each<[TrustValue, string, string | undefined, string[]]>([
    [false, '127.0.0.1', '127.0.0.1', []],
    [true, '127.0.0.1', '203.0.113.1', ['203.0.113.1', '192.168.1.100']],
    ['loopback', '127.0.0.1', '192.168.1.100', ['192.168.1.100']],
    ['loopback', '127.8.9.1', '192.168.1.100', ['192.168.1.100']],
    ['loopback', '::1', '192.168.1.100', ['192.168.1.100']],
    ['loopback, uniquelocal', '127.0.0.1', '203.0.113.1', ['203.0.113.1', '192.168.1.100']],
    ['loopback, 192.168.1.100', '127.0.0.1', '203.0.113.1', ['203.0.113.1', '192.168.1.100']],
    ['192.168.1.100', '127.0.0.1', '127.0.0.1', []],
    ['linklocal', '169.254.3.4', '192.168.1.100', ['192.168.1.100']],
    ['linklocal', 'fe80::1', '192.168.1.100', ['192.168.1.100']],
    ['uniquelocal', '172.16.0.1', '203.0.113.1', ['203.0.113.1', '192.168.1.100']],
    ['uniquelocal', 'fd12::1', '203.0.113.1', ['203.0.113.1', '192.168.1.100']],
    ['cloudflare', '173.245.48.1', '192.168.1.100', ['192.168.1.100']],
    ['cloudflare', '2606:4700::1', '192.168.1.100', ['192.168.1.100']],
    [1, '198.51.100.9', '192.168.1.100', ['192.168.1.100']],
    ['1', '198.51.100.9', '192.168.1.100', ['192.168.1.100']],
    ['2', '198.51.100.9', '203.0.113.1', ['203.0.113.1', '192.168.1.100']],
    [3, '198.51.100.9', '203.0.113.1', ['203.0.113.1', '192.168.1.100']],
  ])('%j with the peer %s leads to %s', (trust, peer, client, ips) => {
    expect(walked({ forwardedFor: chain }, { peer, trust })).toMatchObject({ client, ips });
  });
});

describe('the one header that is believed', () => {
  const all: Partial<ForwardingLines> = {
    forwardedFor: ['192.0.2.1'],
    realIp: ['192.0.2.2'],
    forwarded: ['for=192.0.2.3'],
    cfConnectingIp: ['192.0.2.4'],
  };
  it.each<[BelievedHeader, string, string]>([
    ['x-forwarded-for', '10.9.0.1', '192.0.2.1'],
    ['x-real-ip', '10.9.0.1', '192.0.2.2'],
    ['forwarded', '10.9.0.1', '192.0.2.3'],
    ['none', '10.9.0.1', '10.9.0.1'],
    ['cf-connecting-ip', '173.245.48.1', '192.0.2.4'],
    ['cf-connecting-ip', '10.9.0.1', '10.9.0.1'],
  ])('is %s: of all headers at once, from %s, it leads to %s', (believed, peer, client) => {
    expect(walked(all, { believed, peer, trust: [...PROXIES, 'cloudflare'] }).client).toBe(client);
  });

  it('is X-Real-IP only where X-Forwarded-For is absent', () => {
    expect(walked({ realIp: ['192.0.2.2'] }).client).toBe('192.0.2.2');
    expect(walked({ realIp: ['192.0.2.2'], forwardedFor: [''] }).client).toBe('10.9.0.1');
  });

  it.each([
    [['192.0.2.2', '192.0.2.3']],
    [['192.0.2.2, 192.0.2.3']],
    [['']],
    [['unknown']],
  ])('is no single address in %j', (realIp) => {
    const expected = { client: '10.9.0.1', isUnknown: true, end: 'unparsable' };
    expect(walked({ realIp }, { believed: 'x-real-ip' })).toMatchObject(expected);
  });

  it.each<[string[], string, boolean]>([
    [['for=198.51.100.7;proto=https'], '198.51.100.7', false],
    [['for="[2001:db8::7]:99"'], '2001:db8::7', false],
    [['For="198.51.100.7:80"'], '198.51.100.7', false],
    [['for=1.1.1.1, for=198.51.100.7'], '198.51.100.7', false],
    [['for=1.1.1.1', 'for=198.51.100.7, for=10.9.4.4'], '198.51.100.7', false],
    [['for=198.51.100.7;by=203.0.113.43;ext="a,b;c=\\"d"'], '198.51.100.7', false],
    [['For=_hidden'], '10.9.0.1', true],
    [['for=unknown'], '10.9.0.1', true],
    [['for=1.1.1.1, for=_hidden, for=10.9.4.4'], '10.9.4.4', false],
    [['proto=https'], '10.9.0.1', true],
    [['for="198.51.100.7'], '10.9.0.1', true],
    [['for=198.51.100.7, for="unbalanced'], '10.9.0.1', true],
    [['for=198.51.100.7:80'], '10.9.0.1', true],
    [['for=198.51.100.7;for=10.0.0.1'], '10.9.0.1', true],
    [['for = 198.51.100.7'], '10.9.0.1', true],
    [['198.51.100.7'], '10.9.0.1', true],
  ])('is read by RFC 7239: %j leads to %s', (forwarded, client, isUnknown) => {
    expect(walked({ forwarded }, { believed: 'forwarded' })).toMatchObject({ client, isUnknown });
  });
});

describe('a secure way here', () => {
  it.each<[string[], boolean]>([
    [['https'], true],
    [['HTTPS'], true],
    [['http'], false],
    [['https, http'], false],
    [['https', 'https'], false],
    [['httpss'], false],
    [[''], false],
  ])('is what a trusted proxy says in X-Forwarded-Proto: %j is %s', (forwardedProto, saysHttps) => {
    expect(walked({ forwardedFor: ['198.51.100.7'], forwardedProto }).saysHttps).toBe(saysHttps);
    expect(walked({ forwardedProto }).saysHttps).toBe(saysHttps);
    expect(walked({ forwardedProto }, { peer: '203.0.113.5' }).saysHttps).toBe(false);
    expect(walked({ forwardedProto }, { believed: 'none' }).saysHttps).toBe(false);
  });

  it('is what Forwarded says of the client itself, where that is believed', () => {
    const of = (text: string) => walked({ forwarded: [text], forwardedProto: ['https'] }, { believed: 'forwarded' });
    expect(of('for=198.51.100.7;proto=https').saysHttps).toBe(true);
    expect(of('for=198.51.100.7;proto=http').saysHttps).toBe(false);
    expect(of('for=1.1.1.1;proto=https, for=198.51.100.7').saysHttps).toBe(false);
  });
});

describe('a connection a PROXY header announces', () => {
  const forged = { forwardedFor: ['127.0.0.1'], forwardedProto: ['https'] };

  it('comes from the source named there, whose own headers count only when it is trusted', () => {
    const facts = { announced: '198.51.100.7' };
    expect(walked(forged, facts)).toMatchObject({ client: '198.51.100.7', end: 'untrusted-source', saysHttps: false });
    expect(walked({ forwardedFor: ['198.51.100.9'] }, { announced: '10.9.7.7' }).client).toBe('198.51.100.9');
  });

  it('is nobody else’s where the peer is not trusted, or names nobody', () => {
    expect(walked(forged, { peer: '203.0.113.5', announced: '127.0.0.1' }).client).toBe('203.0.113.5');
    expect(walked(forged, { local: true })).toMatchObject({ client: '10.9.0.1', saysHttps: false });
  });
});

describe('a peer of a Unix socket', () => {
  const lines = { forwardedFor: ['198.51.100.7'] };

  it('is in no network, and trusted by its own word', () => {
    for (const trust of ['loopback', '0.0.0.0/0, ::/0', false]) {
      expect(walked(lines, { peer: undefined, trust })).toMatchObject({ client: undefined, isUnknown: true });
    }
    expect(walked(lines, { peer: undefined, trust: 'unix' })).toMatchObject({
      client: '198.51.100.7',
      isUnknown: false,
    });
  });

  it('is trusted like every other where trust is not by address: `true` is everybody, a number the nearest hops', () => {
    const chain = { forwardedFor: ['192.0.2.1, 198.51.100.7'] };
    expect(walked(chain, { peer: undefined, trust: true }).client).toBe('192.0.2.1');
    expect(walked(chain, { peer: undefined, trust: 1 })).toMatchObject({
      client: '198.51.100.7',
      end: 'untrusted-hop',
    });
    expect(walked(chain, { peer: undefined, trust: 2 }).client).toBe('192.0.2.1');
  });

  it('leads nowhere when it says nothing', () => {
    for (const said of [{}, { forwardedFor: [''] }, { forwardedFor: ['junk'] }, { realIp: ['junk'] }]) {
      expect(walked(said, { peer: undefined, trust: 'unix' })).toMatchObject({ client: undefined, isUnknown: true });
    }
  });
});

describe('every walk', () => {
  it('can be followed hop by hop', () => {
    const trace: Hop[] = [];
    walked({ forwardedFor: ['junk, 203.0.113.5, 10.9.3.3'] }, { trust: ['loopback', '10.9.0.0/16'] }, trace);
    expect(trace.map(({ from, text, trustedBy }) => [from, text, trustedBy])).toEqual([
      ['socket', '10.9.0.1', '10.9.0.0/16'],
      ['x-forwarded-for', '10.9.3.3', '10.9.0.0/16'],
      ['x-forwarded-for', '203.0.113.5', undefined],
    ]);
  });

  const proxy = fc.integer({ min: 0, max: 0xffff }).map((low) => new IpAddress(4, 0, 0, 0, 0x0a09_0000 + low));
  const stranger = fc
    .integer({ min: 0, max: 0xffff_ffff })
    .filter((bits) => bits >>> 16 !== 0x0a09)
    .map((bits) => new IpAddress(4, 0, 0, 0, bits));
  const invented = fc.oneof(
    proxy.map(({ text }) => text),
    stranger.map(({ text }) => text),
    fc.string({ maxLength: 20 }),
  );

  it('stops at the first hop nobody vouches for, whatever was written to the left of it', () => {
    const cases = fc.tuple(fc.array(invented, { maxLength: 8 }), stranger, fc.array(proxy, { maxLength: 5 }));
    fc.assert(
      fc.property(cases, ([left, client, right]) => {
        const entries = [...left, client.text, ...right.map(({ text }) => text)];
        expect(viaList(entries.join(',')).client).toBe(client.text);
        expect(viaList(...entries).client).toBe(client.text);
      }),
    );
  });

  it('ends at an address that was there, and throws at nothing', () => {
    const text = fc.oneof(
      invented,
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.stringMatching(/^[\d.:,[\]" =;a-f]{0,60}$/),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (lines) => {
        for (const believed of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip'] as const) {
          const facts = { believed, trust: [...PROXIES, 'cloudflare'] };
          const said = { forwardedFor: lines, realIp: lines, forwarded: lines, cfConnectingIp: lines };
          const { client, ips } = walked(said, facts);
          expect([...ips, '10.9.0.1']).toContain(client);
        }
      }),
    );
  });
});

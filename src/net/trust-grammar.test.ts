import { describe, expect, it } from 'vitest';
import { Cidr, parseCidr } from './cidr.ts';
import { PROVIDER_RANGES } from './provider-ranges.ts';
import { isTrustFault, parseTrust, type TrustValue } from './trust-grammar.ts';

describe('a value that says whom to trust', () => {
  it.each<[TrustValue, object]>([
    [false, { mode: 'none' }],
    ['false', { mode: 'none' }],
    [0, { mode: 'none' }],
    [true, { mode: 'all' }],
    [' true ', { mode: 'all' }],
    ['TRUE', { mode: 'all' }],
    ['False', { mode: 'none' }],
    [2, { mode: 'hops', hops: 2 }],
    ['2', { mode: 'hops', hops: 2 }],
    ['unix', { mode: 'list', entries: [], sets: [], unix: true }],
    ['cloudflare,edge-2', { mode: 'list', sets: ['cloudflare', 'edge-2'], unix: false }],
  ])('%j is read', (value, spec) => {
    expect(parseTrust(value)).toMatchObject(spec);
  });

  it.each<[TrustValue, string[]]>([
    ['127.0.0.1,10.0.0.1,172.16.0.0/12', ['127.0.0.1', '10.0.0.1', '172.16.0.0/12']],
    ['173.245.48.0/20,103.21.244.0/22, 103.22.200.0/22,', ['173.245.48.0/20', '103.21.244.0/22', '103.22.200.0/22']],
    [
      ['loopback', ' 2001:DB8::/32'],
      ['loopback', '2001:db8::/32'],
    ],
    ['::ffff:10.0.0.1', ['10.0.0.1']],
  ])('%j is a list', (value, names) => {
    const spec = parseTrust(value);
    expect(!isTrustFault(spec) && spec.mode === 'list' && spec.entries.map(({ name }) => name)).toEqual(names);
  });

  it.each<[TrustValue, string | undefined, RegExp]>([
    ['', undefined, /names nobody/],
    [',', undefined, /names nobody/],
    [[], undefined, /names nobody/],
    [-1, undefined, /number of proxies/],
    [1.5, undefined, /number of proxies/],
    ['33', undefined, /number of proxies/],
    ['2130706433', undefined, /number of proxies/],
    ['01', undefined, /number of proxies/],
    ['+1', undefined, /number of proxies/],
    [['1'], '1', /cannot be one of a list/],
    [['true'], 'true', /cannot be one of a list/],
    ['loopback, 1', '1', /cannot be one of a list/],
    ['true, loopback', 'true', /cannot be one of a list/],
    ['10.0.0.0/33', '10.0.0.0/33', /prefix beyond/],
    ['10.0.0.1/8', '10.0.0.1/8', /bits set/],
    ['127.1', '127.1', /no address/],
    ['Loopback', 'Loopback', /no address/],
    ['proxy.example.com', 'proxy.example.com', /no address/],
    ['*', '*', /no address/],
    [[''], '', /no address/],
  ])('%j is refused', (value, part, fault) => {
    const result = parseTrust(value);
    expect(isTrustFault(result) && result.part).toBe(part);
    expect(isTrustFault(result) && result.fault).toMatch(fault);
    expect(isTrustFault(result) && result.remedy).toMatch(/[.?]$/);
  });
});

describe('the networks of a provider', () => {
  it('are networks, each once, with the day they were read', () => {
    for (const [name, { asOf, cidrs }] of PROVIDER_RANGES) {
      expect(asOf, name).toMatch(/^20\d\d-\d\d-\d\d$/);
      expect(cidrs.map(parseCidr).filter((cidr) => !(cidr instanceof Cidr))).toEqual([]);
      expect(new Set(cidrs).size).toBe(cidrs.length);
    }
  });

  it('of Cloudflare are fifteen of IPv4 and seven of IPv6', () => {
    const { cidrs } = PROVIDER_RANGES.get('cloudflare')!;
    expect([
      cidrs.filter((text) => text.includes('.')).length,
      cidrs.filter((text) => text.includes(':')).length,
    ]).toEqual([15, 7]);
  });
});

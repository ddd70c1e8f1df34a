import { describe, expect, it } from 'vitest';
import { parseAddress } from '../net/parse-address.ts';
import { Trust } from '../net/trust.ts';
import { knownCidr, parseTrust, type TrustSpec } from '../net/trust-grammar.ts';
import { CallerNetworks } from './caller-networks.ts';

const PROXIES = new Trust(
  parseTrust('loopback, 2001:db8:0:7::1, 2001:db8:9::/48, edge') as TrustSpec,
  new Map([['edge', [knownCidr('2001:db8:0:8::40/124')]]]),
);

function callerOf(text: string, prefix = 64): string {
  return new CallerNetworks(prefix, PROXIES.networks).of(parseAddress(text)!).text;
}

describe('one caller', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:0:6::9', '2001:db8:0:6::/64'],
  ])('%s is %s', (client, network) => {
    expect(callerOf(client)).toBe(network);
  });

  it.each([
    ['beside a trusted proxy', '2001:db8:0:7::9'],
    ['beside one of a named set', '2001:db8:0:8::9'],
    ['beside loopback', '::2'],
    ['translated IPv4', '64:ff9b::cb00:7107'],
    ['IPv4 translated at home', '64:ff9b:1:7::cb00:7107'],
    ['stateless translated IPv4', '::ffff:0:cb00:7107'],
  ])('is one address %s: %s', (_, client) => {
    expect(callerOf(client)).toBe(client);
  });

  it('counts beside all that shares a wider network with a proxy, loopback or translated IPv4', () => {
    for (const client of ['2001:db8:0:6::9', '64:ff9b:7::9', '0:0:7::9'])
      expect(callerOf(client, 32)).toBe(parseAddress(client)!.text);
    expect(callerOf('2001:db9:0:6::9', 32)).toBe('2001:db9::/32');
  });
});

import { describe, expect, it } from 'vitest';
import { Cidr, parseCidr } from './cidr.ts';
import { type CidrSet, compileCidrSet } from './cidr-set.ts';
import { parseAddress } from './parse-address.ts';

const networks = (...texts: string[]): { cidr: Cidr }[] =>
  texts.map((text) => {
    const cidr = parseCidr(text);
    if (!(cidr instanceof Cidr)) throw new Error(`${text} ${cidr.fault}`);
    return { cidr };
  });

function find(set: CidrSet, text: string): number {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return set.find(address);
}

describe('a set of networks', () => {
  it('holds the first and the last address of a network, and not their neighbours', () => {
    const set = compileCidrSet(networks('203.0.113.0/24', '2001:db8::/64'));
    for (const inside of ['203.0.113.0', '203.0.113.255']) expect(find(set, inside), inside).toBe(0);
    for (const inside of ['2001:db8::', '2001:db8::ffff:ffff:ffff:ffff']) expect(find(set, inside), inside).toBe(1);
    for (const outside of [
      '203.0.112.255',
      '203.0.114.0',
      '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
      '2001:db8:0:1::',
    ]) {
      expect(find(set, outside), outside).toBe(-1);
    }
  });

  it('says the most specific of the entries that hold an address, in whatever order they are', () => {
    const texts = ['10.0.0.0/8', '10.1.2.3', '10.1.0.0/16', '10.255.255.255', '10.0.0.0'];
    for (const order of [texts, texts.toReversed()]) {
      const set = compileCidrSet(networks(...order));
      const says = (address: string): string | undefined => order[find(set, address)];
      expect(says('10.1.2.3')).toBe('10.1.2.3');
      expect(says('10.1.2.4')).toBe('10.1.0.0/16');
      expect(says('10.1.255.255')).toBe('10.1.0.0/16');
      expect(says('10.2.0.0')).toBe('10.0.0.0/8');
      expect(says('10.0.0.0')).toBe('10.0.0.0');
      expect(says('10.255.255.255')).toBe('10.255.255.255');
      expect(says('11.0.0.0')).toBeUndefined();
    }
  });

  it('keeps the families apart', () => {
    expect(find(compileCidrSet(networks('::/0')), '203.0.113.7')).toBe(-1);
    expect(find(compileCidrSet(networks('::/0')), '::ffff:203.0.113.7')).toBe(-1);
    expect(find(compileCidrSet(networks('0.0.0.0/0')), '::1')).toBe(-1);
    const both = compileCidrSet(networks('::/0', '0.0.0.0/0'));
    expect([find(both, '::1'), find(both, '::ffff:203.0.113.7')]).toEqual([0, 1]);
  });

  it('holds the ends of the address spaces', () => {
    const set = compileCidrSet(networks('255.255.255.255', '0.0.0.0', '::', 'ffff::/16'));
    expect(find(set, '255.255.255.255')).toBe(0);
    expect(find(set, '255.255.255.254')).toBe(-1);
    expect(find(set, '0.0.0.0')).toBe(1);
    expect(find(set, '::')).toBe(2);
    expect(find(set, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).toBe(3);
    expect(find(set, 'fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).toBe(-1);
  });

  it('takes two spellings of one network for one entry', () => {
    const set = compileCidrSet(networks('2001:DB8:0:0::1', '2001:db8::0:1', '10.0.0.1/32', '::ffff:10.0.0.1'));
    expect(set.size).toBe(2);
    expect(set.repeated).toEqual([1, 3]);
    expect(find(set, '10.0.0.1')).toBe(2);
  });

  it('of nothing holds nothing', () => {
    const set = compileCidrSet([]);
    expect([set.size, find(set, '0.0.0.0'), find(set, '::')]).toEqual([0, -1, -1]);
  });
});

import { describe, expect, it } from 'vitest';
import { Cidr, parseCidr } from './cidr.ts';
import { parseAddress } from './parse-address.ts';

function network(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!(cidr instanceof Cidr)) throw new Error(`${text} ${cidr.fault}`);
  return cidr;
}

function holds(cidr: string, address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new Error(`${address} is no address`);
  return network(cidr).contains(parsed);
}

describe('a network', () => {
  it.each([
    ['203.0.113.0/24', '203.0.113.0/24'],
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7/32', '203.0.113.7'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['2001:DB8:0:0::/32', '2001:db8::/32'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['2001:db8:ffff:8000::/49', '2001:db8:ffff:8000::/49'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::ffff:10.9.0.1', '10.9.0.1'],
    ['::ffff:a09:1/128', '10.9.0.1'],
  ])('%s is written %s', (text, written) => {
    expect(network(text).text).toBe(written);
  });

  it.each([
    ['203.0.113.0/24', '203.0.113.0', '203.0.113.255', 256n],
    ['128.0.0.0/1', '128.0.0.0', '255.255.255.255', 2n ** 31n],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255', 2n ** 32n],
    ['192.0.2.1', '192.0.2.1', '192.0.2.1', 1n],
    ['2001:db8::/32', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', 2n ** 96n],
    ['2001:db8::/33', '2001:db8::', '2001:db8:7fff:ffff:ffff:ffff:ffff:ffff', 2n ** 95n],
    ['::/0', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 2n ** 128n],
    ['2001:db8::1', '2001:db8::1', '2001:db8::1', 1n],
  ])('%s goes from %s to %s', (text, first, last, count) => {
    const cidr = network(text);
    expect([cidr.first.text, cidr.last.text, cidr.count]).toEqual([first, last, count]);
  });

  it('holds its first and last address and not their neighbours', () => {
    for (const inside of ['203.0.113.0', '203.0.113.1', '203.0.113.254', '203.0.113.255', '::ffff:203.0.113.9']) {
      expect(holds('203.0.113.0/24', inside), inside).toBe(true);
    }
    for (const outside of ['203.0.112.255', '203.0.114.0', '2001:db8::']) {
      expect(holds('203.0.113.0/24', outside), outside).toBe(false);
    }
    expect(holds('2001:db8:0:8000::/49', '2001:db8:0:ffff:ffff:ffff:ffff:ffff')).toBe(true);
    expect(holds('2001:db8:0:8000::/49', '2001:db8:0:7fff:ffff:ffff:ffff:ffff')).toBe(false);
  });

  it('of everything is of everything in its family', () => {
    expect(holds('::/0', '203.0.113.7')).toBe(false);
    expect(holds('::/0', '::ffff:203.0.113.7')).toBe(false);
    expect(holds('0.0.0.0/0', '::1')).toBe(false);
    expect(holds('::/0', '::1')).toBe(true);
    expect(holds('0.0.0.0/0', '::ffff:1.2.3.4')).toBe(true);
  });
});

describe('what is no network', () => {
  it.each([
    ['203.0.113.77/24', 'has bits set behind its /24', 'Did you mean 203.0.113.0/24, or the one address 203.0.113.77?'],
    ['2001:db8::7/32', 'has bits set behind its /32', 'Did you mean 2001:db8::/32, or the one address 2001:db8::7?'],
    ['::ffff:10.0.0.1/104', 'has bits set behind its /8', 'Did you mean 10.0.0.0/8, or the one address 10.0.0.1?'],
    ['1.2.3.4/0', 'has bits set behind its /0', '0.0.0.0/0'],
    ['10.0.0.0/33', 'has a prefix beyond /32', 'Write /0 to /32.'],
    ['::/129', 'has a prefix beyond /128', 'Write /0 to /128.'],
    ['10.0.0.0/08', 'has no prefix length', 'number of leading bits'],
    ['10.0.0.0/-1', 'has no prefix length', 'number of leading bits'],
    ['10.0.0.0/+8', 'has no prefix length', 'number of leading bits'],
    ['10.0.0.0/8 ', 'has no prefix length', 'number of leading bits'],
    ['10.0.0.0/', 'has no prefix length', 'number of leading bits'],
    ['10.0.0.0/8/8', 'has no prefix length', 'number of leading bits'],
    ['10.0.0.0/0x8', 'has no prefix length', 'number of leading bits'],
    ['10.0.0.0/abc', 'has no prefix length', 'number of leading bits'],
    ['1.2.3.4/255.255.255.0', 'has a netmask behind the slash', '/24 for 255.255.255.0'],
    ['fe80::%eth0/64', 'has a zone', 'without the %'],
    ['::ffff:0.0.0.0/95', 'holds IPv4 addresses written as IPv6', 'Write the IPv4 network'],
    ['10.0.0/8', 'is no address', 'Write an address'],
    ['10/8', 'is no address', 'Write an address'],
    ['', 'is no address', 'Write an address'],
    ['/24', 'is no address', 'Write an address'],
    [' 10.0.0.0/8', 'is no address', 'Write an address'],
    ['10.0.0.1-10.0.0.9', 'is no address', 'Write an address'],
    ['example.com', 'is no address', 'Write an address'],
    ['10.0.0.*', 'is no address', 'Write an address'],
  ])('%j %s', (text, fault, remedy) => {
    expect(parseCidr(text)).toEqual({ fault: expect.stringContaining(fault), remedy: expect.stringContaining(remedy) });
  });
});

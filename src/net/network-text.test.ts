import { describe, expect, it } from 'vitest';
import { networkOf } from './cidr.ts';
import { type CidrSet, cidrSetOf } from './cidr-set.ts';
import { type NetworkText, readNetworkText } from './network-text.ts';
import { parseAddress } from './parse-address.ts';
import { atOnce } from './slices.ts';

const read = (text: string | Buffer): NetworkText => atOnce(readNetworkText(Buffer.from(text)));

function find(set: CidrSet, text: string): number {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return set.find(address);
}

describe('a file of networks', () => {
  it('has one on a line, with comments, blank lines and notes', () => {
    const text = read('# office\n\n203.0.113.0/24 # Vienna, 2nd floor\r\n  2001:db8::/32\t\n   # nothing\n10.0.0.1#');
    const set = atOnce(cidrSetOf(text.columns));
    expect(text.faults).toEqual([]);
    expect(['203.0.113.9', '2001:db8::9', '10.0.0.1', '10.0.0.2'].map((address) => find(set, address))).toEqual([
      0, 1, 2, -1,
    ]);
    expect([0, 1, 2].map((index) => text.lines.lineOf(index))).toEqual([3, 4, 6]);
    expect([0, 1, 2].map((index) => text.lines.noteOf(index))).toEqual(['Vienna, 2nd floor', undefined, undefined]);
  });

  it('names each line that is none, with what to write', () => {
    const { faults, faultCount } = read('10.0.0.0/8\n10.0.0.1/8\n\nexample.com\n10.0.0.1 10.0.0.2\n');
    expect(faultCount).toBe(3);
    expect(faults.map(({ line, text, fault }) => [line, text, fault])).toEqual([
      [2, '10.0.0.1/8', 'has bits set behind its /8'],
      [4, 'example.com', 'is no address and no CIDR'],
      [5, '10.0.0.1 10.0.0.2', 'is no address and no CIDR'],
    ]);
    expect(faults[0]?.remedy).toBe('Did you mean 10.0.0.0/8, or the one address 10.0.0.1?');
  });

  it('of nonsense is told by its first lines, cut short', () => {
    const { faults, faultCount, columns } = read(`${'x'.repeat(10_000)}\n`.repeat(50));
    expect([faultCount, faults.length, columns.length]).toEqual([50, 20, 0]);
    expect(faults[0]?.text).toBe('x'.repeat(60));
  });

  it('may be empty, have no newline at its end, and a byte order mark', () => {
    expect(read('').columns.length).toBe(0);
    expect(read('\n\n').columns.length).toBe(0);
    expect(read('\ufeff10.0.0.0/8')).toMatchObject({ faultCount: 0, columns: { length: 1 } });
  });

  it('keeps notes that are not ASCII, and the prefix by which an entry is written again', () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24 # Büro ${i}`);
    const text = read(lines.join('\n'));
    const set = atOnce(cidrSetOf(text.columns));
    for (const i of [0, 255, 1024, 2999]) {
      const address = parseAddress(`10.${i >> 8}.${i & 255}.77`);
      if (address === undefined) throw new Error('no address');
      const index = set.find(address);
      expect(text.lines.noteOf(index)).toBe(`Büro ${i}`);
      expect(networkOf(address, text.lines.prefixOf(index)).text).toBe(`10.${i >> 8}.${i & 255}.0/24`);
    }
  });

  it('with bytes that are no UTF-8 is at fault on that line', () => {
    expect(read(Buffer.from([0x31, 0xff, 0x0a])).faults).toMatchObject([{ line: 1 }]);
  });
});

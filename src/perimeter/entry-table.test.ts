import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkOf } from '../net/cidr.ts';
import { IpAddress } from '../net/ip-address.ts';
import { EntryTable, type Expiring } from './entry-table.ts';

/** Few bits differ, so that networks overlap. */
const word = fc.constantFrom(0, 1, 0x8000_0000, 0xffff_ffff);
const address = fc.oneof(
  word.map((w3) => new IpAddress(4, 0, 0, 0, w3)),
  fc.tuple(word, word, word, word).map((words) => new IpAddress(6, ...words)),
);
const entry: fc.Arbitrary<Expiring> = fc
  .record({
    base: address,
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    expiresAt: fc.constantFrom(undefined, 50, 150),
  })
  .map(({ base, part, expiresAt }) => ({
    network: networkOf(base, Math.round(part * (base.family === 4 ? 32 : 128))),
    expiresAt,
  }));

describe('a table of networks', () => {
  it('finds what a walk over all of them finds: the longest prefix that covers the address and still counts', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), fc.array(address), fc.nat(), (entries, addresses, gone) => {
        const table = new EntryTable<Expiring>();
        for (const one of entries) table.add(one);
        const left = entries.filter((_, index) => index % 3 !== gone % 3);
        for (const one of entries) if (!left.includes(one)) table.delete(one);
        expect(table.size).toBe(left.length);
        for (const one of addresses) {
          const covering = left.filter(({ network, expiresAt }) => network.contains(one) && (expiresAt ?? 101) > 100);
          const longest = Math.max(-1, ...covering.map(({ network }) => network.prefix));
          expect(table.find(one, 100)?.network.prefix ?? -1).toBe(longest);
        }
      }),
    );
  });

  it('takes out nothing that is not in it', () => {
    const table = new EntryTable<Expiring>();
    const one = { network: networkOf(new IpAddress(4, 0, 0, 0, 7), 32), expiresAt: undefined };
    table.add(one);
    table.delete({ ...one });
    expect(table.size).toBe(1);
    table.delete(one);
    table.delete(one);
    expect(table.size).toBe(0);
  });
});

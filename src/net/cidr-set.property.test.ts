import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cidr, networkOf } from './cidr.ts';
import { CidrColumns, type CidrSet, cidrSetOf, compileCidrSet } from './cidr-set.ts';
import { IpAddress } from './ip-address.ts';
import { inSlices } from './slices.ts';

// Words that lie on and beside the borders of networks, so that entries nest and touch.
const word = fc.oneof(
  fc.constantFrom(0, 1, 2, 0xff, 0x100, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, 0x0a00_0000, 0x0a01_0000),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const ipv4 = word.map((w3) => new IpAddress(4, 0, 0, 0, w3));
const ipv6 = fc.tuple(word, word, word, word).map(([w0, w1, w2, w3]) => new IpAddress(6, w0, w1, w2, w3));
const network4 = fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([address, prefix]) => networkOf(address, prefix));
const network6 = fc
  .tuple(ipv6, fc.integer({ min: 0, max: 128 }))
  .map(([address, prefix]) => networkOf(address, prefix));
const networks = fc.array(fc.oneof(network4, network6), { maxLength: 60 });

/** What a linear search says: the first of the narrowest. */
function naive(entries: readonly Cidr[], address: IpAddress): number {
  let best = -1;
  for (const [index, cidr] of entries.entries()) {
    if (cidr.contains(address) && (best === -1 || cidr.prefix > (entries[best] as Cidr).prefix)) best = index;
  }
  return best;
}

/** Addresses at and around the borders of what is in the set. */
function borders(entries: readonly Cidr[]): IpAddress[] {
  return entries.flatMap(({ first, last }) => [first, last, beside(first, -1), beside(last, 1)]);
}

function beside({ family, w0, w1, w2, w3 }: IpAddress, step: number): IpAddress {
  return new IpAddress(family, w0, w1, w2, Math.min(0xffff_ffff, Math.max(0, w3 + step)));
}

function agree(set: CidrSet, entries: readonly Cidr[], addresses: readonly IpAddress[]): void {
  for (const address of addresses) expect(set.find(address), address.text).toBe(naive(entries, address));
}

describe('a set of networks', () => {
  it('says what a search through the whole list says', () => {
    fc.assert(
      fc.property(networks, fc.array(fc.oneof(ipv4, ipv6), { maxLength: 20 }), (entries, addresses) => {
        const set = compileCidrSet(entries.map((cidr) => ({ cidr })));
        agree(set, entries, [...addresses, ...borders(entries)]);
        expect(set.size).toBe(new Set(entries.map(({ text }) => text)).size);
        expect(set.repeated.length).toBe(Math.min(100, entries.length - set.size));
      }),
      { numRuns: 300 },
    );
  });

  it('does so however large it is and in whatever slices it was built', async () => {
    const entries = fc.sample(fc.oneof(network4, network6), { numRuns: 3000, seed: 4 });
    const columns = new CidrColumns();
    for (const cidr of entries) columns.add(cidr);
    agree(await inSlices(cidrSetOf(columns)), entries, borders(entries.slice(0, 500)));
  });
});

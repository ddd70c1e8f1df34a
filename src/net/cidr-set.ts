import type { Cidr } from './cidr.ts';
import type { IpAddress } from './ip-address.ts';
import { Ipv4Lookup } from './ipv4-lookup.ts';
import { Ipv6Lookup } from './ipv6-lookup.ts';
import { NetworkColumn } from './network-column.ts';
import { rangesOf } from './ranges.ts';
import { atOnce, type Steps } from './slices.ts';

/** Networks, compiled. Immutable. IPv4 networks hold IPv4 addresses only, IPv6 networks IPv6 ones. */
export interface CidrSet {
  /** The entries that count: two spellings of one network are one. */
  readonly size: number;
  /** Entries that say again what an earlier one said, by their index, ascending: a hundred of each family at most. */
  readonly repeated: readonly number[];
  /** The index of the most specific entry that holds the address; -1 when none does. */
  find(address: IpAddress): number;
}

/** Networks on their way into a set. */
export class CidrColumns {
  readonly ipv4 = new NetworkColumn(1);
  readonly ipv6 = new NetworkColumn(4);

  get length(): number {
    return this.ipv4.length + this.ipv6.length;
  }

  /** Its index is how many were added before it. */
  add(cidr: Cidr): void {
    (cidr.family === 4 ? this.ipv4 : this.ipv6).add(cidr, this.length);
  }
}

/** Compiles entries. What `find` says is their position here; of equal networks the first counts. */
export function compileCidrSet(entries: readonly { readonly cidr: Cidr }[]): CidrSet {
  const columns = new CidrColumns();
  for (const { cidr } of entries) columns.add(cidr);
  return atOnce(cidrSetOf(columns));
}

/** The same for very many, to be run in slices while requests are served. */
export function* cidrSetOf({ ipv4, ipv6 }: CidrColumns): Steps<CidrSet> {
  const [ranges4, ranges6] = [yield* rangesOf(ipv4), yield* rangesOf(ipv6)];
  const [lookup4, lookup6] = [yield* Ipv4Lookup.of(ranges4), new Ipv6Lookup(ranges6)];
  return {
    size: ranges4.networks + ranges6.networks,
    repeated: [...ranges4.repeated, ...ranges6.repeated].sort((a, b) => a - b),
    find: ({ family, w0, w1, w2, w3 }) => (family === 4 ? lookup4.find(w3) : lookup6.find(w0, w1, w2, w3)),
  };
}

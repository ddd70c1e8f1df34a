import type { Cidr } from './cidr.ts';
import type { IpAddress } from './ip-address.ts';

/** Networks, compiled. Immutable. IPv4 networks hold IPv4 addresses only, IPv6 networks IPv6 ones. */
export interface CidrSet {
  /** The entries that count: two spellings of one network are one. */
  readonly size: number;
  /** Entries that say again what an earlier one said, by their index. */
  readonly repeated: readonly number[];
  /** The index of the most specific entry that holds the address; -1 when none does. */
  find(address: IpAddress): number;
}

/** Compiles entries. What `find` says is their position here; of equal networks the first counts. */
export function compileCidrSet(entries: readonly { readonly cidr: Cidr }[]): CidrSet {
  const seen = new Set<string>();
  const kept: { cidr: Cidr; index: number }[] = [];
  const repeated: number[] = [];
  for (const [index, { cidr }] of entries.entries()) {
    if (seen.has(cidr.text)) repeated.push(index);
    else kept.push({ cidr, index });
    seen.add(cidr.text);
  }
  kept.sort((a, b) => b.cidr.prefix - a.cidr.prefix);
  return {
    size: kept.length,
    repeated,
    find: (address) => kept.find(({ cidr }) => cidr.contains(address))?.index ?? -1,
  };
}

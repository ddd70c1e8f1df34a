import type { Cidr } from './cidr.ts';
import { knownCidr } from './trust-grammar.ts';

/** No network of one owner is this wide; two such halves are everybody. */
const WIDEST = { 4: 7, 6: 6 } as const;

/** Networks in which strangers may be next door: RFC 1918, RFC 4193, RFC 6598, RFC 3927, RFC 4291 section 2.5.6. */
const NEIGHBOURHOODS: readonly Cidr[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fd00::/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fe80::/10',
].map(knownCidr);

/** Whoever trusts this network trusts everybody, or as good as. */
export function isEverybody({ family, prefix }: Cidr): boolean {
  return prefix <= WIDEST[family];
}

/** It holds the whole of a network that is no owner's alone. */
export function holdsNeighbours(network: Cidr): boolean {
  return NEIGHBOURHOODS.some(({ base, prefix }) => network.prefix <= prefix && network.contains(base));
}

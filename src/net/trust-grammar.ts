import { Cidr, type CidrFault, parseCidr } from './cidr.ts';
import { PROVIDER_RANGES } from './provider-ranges.ts';

/** As an operator writes it: `false`, `2`, `"loopback, 10.0.0.0/8"`, or a list of names, addresses and networks. */
export type TrustValue = boolean | number | string | readonly string[];

/** One name, address or network of the list, with the networks it stands for. */
export interface TrustEntry {
  readonly name: string;
  readonly cidrs: readonly Cidr[];
}

/** What is trusted, read but not yet compiled. */
export type TrustSpec =
  | { readonly mode: 'none' | 'all' }
  /** `hops` connections are trusted, whoever is at the other end. */
  | { readonly mode: 'hops'; readonly hops: number }
  | {
      readonly mode: 'list';
      readonly entries: readonly TrustEntry[];
      /** Names of sets whose networks come from a provider or a file. */
      readonly sets: readonly string[];
      /** Peers of a Unix socket, who have no address. */
      readonly unix: boolean;
    };

/** Why a value says nobody could tell whom to trust. */
export interface TrustFault extends CidrFault {
  /** The part that is wrong; undefined when it is the value as a whole. */
  readonly part: string | undefined;
}

/** Beyond this many proxies one behind another somebody has mistaken an address for a number. */
const MAX_HOPS = 32;

const networks = (...texts: readonly string[]): readonly Cidr[] => texts.map(knownCidr);

/** RFC 1122, RFC 4291; RFC 3927, RFC 4291 section 2.5.6; RFC 1918, RFC 4193. */
const PRESETS: ReadonlyMap<string, readonly Cidr[]> = new Map([
  ['loopback', networks('127.0.0.0/8', '::1')],
  ['linklocal', networks('169.254.0.0/16', 'fe80::/10')],
  ['uniquelocal', networks('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7')],
]);

/** Every word with a meaning of its own, for faults and suggestions. */
export const TRUST_WORDS: readonly string[] = ['false', 'true', ...PRESETS.keys(), 'unix', ...PROVIDER_RANGES.keys()];

/** A set's name: what could be no address in any notation. */
export const SET_NAME = /^(?=.{1,32}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/**
 * Reads a value of `server.trust_proxy`. A number, also written as text, is a count of hops and never an address: `"1"` is
 * not 0.0.0.1. A set's name is taken as it stands; whether there is such a set is for the caller to say.
 */
export function parseTrust(value: TrustValue): TrustSpec | TrustFault {
  if (typeof value === 'boolean') return { mode: value ? 'all' : 'none' };
  if (typeof value === 'number') return hopCount(value);
  const parts = typeof value === 'string' ? partsOf(value) : value.map((part) => part.trim());
  const [first] = parts;
  if (first === undefined) return NOBODY;
  if (parts.length === 1 && typeof value === 'string') {
    const word = first.toLowerCase();
    if (word === 'true' || word === 'false') return { mode: word === 'true' ? 'all' : 'none' };
    // A number with a zero or a sign in front is part of something else: "01" is no way to count.
    if (/^[+-]?\d+$/.test(first)) return hopCount(/^(?:0|[1-9]\d*)$/.test(first) ? Number(first) : Number.NaN);
  }
  return list(parts);
}

export function isTrustFault(result: TrustSpec | TrustFault): result is TrustFault {
  return 'fault' in result;
}

function partsOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function hopCount(hops: number): TrustSpec | TrustFault {
  if (Number.isInteger(hops) && hops >= 0 && hops <= MAX_HOPS)
    return hops === 0 ? { mode: 'none' } : { mode: 'hops', hops };
  return {
    part: undefined,
    fault: `is no number of proxies from 0 to ${MAX_HOPS}`,
    remedy: 'Count the proxies in front of the gateway, or write their addresses.',
  };
}

function list(parts: readonly string[]): TrustSpec | TrustFault {
  const entries: TrustEntry[] = [];
  const sets: string[] = [];
  let unix = false;
  for (const part of parts) {
    const preset = PRESETS.get(part);
    if (preset !== undefined) entries.push({ name: part, cidrs: preset });
    else if (part === 'unix') unix = true;
    else if (part === 'true' || part === 'false' || /^[+-]?\d+$/.test(part)) return { part, ...STANDS_ALONE };
    else if (SET_NAME.test(part)) sets.push(part);
    else {
      const cidr = parseCidr(part);
      if (!(cidr instanceof Cidr)) return { part, ...cidr };
      entries.push({ name: cidr.text, cidrs: [cidr] });
    }
  }
  return { mode: 'list', entries, sets, unix };
}

/** @throws TypeError for a network that is none: for those written in the code */
export function knownCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!(cidr instanceof Cidr)) throw new TypeError(`${text} ${cidr.fault}`);
  return cidr;
}

const NOBODY: TrustFault = {
  part: undefined,
  fault: 'names nobody',
  remedy: 'Write false to trust no proxy, or the addresses of those in front of the gateway.',
};

const STANDS_ALONE = {
  fault: 'stands for all connections and cannot be one of a list',
  remedy: 'Write it alone, or write only names, addresses and networks.',
};

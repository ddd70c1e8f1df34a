import { IpAddress } from './ip-address.ts';
import { parseAddress } from './parse-address.ts';

/** Why a text is no network, and what to write instead. `fault` goes behind the text: `"10.0.0.0/33" has a prefix beyond /32`. */
export interface CidrFault {
  readonly fault: string;
  /** A sentence. */
  readonly remedy: string;
}

/** A network in CIDR notation (RFC 4632, section 3.1; RFC 4291, section 2.3). An address alone is the network of that address. */
export class Cidr {
  /** The first address, of which no bit behind the prefix is set. */
  readonly base: IpAddress;
  /** 0 to 32, or 0 to 128. */
  readonly prefix: number;

  /** The base must have no bit set behind the prefix: `parseCidr` makes sure. */
  constructor(base: IpAddress, prefix: number) {
    this.base = base;
    this.prefix = prefix;
  }

  /** The one spelling: an address alone when it is one address, otherwise `base/prefix`. */
  get text(): string {
    return this.prefix === this.bits ? this.base.text : `${this.base.text}/${this.prefix}`;
  }

  get family(): 4 | 6 {
    return this.base.family;
  }

  get first(): IpAddress {
    return this.base;
  }

  get last(): IpAddress {
    const { w0, w1, w2, w3 } = this.base;
    if (this.family === 4) return new IpAddress(4, 0, 0, 0, filled(w3, this.prefix));
    const prefix = this.prefix;
    return new IpAddress(
      6,
      filled(w0, prefix),
      filled(w1, prefix - 32),
      filled(w2, prefix - 64),
      filled(w3, prefix - 96),
    );
  }

  /** How many addresses, the first and the last among them: up to 2^128. */
  get count(): bigint {
    return 1n << BigInt(this.bits - this.prefix);
  }

  /** Of the same family only: `::/0` holds no IPv4 address. */
  contains(address: IpAddress): boolean {
    if (address.family !== this.family) return false;
    const { base, prefix } = this;
    if (this.family === 4) return cleared(address.w3, prefix) === base.w3;
    return (
      cleared(address.w0, prefix) === base.w0 &&
      cleared(address.w1, prefix - 32) === base.w1 &&
      cleared(address.w2, prefix - 64) === base.w2 &&
      cleared(address.w3, prefix - 96) === base.w3
    );
  }

  private get bits(): 32 | 128 {
    return this.family === 4 ? 32 : 128;
  }
}

/** The 32-bit word with the bits behind its first `prefix` ones cleared. Negative prefixes are 0, those over 32 are 32. */
export function cleared(word: number, prefix: number): number {
  if (prefix >= 32) return word;
  return prefix <= 0 ? 0 : (word & (-1 << (32 - prefix))) >>> 0;
}

/** The same with those bits set. */
export function filled(word: number, prefix: number): number {
  if (prefix >= 32) return word;
  return prefix <= 0 ? 0xffff_ffff : (word | (0xffff_ffff >>> prefix)) >>> 0;
}

const NO_NETWORK: CidrFault = {
  fault: 'is no address and no CIDR',
  remedy: 'Write an address (203.0.113.7, 2001:db8::7) or a network (203.0.113.0/24, 2001:db8::/32).',
};
const SEVERAL: CidrFault = {
  fault: 'is no address and no CIDR',
  remedy: 'Is it several? Commas separate entries (10.0.0.1, 10.0.0.2); a file has one on each line.',
};
const NO_PREFIX: CidrFault = {
  fault: 'has no prefix length behind the slash',
  remedy: 'Write the number of leading bits that count, without sign, zeros in front or spaces: 203.0.113.0/24.',
};
const NETMASK: CidrFault = {
  fault: 'has a netmask behind the slash',
  remedy: 'Write the number of leading bits instead: /24 for 255.255.255.0.',
};
const ZONE: CidrFault = {
  fault: 'has a zone, which means something on one machine only',
  remedy: 'Write the address without the % and what follows.',
};
const WIDER_THAN_MAPPED: CidrFault = {
  fault: 'holds IPv4 addresses written as IPv6 and others besides',
  remedy: 'Write the IPv4 network as such (10.0.0.0/8); ::ffff:a.b.c.d/n is one from /96 on.',
};

/** Something that could be an address on either side of a blank, a semicolon or a bar. */
const SEPARATED = /[0-9a-f:][\s;|]+[0-9a-f:]/i;

/**
 * Reads an address or a network and nothing else. Strict in the prefix (no `/08`, `/+8`, `/255.0.0.0`) and in the base: bits
 * set behind the prefix (`203.0.113.77/24`) may mean the network or the address, so they are a fault and not a guess.
 * IPv4 networks inside IPv6 (`::ffff:10.0.0.0/104`) are IPv4 networks.
 */
export function parseCidr(text: string): Cidr | CidrFault {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return text.includes('%') ? ZONE : SEPARATED.test(text) ? SEVERAL : NO_NETWORK;
  if (slash === -1) return new Cidr(address, address.family === 4 ? 32 : 128);

  const written = text.slice(slash + 1);
  const mapped = address.family === 4 && text.includes(':');
  const prefix = parsePrefix(written);
  if (prefix === -1) return parseAddress(written) === undefined ? NO_PREFIX : NETMASK;
  const widest = address.family === 4 && !mapped ? 32 : 128;
  if (prefix > widest) return { fault: `has a prefix beyond /${widest}`, remedy: `Write /0 to /${widest}.` };
  if (!mapped) return network(address, prefix);
  return prefix < 96 ? WIDER_THAN_MAPPED : network(address, prefix - 96);
}

/** The network of exactly this base, or the two things it may have been meant to be. */
function network(base: IpAddress, prefix: number): Cidr | CidrFault {
  const meant = networkOf(base, prefix);
  if (meant.base.equals(base)) return new Cidr(base, prefix);
  return {
    fault: `has bits set behind its /${prefix}`,
    remedy: `Did you mean ${meant.text}, or the one address ${base.text}?`,
  };
}

/** The network of that prefix the address is in. */
export function networkOf(address: IpAddress, prefix: number): Cidr {
  const { w0, w1, w2, w3 } = address;
  if (address.family === 4) return new Cidr(new IpAddress(4, 0, 0, 0, cleared(w3, prefix)), prefix);
  const last = cleared(w3, prefix - 96);
  return new Cidr(
    new IpAddress(6, cleared(w0, prefix), cleared(w1, prefix - 32), cleared(w2, prefix - 64), last),
    prefix,
  );
}

/** 0 to 999 in decimal digits without leading zeros; -1 for anything else. */
function parsePrefix(text: string): number {
  if (text.length === 0 || text.length > 3) return -1;
  let prefix = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    prefix = prefix * 10 + digit;
  }
  return text.length > 1 && text.charCodeAt(0) === 0x30 ? -1 : prefix;
}

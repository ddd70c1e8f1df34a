import { IpAddress } from './ip-address.ts';

const DOT = 0x2e;
const COLON = 0x3a;

/**
 * Reads an address and nothing else: four decimal parts without leading zeros, or an IPv6 address (RFC 4291, section 2.2)
 * without zone, brackets or port. Undefined for everything else: octal, hexadecimal, short and integer IPv4 are what other
 * parsers disagree about, and so no addresses.
 */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.length < 2 || text.length > 45) return undefined;
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): IpAddress | undefined {
  const bits = ipv4Bits(text, 0);
  return bits === -1 ? undefined : new IpAddress(4, 0, 0, 0, bits);
}

/** The 32 bits of the dotted decimal that runs from `from` to the end; -1 when it is none. */
function ipv4Bits(text: string, from: number): number {
  let bits = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || dots === 3) return -1;
      bits = bits * 256 + part;
      dots++;
      part = 0;
      digits = 0;
      continue;
    }
    const digit = code - 0x30;
    if (digit < 0 || digit > 9) return -1;
    if (digits > 0 && part === 0) return -1;
    part = part * 10 + digit;
    digits++;
    if (part > 255) return -1;
  }
  return digits === 0 || dots !== 3 ? -1 : bits * 256 + part;
}

/** The groups of the address being read. Kept from call to call, for nothing is allocated but the address. */
const groups = new Uint16Array(8);

function parseIpv6(text: string): IpAddress | undefined {
  const { length } = text;
  let count = 0;
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined;
    gap = 0;
    i = 2;
  }
  while (i < length) {
    if (count === 8) return undefined;
    let group = 0;
    const start = i;
    let next = 0;
    for (; i < length; i++) {
      next = text.charCodeAt(i);
      const digit = hexDigit(next);
      if (digit === -1) break;
      group = group * 16 + digit;
    }
    if (i - start > 4 || i === start) return undefined;
    if (i < length && next === DOT) {
      const bits = ipv4Bits(text, start);
      if (bits === -1 || count > 6) return undefined;
      groups[count++] = bits >>> 16;
      groups[count++] = bits & 0xffff;
      break;
    }
    groups[count++] = group;
    if (i === length) break;
    if (next !== COLON) return undefined;
    i++;
    if (text.charCodeAt(i) === COLON) {
      if (gap !== -1) return undefined;
      gap = count;
      i++;
    } else if (i === length) return undefined;
  }
  return assembled(count, gap);
}

function assembled(count: number, gap: number): IpAddress | undefined {
  // `::` stands for at least one group (RFC 4291, section 2.2).
  if (gap === -1 ? count !== 8 : count > 7) return undefined;
  if (gap !== -1) {
    groups.copyWithin(8 - count + gap, gap, count);
    groups.fill(0, gap, 8 - count + gap);
  }
  const [w0, w1, w2, w3] = [word(0), word(2), word(4), word(6)];
  return w0 === 0 && w1 === 0 && w2 === 0xffff ? new IpAddress(4, 0, 0, 0, w3) : new IpAddress(6, w0, w1, w2, w3);
}

function word(at: number): number {
  return (groups[at] as number) * 65_536 + (groups[at + 1] as number);
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

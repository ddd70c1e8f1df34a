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

function parseIpv6(text: string): IpAddress | undefined {
  const groups: number[] = [];
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined;
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    if (groups.length === 8) return undefined;
    let group = 0;
    let digits = 0;
    const start = i;
    for (; i < text.length; i++) {
      const digit = hexDigit(text.charCodeAt(i));
      if (digit === -1) break;
      group = group * 16 + digit;
      digits++;
      if (digits > 4) return undefined;
    }
    if (digits === 0) return undefined;
    const next = text.charCodeAt(i);
    if (next === DOT) {
      const bits = ipv4Bits(text, start);
      if (bits === -1 || groups.length > 6) return undefined;
      groups.push(Math.floor(bits / 65_536), bits % 65_536);
      i = text.length;
      break;
    }
    groups.push(group);
    if (i === text.length) break;
    if (next !== COLON) return undefined;
    i++;
    if (text.charCodeAt(i) === COLON) {
      if (gap !== -1) return undefined;
      gap = groups.length;
      i++;
    } else if (i === text.length) return undefined;
  }
  return assembled(groups, gap);
}

function assembled(groups: readonly number[], gap: number): IpAddress | undefined {
  // `::` stands for at least one group (RFC 4291, section 2.2).
  if (gap === -1 ? groups.length !== 8 : groups.length > 7) return undefined;
  const zeros: readonly number[] = new Array(8 - groups.length).fill(0);
  const all = gap === -1 ? groups : [...groups.slice(0, gap), ...zeros, ...groups.slice(gap)];
  const word = (at: number): number => (all[at] as number) * 65_536 + (all[at + 1] as number);
  const [w0, w1, w2, w3] = [word(0), word(2), word(4), word(6)];
  return w0 === 0 && w1 === 0 && w2 === 0xffff ? new IpAddress(4, 0, 0, 0, w3) : new IpAddress(6, w0, w1, w2, w3);
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

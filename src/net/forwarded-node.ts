import type { IpAddress } from './ip-address.ts';
import { parseAddress } from './parse-address.ts';

const COLON = 0x3a;
const OPEN = 0x5b;

/**
 * The address in what a proxy says of the hop before it: `198.51.100.7`, `198.51.100.7:4431` (as AWS and IIS write it),
 * `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:4431` (RFC 7239, section 6). The port is judged and dropped. Without
 * brackets a colon belongs to IPv6: `2001:db8::7:4431` is an address.
 *
 * Undefined for everything else: names, `unknown`, `_hidden`, zones, a port that is none, spaces.
 */
export function parseForwardedNode(text: string): IpAddress | undefined {
  if (text.charCodeAt(0) === OPEN) {
    const close = text.indexOf(']');
    if (close === -1 || !isPort(text, close + 1)) return undefined;
    const inside = text.slice(1, close);
    return inside.includes(':') ? parseAddress(inside) : undefined;
  }
  const colon = text.indexOf(':');
  if (colon === -1 || colon !== text.lastIndexOf(':')) return parseAddress(text);
  return isPort(text, colon) ? parseAddress(text.slice(0, colon)) : undefined;
}

/** Whether the text goes on from `at` with nothing, or with a colon and a port (0 to 65535, at most five digits). */
function isPort(text: string, at: number): boolean {
  const digits = text.length - at - 1;
  if (digits === -1) return true;
  if (text.charCodeAt(at) !== COLON || digits < 1 || digits > 5) return false;
  let port = 0;
  for (let i = at + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65_535;
}

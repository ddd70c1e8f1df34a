import { isIPv4 } from 'node:net';
import { canonicalAddress } from './address.ts';

/**
 * Whether a host that is bound or dialled is this machine itself: 127.0.0.0/8 (RFC 1122, section 3.2.1.3), `::1`, and
 * `localhost` with the names under it (RFC 6761, section 6.3). With or without the brackets a URL puts around IPv6.
 *
 * Nothing is resolved: any other name is not loopback, whatever it points to. `127.1` and `0127.0.0.1` are not either,
 * for parsers disagree about them.
 */
export function isLoopback(host: string): boolean {
  const bare = canonicalAddress(host.toLowerCase().replace(/^\[|\]$/g, ''));
  if (bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1') return true;
  return bare.startsWith('127.') && isIPv4(bare);
}

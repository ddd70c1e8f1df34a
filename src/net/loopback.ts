import { socketAddress } from './socket-address.ts';

/**
 * Whether a host that is bound or dialled is this machine itself: 127.0.0.0/8 (RFC 1122, section 3.2.1.3), `::1`, and
 * `localhost` with the names under it (RFC 6761, section 6.3). With or without the brackets a URL puts around IPv6.
 *
 * Nothing is resolved: any other name is not loopback, whatever it points to. `127.1` and `0127.0.0.1` are not either,
 * for parsers disagree about them.
 */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  return socketAddress(bare)?.isLoopback === true;
}

/** How this machine itself gets to a bind: an address that means "all of them" is none to connect to. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

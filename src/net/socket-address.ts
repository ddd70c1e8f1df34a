import type { IpAddress } from './ip-address.ts';
import { parseAddress } from './parse-address.ts';

/**
 * The address the operating system names for a socket. A link-local one loses its zone (`fe80::1%eth0`, RFC 4007, section
 * 11), which means something on this machine only. Undefined when the system names none.
 *
 * Never for what a header or a setting says: there a zone makes a text no address.
 */
export function socketAddress(text: string | undefined): IpAddress | undefined {
  if (text === undefined) return undefined;
  const zone = text.indexOf('%');
  return parseAddress(zone === -1 ? text : text.slice(0, zone));
}

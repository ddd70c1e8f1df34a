/** An IPv4 address inside an IPv6 one (RFC 4291, section 2.5.5.2), in the spellings systems and URLs use. */
const MAPPED_DOTTED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/;
const MAPPED_HEX = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/**
 * The one spelling of an address the operating system named: IPv4 as IPv4 on a dual-stack socket, IPv6 in lower case and
 * without its zone (`fe80::1%eth0`), which means something on this machine only. Empty when there is none.
 *
 * For addresses of sockets, never for what a header says: it does not judge whether the text is an address at all.
 */
export function canonicalAddress(address: string | undefined): string {
  if (address === undefined) return '';
  // IPv4 has one spelling here, and nearly every peer is one of it.
  if (!address.includes(':')) return address;
  const zone = address.indexOf('%');
  const bare = (zone === -1 ? address : address.slice(0, zone)).toLowerCase();
  return ipv4Of(bare) ?? bare;
}

function ipv4Of(bare: string): string | undefined {
  if (!bare.startsWith('::ffff:')) return undefined;
  const dotted = MAPPED_DOTTED.exec(bare);
  if (dotted !== null) return dotted[1];
  const hex = MAPPED_HEX.exec(bare);
  if (hex === null) return undefined;
  const bits = Number.parseInt(hex[1] as string, 16) * 0x10000 + Number.parseInt(hex[2] as string, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.');
}

/** How this machine itself gets to a bind: an address that means "all of them" is none to connect to. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

import { IpAddress } from './ip-address.ts';
import { parseAddress } from './parse-address.ts';

/** A PROXY header, as far as the bytes go. */
export type ProxyHeader =
  /** Sound so far; more bytes must tell. Never said of more than the longest header there may be. */
  | { readonly kind: 'incomplete' }
  /** No PROXY header, whatever follows. `fault` is for the record. */
  | { readonly kind: 'malformed'; readonly fault: string }
  | {
      readonly kind: 'header';
      /** Bytes it takes up; what is behind them is the client's. */
      readonly length: number;
      /** Who connected to the proxy. Undefined when it speaks for itself (LOCAL) or cannot say (UNKNOWN, UNSPEC). */
      readonly source: IpAddress | undefined;
      /** The proxy says that the client came to it over TLS. Version 2 alone can. */
      readonly isEncrypted: boolean;
    };

const SIGNATURE_1 = Buffer.from('PROXY ', 'latin1');
const SIGNATURE_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The longest line of version 1, CR and LF included. */
const MOST_1 = 107;
/** Of version 2. Addresses take up 216 at most; the rest are TLVs, of which the largest hold the name in a certificate. */
const MOST_2 = 2_048;
const FIXED_2 = 16;
const INCOMPLETE: ProxyHeader = Object.freeze({ kind: 'incomplete' });

/**
 * Reads the header a proxy sends before the bytes of its client (the PROXY protocol, versions 1 and 2, as HAProxy's
 * `proxy-protocol.txt` has it). Strict: single blanks, no leading zeros, a family that fits the addresses, whole TLVs. Only
 * TCP is understood, and of the TLVs only the one about TLS; checksums are passed over.
 * @param bytes all that was received so far
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return INCOMPLETE;
  if (begins(bytes, SIGNATURE_1)) return bytes.length < SIGNATURE_1.length ? INCOMPLETE : version1(bytes);
  if (begins(bytes, SIGNATURE_2)) return bytes.length < FIXED_2 ? INCOMPLETE : version2(bytes);
  return malformed('the first bytes are no PROXY header');
}

/** The bytes are the signature, or as much of it as there are bytes. */
function begins(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

function version1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MOST_1).indexOf('\r\n');
  if (end === -1) return bytes.length < MOST_1 ? INCOMPLETE : malformed('a line without an end');
  const length = end + 2;
  const words = bytes.toString('latin1', SIGNATURE_1.length, end).split(' ');
  const [protocol, from = '', to = '', fromPort = '', toPort = ''] = words;
  // What stands behind UNKNOWN is to be ignored.
  if (protocol === 'UNKNOWN') return { kind: 'header', length, source: undefined, isEncrypted: false };
  if (protocol !== 'TCP4' && protocol !== 'TCP6') return malformed('a protocol that is not TCP4, TCP6 or UNKNOWN');
  if (words.length !== 5) return malformed('a line that is not protocol, two addresses and two ports');
  const isV6 = protocol === 'TCP6';
  const source = addressOf(from, isV6);
  if (source === undefined || addressOf(to, isV6) === undefined) return malformed('an address that is none');
  if (!isPort(fromPort) || !isPort(toPort)) return malformed('a port that is none');
  return { kind: 'header', length, source, isEncrypted: false };
}

function addressOf(text: string, isV6: boolean): IpAddress | undefined {
  return text.includes(':') === isV6 ? parseAddress(text) : undefined;
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}

function version2(bytes: Buffer): ProxyHeader {
  const command = bytes[12] as number;
  const family = bytes[13] as number;
  const size = bytes.readUInt16BE(14);
  const length = FIXED_2 + size;
  if (command !== 0x20 && command !== 0x21) return malformed('a version or command that is unknown');
  if (length > MOST_2) return malformed(`a header of ${length} bytes`);
  const isLocal = command === 0x20;
  const least = isLocal ? 0 : LEAST[family];
  if (least === undefined) return malformed('a family that is not TCP over IPv4 or IPv6');
  if (size < least) return malformed('a header too short for its addresses');
  if (bytes.length < length) return INCOMPLETE;
  if (isLocal || family === UNSPEC) return { kind: 'header', length, source: undefined, isEncrypted: false };
  const isEncrypted = saysTls(bytes.subarray(FIXED_2 + least, length));
  if (isEncrypted === undefined) return malformed('a TLV that is cut off');
  return { kind: 'header', length, source: family === TCP4 ? address4(bytes) : address6(bytes), isEncrypted };
}

const UNSPEC = 0x00;
const TCP4 = 0x11;
const TCP6 = 0x21;
/** Bytes the addresses and ports of a family take up. */
const LEAST: { readonly [family: number]: number } = { [UNSPEC]: 0, [TCP4]: 12, [TCP6]: 36 };

const TLV_SSL = 0x20;
/** Bit of its first byte: the client came over TLS. */
const CLIENT_SSL = 0x01;

/** Each TLV is a type, two bytes of length and a value. Undefined when they do not fill their place exactly. */
function saysTls(tlvs: Buffer): boolean | undefined {
  let isEncrypted = false;
  let at = 0;
  while (at < tlvs.length) {
    if (at + 3 > tlvs.length) return undefined;
    const value = at + 3;
    const end = value + tlvs.readUInt16BE(at + 1);
    if (end > tlvs.length) return undefined;
    if (tlvs[at] === TLV_SSL && end > value) isEncrypted = ((tlvs[value] as number) & CLIENT_SSL) !== 0;
    at = end;
  }
  return isEncrypted;
}

function address4(bytes: Buffer): IpAddress {
  return new IpAddress(4, 0, 0, 0, bytes.readUInt32BE(FIXED_2));
}

function address6(bytes: Buffer): IpAddress {
  const [w0, w1, w2, w3] = [0, 4, 8, 12].map((at) => bytes.readUInt32BE(FIXED_2 + at)) as [
    number,
    number,
    number,
    number,
  ];
  return w0 === 0 && w1 === 0 && w2 === 0xffff ? new IpAddress(4, 0, 0, 0, w3) : new IpAddress(6, w0, w1, w2, w3);
}

function malformed(fault: string): ProxyHeader {
  return { kind: 'malformed', fault };
}

/**
 * What a list of revoked certificates says (RFC 5280 section 5), for certificates that were verified before the list came.
 * New handshakes are OpenSSL's to judge; it has no way to be asked again about a handshake that is over. Only what OpenSSL
 * has taken already is read here: the operator's own lists, and certificates it has verified.
 */

/** One list, of one authority. */
export interface RevocationList {
  /** The authority's name, as the bytes of its DER in hex. */
  readonly issuer: string;
  /** Serial numbers, as the bytes of their DER in hex. */
  readonly revoked: ReadonlySet<string>;
  /** From when to when it may be believed, milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

/** What lists know a certificate by, in the same form as in a list. */
export interface CertificateKey {
  readonly issuer: string;
  readonly serial: string;
}

interface Element {
  readonly tag: number;
  /** Where its content begins and ends. */
  readonly start: number;
  readonly end: number;
}

const INTEGER = 0x02;
const SEQUENCE = 0x30;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
/** `[0]`: the version of a certificate, the extensions of a list. */
const CONTEXT_0 = 0xa0;
const BOOLEAN = 0x01;

/**
 * Reads a list in PEM. Undefined when there is something in it that changes its meaning (a critical extension: it is a part
 * of a list, or speaks for other authorities), or that is not understood: nobody may be let off by half a list.
 */
export function readRevocationList(pem: string): RevocationList | undefined {
  try {
    return listOf(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'));
  } catch {
    return undefined;
  }
}

/**
 * @param der a certificate
 * @throws RangeError when it is none
 */
export function certificateKey(der: Buffer): CertificateKey {
  const fields = childrenOf(der, first(der, first(der, { tag: SEQUENCE, start: 0, end: der.length })));
  const [serial, , issuer] = fields[0]?.tag === CONTEXT_0 ? fields.slice(1) : fields;
  return { serial: hexOf(der, serial, INTEGER), issuer: hexOf(der, issuer, SEQUENCE) };
}

function listOf(der: Buffer): RevocationList | undefined {
  const fields = childrenOf(der, first(der, first(der, { tag: SEQUENCE, start: 0, end: der.length })));
  // The version is there or not; the algorithm follows.
  let next = fields[0]?.tag === INTEGER ? 2 : 1;
  const issuer = hexOf(der, fields[next++], SEQUENCE);
  const from = timeOf(der, fields[next++]);
  // Without an end it is believed for ever, as OpenSSL does.
  const until = isTime(fields[next]) ? timeOf(der, fields[next++]) : Number.POSITIVE_INFINITY;
  const entries = fields[next]?.tag === SEQUENCE ? childrenOf(der, fields[next++] as Element) : [];
  const extensions = fields[next];
  if (extensions !== undefined) {
    if (extensions.tag !== CONTEXT_0) return undefined;
    // An extension is its name, whether it is critical if it is, and its value.
    const isCritical = (extension: Element) => childrenOf(der, extension)[1]?.tag === BOOLEAN;
    if (childrenOf(der, first(der, extensions)).some(isCritical)) return undefined;
  }
  const revoked = new Set(entries.map((entry) => hexOf(der, first(der, entry), INTEGER)));
  return { issuer, revoked, from, until };
}

/** @throws RangeError when nothing whole is there */
function elementAt(der: Buffer, at: number, end: number): Element {
  let size = der.readUInt8(at + 1);
  let start = at + 2;
  if (size >= 0x80) {
    const bytes = size & 0x7f;
    if (bytes === 0 || bytes > 4) throw new RangeError('a length no file has');
    size = der.readUIntBE(start, bytes);
    start += bytes;
  }
  if (start + size > end) throw new RangeError('an element that ends behind what it is in');
  return { tag: der.readUInt8(at), start, end: start + size };
}

function first(der: Buffer, parent: Element): Element {
  return elementAt(der, parent.start, parent.end);
}

function childrenOf(der: Buffer, parent: Element): Element[] {
  const children: Element[] = [];
  for (let at = parent.start; at < parent.end; ) {
    const child = elementAt(der, at, parent.end);
    children.push(child);
    at = child.end;
  }
  return children;
}

function hexOf(der: Buffer, element: Element | undefined, tag: number): string {
  if (element?.tag !== tag) throw new RangeError('another element than expected');
  return der.toString('hex', element.start, element.end);
}

function isTime(element: Element | undefined): element is Element {
  return element?.tag === UTC_TIME || element?.tag === GENERALIZED_TIME;
}

/** RFC 5280 section 4.1.2.5: to the second, in UTC. */
function timeOf(der: Buffer, element: Element | undefined): number {
  if (!isTime(element)) throw new RangeError('no time');
  const text = der.toString('latin1', element.start, element.end);
  const short = element.tag === UTC_TIME ? `${Number(text.slice(0, 2)) >= 50 ? '19' : '20'}${text}` : text;
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(short)?.map(Number) ?? [];
  if (second === undefined) throw new RangeError('no time');
  return Date.UTC(year as number, (month as number) - 1, day, hour, minute, second);
}

/**
 * The little of DER (ITU-T X.690) that a certificate needs. Written here; what comes from outside is parsed by OpenSSL, and
 * read again in `revocation-list.ts` alone.
 */

function length(size: number): Buffer {
  if (size < 0x80) return Buffer.of(size);
  const bytes: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

function element(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag), length(content.length), content]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, Buffer.concat(parts));
export const set = (...parts: readonly Uint8Array[]): Buffer => element(0x31, Buffer.concat(parts));
export const octets = (content: Uint8Array): Buffer => element(0x04, content);
export const text = (content: string): Buffer => element(0x0c, Buffer.from(content, 'utf8'));
export const yes = (): Buffer => Buffer.of(0x01, 0x01, 0xff);

/** A part known by its place: `[number]`. A constructed one holds whole elements. */
export const tagged = (number: number, content: Uint8Array, isConstructed: boolean): Buffer =>
  element(0x80 | (isConstructed ? 0x20 : 0) | number, content);

/** Of a number that is not negative, most significant byte first. */
export function integer(bytes: Uint8Array): Buffer {
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first += 1;
  const digits = bytes.subarray(first);
  // A leading bit that is set would make it negative.
  return element(0x02, (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits);
}

/** `unused`: bits at the end that do not count, which must be zero. */
export const bits = (content: Uint8Array, unused = 0): Buffer =>
  element(0x03, Buffer.concat([Buffer.of(unused), content]));

/** From the dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128))
      groups.unshift(0x80 | (high & 0x7f));
    return groups;
  });
  return element(0x06, Buffer.from(bytes));
}

/** To the second, UTC; the short form until 2049 and the long one after that (RFC 5280 section 4.1.2.5). */
export function time(moment: Date): Buffer {
  const digits = `${moment.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  const isShort = moment.getUTCFullYear() < 2050;
  return element(isShort ? 0x17 : 0x18, Buffer.from(isShort ? digits.slice(2) : digits, 'latin1'));
}

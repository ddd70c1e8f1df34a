/** The bytes and small tokens of RFC 8259. Every reader returns the offset after the token, or -1 when it is not one. */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const BACKSLASH = 0x5c;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

/** 1 for the bytes at which a string stops being plain: controls, the quote, the backslash. */
const STOPS = new Uint8Array(256);
STOPS.fill(1, 0, 0x20);
STOPS[QUOTE] = 1;
STOPS[BACKSLASH] = 1;

/** RFC 8259, section 2: space, tab, line feed and carriage return; nothing else is white space. */
export function skipSpace(bytes: Buffer, pos: number): number {
  for (let at = pos; ; at++) {
    const c = bytes[at]!;
    if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) continue;
    return at;
  }
}

/** `pos` is after the opening quote. Refuses control characters, unknown escapes and lone surrogate escapes. */
export function readString(bytes: Buffer, pos: number, end: number): number {
  let at = pos;
  const last4 = end - 4;
  for (;;) {
    while (
      at <= last4 &&
      (STOPS[bytes[at]!]! | STOPS[bytes[at + 1]!]! | STOPS[bytes[at + 2]!]! | STOPS[bytes[at + 3]!]!) === 0
    ) {
      at += 4;
    }
    while (at < end && STOPS[bytes[at]!] === 0) at++;
    if (at >= end) return -1;
    const c = bytes[at]!;
    if (c === QUOTE) return at + 1;
    if (c !== BACKSLASH) return -1;
    at = readEscape(bytes, at + 1, end);
    if (at < 0) return -1;
  }
}

/** `pos` is after the backslash. A high surrogate takes its low one with it. */
function readEscape(bytes: Buffer, pos: number, end: number): number {
  if (pos >= end) return -1;
  switch (bytes[pos]) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // slash
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return pos + 1;
    case 0x75: // u
      break;
    default:
      return -1;
  }
  const unit = readHex4(bytes, pos + 1, end);
  if (unit < 0) return -1;
  if (unit < 0xd800 || unit > 0xdfff) return pos + 5;
  if (unit > 0xdbff || pos + 7 > end || bytes[pos + 5] !== BACKSLASH || bytes[pos + 6] !== 0x75) return -1;
  const low = readHex4(bytes, pos + 7, end);
  return low >= 0xdc00 && low <= 0xdfff ? pos + 11 : -1;
}

/** What stands for itself after a backslash, or for a control character: RFC 8259, section 7. By the byte of the escape. */
export const SHORT_ESCAPES = new Uint8Array(256);
for (const c of [QUOTE, BACKSLASH, 0x2f]) SHORT_ESCAPES[c] = c;
for (const pair of ['b\b', 'f\f', 'n\n', 'r\r', 't\t']) SHORT_ESCAPES[pair.charCodeAt(0)] = pair.charCodeAt(1);

/** The value of four hexadecimal digits, or -1. */
export function readHex4(bytes: Buffer, pos: number, end: number): number {
  if (pos + 4 > end) return -1;
  let value = 0;
  for (let at = pos; at < pos + 4; at++) {
    const c = bytes[at]!;
    const lower = c | 0x20;
    let digit = -1;
    if (c >= 0x30 && c <= 0x39) digit = c - 0x30;
    else if (lower >= 0x61 && lower <= 0x66) digit = lower - 0x57;
    if (digit < 0) return -1;
    value = (value << 4) | digit;
  }
  return value;
}

function isDigit(c: number | undefined): boolean {
  return c !== undefined && c >= 0x30 && c <= 0x39;
}

function skipDigits(bytes: Buffer, pos: number): number {
  let at = pos;
  while (isDigit(bytes[at])) at++;
  return at;
}

/** RFC 8259, section 6. `pos` is at the minus sign or the first digit. */
export function readNumber(bytes: Buffer, pos: number): number {
  let at = bytes[pos] === 0x2d ? pos + 1 : pos;
  if (!isDigit(bytes[at])) return -1;
  at = bytes[at] === 0x30 ? at + 1 : skipDigits(bytes, at);
  if (bytes[at] === 0x2e) {
    if (!isDigit(bytes[at + 1])) return -1;
    at = skipDigits(bytes, at + 1);
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1];
    const digits = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
    if (!isDigit(bytes[digits])) return -1;
    at = skipDigits(bytes, digits);
  }
  return at;
}

/** `true`, `false` or `null` at `pos`, in exactly that case. */
export function readWord(bytes: Buffer, pos: number): number {
  const word = bytes[pos] === 0x74 ? 'true' : bytes[pos] === 0x66 ? 'false' : 'null';
  for (let i = 0; i < word.length; i++) {
    if (bytes[pos + i] !== word.charCodeAt(i)) return -1;
  }
  return pos + word.length;
}

/** The text between two quotes. The content must have passed `readString`. */
export function decodeString(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start, end);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

/**
 * Whether a member name, as it stands between its quotes, is this text. Stops at the first difference and makes no string of a
 * name for a text in ASCII: an object may have a hundred thousand escaped names, and is asked for a dozen.
 */
export function nameIs(bytes: Buffer, start: number, end: number, text: string): boolean {
  let at = start;
  for (let i = 0; i < text.length; i++) {
    if (at >= end) return false;
    const want = text.charCodeAt(i);
    if (want >= 0x80) return decodeString(bytes, at, end) === text.slice(i);
    let have = bytes[at]!;
    if (have !== BACKSLASH) at++;
    else if (bytes[at + 1] === 0x75) {
      have = readHex4(bytes, at + 2, end);
      at += 6;
    } else {
      have = SHORT_ESCAPES[bytes[at + 1]!]!;
      at += 2;
    }
    if (have !== want) return false;
  }
  return at === end;
}

/**
 * An id as a JSON token: a string, or an integer that every parser reads alike (safe, no fraction, no exponent, no -0).
 * Undefined for anything else. The token must have passed the grammar.
 */
export function decodeId(bytes: Buffer, start: number, end: number): string | number | undefined {
  if (bytes[start] === QUOTE) return decodeString(bytes, start + 1, end - 1);
  const negative = bytes[start] === 0x2d;
  if (end - start > 17) return undefined;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) {
    const c = bytes[at]!;
    if (!isDigit(c)) return undefined;
    value = value * 10 + (c - 0x30);
  }
  if (value > Number.MAX_SAFE_INTEGER || (negative && value === 0)) return undefined;
  return negative ? -value : value;
}

/** Whether the bytes are exactly this text. One of the two must be known to be ASCII. */
export function spanIs(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

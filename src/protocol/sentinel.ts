import { isUtf8 } from 'node:buffer';

// MCP 2026-07-28, basic/transports/streamable-http, "Value Encoding". The markers are exact and lower case.
const PREFIX = '=?base64?';
const SUFFIX = '?=';

/** Anything but visible ASCII, space and tab; or a blank at either end, which HTTP would trim away. */
const UNSAFE = /[^\t\x20-\x7e]|^[\t\x20]|[\t\x20]$/;
const OUTSIDE_FIELD_VALUE = /[^\t\x20-\x7e]/;

function isSentinel(value: string): boolean {
  return value.length >= PREFIX.length + SUFFIX.length && value.startsWith(PREFIX) && value.endsWith(SUFFIX);
}

/**
 * The value of an `Mcp-Name` or `Mcp-Param-*` header for a string of the body: as it is where HTTP carries it unharmed,
 * otherwise base64 of its UTF-8 between the markers. A plain value that looks encoded is encoded too.
 */
export function encodeSentinel(value: string): string {
  if (!UNSAFE.test(value) && !isSentinel(value)) return value;
  return `${PREFIX}${Buffer.from(value, 'utf8').toString('base64')}${SUFFIX}`;
}

/**
 * What a header value stands for. Undefined when it must be refused (400, -32020): a character outside visible ASCII, space and
 * tab, or text between the markers that is not canonical, padded base64 of well-formed UTF-8. A second spelling of one value
 * would let two readers see two names. A value without both exact markers is a literal.
 */
export function decodeSentinel(header: string): string | undefined {
  if (OUTSIDE_FIELD_VALUE.test(header)) return undefined;
  if (!isSentinel(header)) return header;
  const text = header.slice(PREFIX.length, -SUFFIX.length);
  // Node reads base64url, missing padding and stray characters too: only text that encodes back to itself is base64.
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text || !isUtf8(bytes)) return undefined;
  return bytes.toString('utf8');
}

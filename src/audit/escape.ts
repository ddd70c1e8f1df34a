import { hash } from 'node:crypto';

/** Anything but plain printable ASCII without quote and backslash. */
const NEEDS_ESCAPING = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/;

/**
 * A JSON string literal in pure ASCII, its inside never longer than `limit` characters.
 *
 * Everything outside printable ASCII becomes an escape, so no reader, however it splits lines (U+2028, U+0085, NUL)
 * or decodes bytes, can see two lines or two meanings, and a character is always a byte. A lone surrogate stays
 * itself. A longer string is cut and says so: `start...[LENGTH chars sha256:FIRST-16-HEX]`, the digest being that of
 * the whole string in UTF-8.
 *
 * @param limit at least 64
 */
export function quoted(value: string, limit: number): string {
  if (value.length <= limit) {
    if (!NEEDS_ESCAPING.test(value)) return `"${value}"`;
    const whole = escaped(value, limit);
    if (whole !== undefined) return `"${whole}"`;
  }
  const mark = `...[${value.length} chars sha256:${hash('sha256', value).slice(0, 16)}]`;
  return `"${start(value, limit - mark.length)}${mark}"`;
}

function escaped(value: string, limit: number): string | undefined {
  let text = '';
  for (let i = 0; i < value.length; i++) {
    text += unit(value.charCodeAt(i));
    if (text.length > limit) return undefined;
  }
  return text;
}

/** As much of the string as fits into `room` escaped characters, never half a surrogate pair. */
function start(value: string, room: number): string {
  let text = '';
  for (let i = 0; i < value.length; i++) {
    let next = unit(value.charCodeAt(i));
    if (value.codePointAt(i)! > 0xffff) next += unit(value.charCodeAt(++i));
    if (text.length + next.length > room) break;
    text += next;
  }
  return text;
}

function unit(code: number): string {
  if (code === 0x22) return '\\"';
  if (code === 0x5c) return '\\\\';
  if (code >= 0x20 && code <= 0x7e) return String.fromCharCode(code);
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

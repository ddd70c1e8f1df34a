import { NAME_HASH_START, nameHashStep } from './name-hash.ts';
import { BACKSLASH, readHex4, SHORT_ESCAPES } from './tokens.ts';

/** More bytes than any spelling of a control name can have, so the rest of a longer name need not be kept. */
export const KEPT_BYTES = 192;

/**
 * One member name without its escapes. Made once and filled again and again, so that a message of a hundred thousand escaped
 * names makes no string of any of them.
 */
export class MemberName {
  /** The beginning of the name in UTF-8; sound up to `length` or `KEPT_BYTES`, whichever is less. */
  readonly bytes: Buffer = Buffer.alloc(KEPT_BYTES);
  /** Of the whole name. */
  length = 0;
  hash: number = NAME_HASH_START;
  ascii = true;

  /** `start`..`end` is between the quotes, and has passed `readString`. */
  read(source: Buffer, start: number, end: number): void {
    this.length = 0;
    this.hash = NAME_HASH_START;
    this.ascii = true;
    for (let at = start; at < end; ) {
      const c = source[at]!;
      if (c !== BACKSLASH) {
        this.put(c);
        at++;
      } else if (source[at + 1] !== 0x75) {
        this.put(SHORT_ESCAPES[source[at + 1]!]!);
        at += 2;
      } else {
        const unit = readHex4(source, at + 2, end);
        const isHigh = unit >= 0xd800 && unit <= 0xdbff;
        this.putCodePoint(isHigh ? codePoint(unit, readHex4(source, at + 8, end)) : unit);
        at += isHigh ? 12 : 6;
      }
    }
  }

  private put(byte: number): void {
    if (this.length < KEPT_BYTES) this.bytes[this.length] = byte;
    this.length++;
    this.hash = nameHashStep(this.hash, byte);
    if (byte >= 0x80) this.ascii = false;
  }

  private putCodePoint(point: number): void {
    if (point < 0x80) return this.put(point);
    if (point < 0x800) this.put(0xc0 | (point >> 6));
    else {
      if (point < 0x10000) this.put(0xe0 | (point >> 12));
      else {
        this.put(0xf0 | (point >> 18));
        this.put(0x80 | ((point >> 12) & 0x3f));
      }
      this.put(0x80 | ((point >> 6) & 0x3f));
    }
    this.put(0x80 | (point & 0x3f));
  }
}

function codePoint(high: number, low: number): number {
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

import { DEPTH_CEILING } from './span.ts';
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './tokens.ts';

/**
 * Leaps over a value without judging its inside, so that a long text costs one native search.
 *
 * Only for what a server sends and the gateway relays without reading. For every text that is JSON, the span found
 * here is the value's true span; a text that is not JSON may pass, and is then refused by whoever reads it.
 */

const PLAIN = 0;
const STRING = 1;
const OPEN = 2;
const CLOSE = 3;
const SEPARATOR = 4;
const ILLEGAL = 5;

/** What may stand outside strings. All else (quotes of other languages, comments, controls) is illegal at once. */
const CLASSES = new Uint8Array(256).fill(ILLEGAL);
for (const c of Buffer.from(' \t\r\n:0123456789+-.eEtrufalsn')) CLASSES[c] = PLAIN;
CLASSES[QUOTE] = STRING;
CLASSES[COMMA] = SEPARATOR;
CLASSES[OPEN_BRACE] = OPEN;
CLASSES[OPEN_BRACKET] = OPEN;
CLASSES[CLOSE_BRACE] = CLOSE;
CLASSES[CLOSE_BRACKET] = CLOSE;

/** The brackets open at this moment. Shared by all calls: skipping never yields. */
const openers = new Uint8Array(DEPTH_CEILING);

/** `pos` is after the opening quote. A quote ends the string when an even number of backslashes stands before it. */
export function skipString(bytes: Buffer, pos: number, end: number): number {
  for (let from = pos; ; ) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote < 0 || quote >= end) return -1;
    let before = quote - 1;
    while (before >= from && bytes[before] === BACKSLASH) before--;
    if (((quote - 1 - before) & 1) === 0) return quote + 1;
    from = quote + 1;
  }
}

/** What is left of the limits of the message being read. */
export interface Room {
  /** Members and elements still allowed; negative when the limit is passed. */
  members: number;
}

/** `open` is at a bracket. Returns the offset after its partner, or -1: unbalanced, illegal bytes, or over a limit. */
export function skipContainer(bytes: Buffer, open: number, end: number, levels: number, room: Room): number {
  let level = 0;
  let members = room.members;
  for (let pos = open; pos < end; ) {
    const c = bytes[pos]!;
    switch (CLASSES[c]) {
      case STRING:
        pos = skipString(bytes, pos + 1, end);
        if (pos < 0) return -1;
        continue;
      case OPEN:
        if (level >= levels || --members < 0) return -1;
        openers[level++] = c;
        break;
      case CLOSE:
        if (openers[--level] !== c - 2) return -1;
        if (level === 0) {
          room.members = members;
          return pos + 1;
        }
        break;
      case SEPARATOR:
        if (--members < 0) return -1;
        break;
      case ILLEGAL:
        return -1;
    }
    pos++;
  }
  return -1;
}

/** Patterns come from the operator. Longer than any tool name, and short enough that a match costs what the name costs. */
const MAX_PATTERN_LENGTH = 256;
const ANY_ONE = 0x3f; // ?

/**
 * A compiled glob over a whole name: `*` stands for any characters or none, `?` for exactly one UTF-16 unit, everything else
 * for itself, in its case. There is no escape and there are no classes; tool names hold neither `*` nor `?`.
 */
export interface Glob {
  readonly pattern: string;
  /** No wildcard: the pattern is the only name it matches. */
  readonly literal: boolean;
  matches(name: string): boolean;
}

/**
 * The pieces between stars are looked for one after the other, each at its leftmost place, and never again: no backtracking,
 * so the time is linear in the name for a given pattern.
 *
 * @throws TypeError for an empty or an overlong pattern
 */
export function compileGlob(pattern: string): Glob {
  if (pattern === '')
    throw new TypeError('an empty pattern matches nothing; leave it out, or write "*" for everything');
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new TypeError(`a pattern may have ${MAX_PATTERN_LENGTH} characters, this one has ${pattern.length}`);
  }
  const pieces = pattern.split('*');
  const head = pieces[0]!;
  if (pieces.length === 1) {
    const literal = !head.includes('?');
    const matches = literal
      ? (name: string) => name === head
      : (name: string) => name.length === head.length && fits(head, name, 0);
    return { pattern, literal, matches };
  }
  const tail = pieces.at(-1)!;
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  return { pattern, literal: false, matches: (name) => matchesAround(head, middle, tail, name) };
}

function matchesAround(head: string, middle: readonly string[], tail: string, name: string): boolean {
  const end = name.length - tail.length;
  if (end < head.length || !fits(head, name, 0) || !fits(tail, name, end)) return false;
  let at = head.length;
  for (const piece of middle) {
    const found = find(piece, name, at, end);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}

/** The leftmost place in [from, end) where the piece fits whole; -1 when there is none. */
function find(piece: string, name: string, from: number, end: number): number {
  for (let at = from; at + piece.length <= end; at++) if (fits(piece, name, at)) return at;
  return -1;
}

function fits(piece: string, name: string, at: number): boolean {
  for (let i = 0; i < piece.length; i++) {
    const wanted = piece.charCodeAt(i);
    if (wanted !== ANY_ONE && wanted !== name.charCodeAt(at + i)) return false;
  }
  return true;
}

import type { Random } from './random.ts';

/** Something that reads bytes nobody vouches for, and what must be true of it whatever they are. */
export interface Target {
  readonly name: string;
  /** Its part of the inputs of a run, beside the other targets'. */
  readonly weight: number;
  /** Inputs of more bytes than this are cut. */
  readonly maxBytes: number;
  /** How many inputs may be under way at once; 1 when the check is synchronous. */
  readonly atOnce?: number;
  /** Pieces a mutation puts in: the words of the format. */
  readonly dictionary: readonly (string | Buffer)[];
  /** A fresh input, mostly sound. */
  generate(random: Random): Buffer;
  /** @throws whatever says best what was found. `random` follows from the bytes. */
  check(bytes: Buffer, random: Random): void | Promise<void>;
  /** Once, before the first check. */
  start?(): Promise<void>;
  /** Once, after the last. @throws when the whole run left something wrong. */
  stop?(): Promise<void>;
}

/** @throws with `what` when it does not hold. */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** @throws showing both when they are not the same, as JSON says it. */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${shorten(a)} instead of ${shorten(b)}`);
}

function shorten(text: string | undefined): string {
  return text === undefined ? 'undefined' : text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

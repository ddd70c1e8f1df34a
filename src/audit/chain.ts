import { hash } from 'node:crypto';
import { MAX_LINE } from './record.ts';

/** The last record of a chain: what the next one must build on. */
export interface Head {
  readonly seq: number;
  /** 64 lower-case hex digits. */
  readonly hash: string;
}

/** What the first record of all builds on. */
export const GENESIS: Head = { seq: 0, hash: '0'.repeat(64) };

/**
 * Turns record bodies into lines, each holding the digest of the one before:
 *
 *     {"seq":N, …body… ,"prev":"<hash of record N-1>","hash":"<sha256 of everything on this line before ,"hash">"}
 *
 * Because `prev` is inside what `hash` covers, a changed byte shows in its own line, and a line removed, moved or
 * put in between shows in the next.
 */
export class Chain {
  #seq: number;
  #prev: string;

  constructor(head: Head) {
    this.#seq = head.seq;
    this.#prev = head.hash;
  }

  get head(): Head {
    return { seq: this.#seq, hash: this.#prev };
  }

  /** The next line, newline included. `body` must be pure ASCII. */
  seal(body: string): string {
    const covered = `{"seq":${++this.#seq},${body},"prev":"${this.#prev}"`;
    this.#prev = hash('sha256', covered);
    return `${covered},"hash":"${this.#prev}"}\n`;
  }
}

/** The links of one line, or what is wrong with it. */
export type Links = { readonly seq: number; readonly prev: string; readonly hash: string } | { readonly fault: string };

const TAIL = ',"hash":"'.length + 64 + '"}'.length;
const SHAPE = /^\{"seq":([1-9]\d{0,15}),".*,"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/;

/** Reads one line (without its newline) and checks it against its own hash. Works on bytes, as a tamperer does. */
export function inspect(line: Buffer): Links {
  if (line.length > MAX_LINE) return { fault: `the line is longer than ${MAX_LINE} bytes` };
  const shape = SHAPE.exec(line.toString('latin1'));
  if (shape === null) return { fault: 'the line is not an audit record' };
  const [, seq, prev, own] = shape as unknown as [string, string, string, string];
  if (hash('sha256', line.subarray(0, line.length - TAIL)) !== own) {
    return { fault: 'the record was changed: its hash does not match' };
  }
  return { seq: Number(seq), prev, hash: own };
}

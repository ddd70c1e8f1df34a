import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { type Anchor, readAnchor } from './anchor.ts';
import { GENESIS, type Head, inspect, type Links } from './chain.ts';
import { MAX_LINE } from './record.ts';

export interface Verification {
  readonly ok: boolean;
  /** Whole lines read, up to and including the first bad one. */
  readonly lines: number;
  /** The first record that is not as it was written. Line 0 means the anchor itself. */
  readonly firstBad?: { readonly line: number; readonly why: string };
  /** The last good record. */
  readonly head: Head;
  /** What the first record builds on: not `GENESIS` when the file continues an earlier one. */
  readonly start: Head;
  /** Whether an anchor was found; without one a cut tail cannot be seen. */
  readonly anchored: boolean;
  /** Bytes after the last newline: a record being written now, or torn by a crash. Not a fault by itself. */
  readonly incomplete: number;
}

/**
 * Reads an audit file from start to end and names the first record that was changed, removed, moved or put in.
 *
 * It proves the file against itself and against the anchor beside it. Somebody who can rewrite both can make them
 * agree: keep a copy of `audit.head` elsewhere to exclude that.
 *
 * @param options.anchor path of the anchor; false for a file that was rotated away (default: `<stem>.head` beside it)
 * @throws Error when the file cannot be read
 */
export async function verifyFile(
  path: string,
  options: { readonly anchor?: string | false } = {},
): Promise<Verification> {
  const anchorPath = options.anchor ?? `${path.slice(0, path.length - extname(path).length)}.head`;
  let anchor: Anchor | undefined;
  try {
    // Before the file: a gateway at work moves both on, and the anchor read must not be the later one.
    if (anchorPath !== false) anchor = readAnchor(anchorPath);
  } catch (error) {
    return { ...new Reading(undefined).result(0), ok: false, firstBad: { line: 0, why: (error as Error).message } };
  }
  const reading = new Reading(anchor);
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    rest = reading.lines(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
    if (reading.ended) break;
    if (rest.length > MAX_LINE) rest = reading.endless(rest);
  }
  return reading.result(rest.length);
}

class Reading {
  readonly #anchor: Anchor | undefined;
  #line = 0;
  #start: Head = GENESIS;
  #head: Head = GENESIS;
  #bad: { line: number; why: string } | undefined;

  constructor(anchor: Anchor | undefined) {
    this.#anchor = anchor;
  }

  get ended(): boolean {
    return this.#bad !== undefined;
  }

  /** Judges every whole line and returns what follows the last newline. */
  lines(bytes: Buffer): Buffer {
    let from = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, from)) {
      this.#take(bytes.subarray(from, end));
      if (this.ended) return bytes.subarray(bytes.length);
      from = end + 1;
    }
    return bytes.subarray(from);
  }

  endless(bytes: Buffer): Buffer {
    this.#take(bytes);
    return bytes.subarray(bytes.length);
  }

  result(incomplete: number): Verification {
    if (!this.ended) this.#ending();
    const facts = { lines: this.#line, head: this.#head, start: this.#start, anchored: this.#anchor !== undefined };
    if (this.#bad === undefined) return { ok: true, ...facts, incomplete };
    return { ok: false, ...facts, incomplete, firstBad: this.#bad };
  }

  #take(line: Buffer): void {
    this.#line += 1;
    const links = inspect(line);
    const why = 'fault' in links ? links.fault : (this.#broken(links) ?? this.#denied(links) ?? unreadable(line));
    if (why !== undefined) this.#bad = { line: this.#line, why };
    else if (!('fault' in links)) this.#head = { seq: links.seq, hash: links.hash };
  }

  /** What is wrong between this line and the one before. */
  #broken({ seq, prev }: Exclude<Links, { fault: string }>): string | undefined {
    if (this.#line === 1) {
      this.#start = { seq: seq - 1, hash: prev };
      this.#head = this.#start;
      return seq === 1 && prev !== GENESIS.hash ? 'the first record does not begin a chain' : undefined;
    }
    const expected = this.#head.seq + 1;
    if (seq > expected) return `records ${expected} to ${seq - 1} are missing before this one`;
    if (seq < expected) return `record ${seq} stands where record ${expected} belongs: moved or put in`;
    return prev === this.#head.hash ? undefined : `record ${seq} does not follow record ${seq - 1} as it stands`;
  }

  /** What the anchor says against this line. */
  #denied({ seq, prev, hash }: Exclude<Links, { fault: string }>): string | undefined {
    if (this.#anchor === undefined) return undefined;
    const { first, head, closed } = this.#anchor;
    if (this.#line === 1 && (seq !== first.seq || prev !== first.prev)) {
      return `the file began with record ${first.seq}, not with record ${seq} as it stands`;
    }
    if (seq === head.seq && hash !== head.hash) return `record ${seq} is not the one the anchor names`;
    return closed && seq > head.seq ? `record ${seq} was added after the gateway had stopped` : undefined;
  }

  #ending(): void {
    const anchor = this.#anchor;
    // An anchor before the first record names nothing in this file.
    if (anchor === undefined || anchor.head.seq < anchor.first.seq) return;
    const last = this.#line === 0 ? anchor.first.seq - 1 : this.#head.seq;
    if (last >= anchor.head.seq) return;
    const why = `the file ends after record ${last}; records up to ${anchor.head.seq} were written and are cut off`;
    this.#bad = { line: this.#line + 1, why };
  }
}

function unreadable(line: Buffer): string | undefined {
  try {
    JSON.parse(line.toString('utf8'));
    return undefined;
  } catch {
    return 'the line is not JSON';
  }
}

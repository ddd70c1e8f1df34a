import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { Anchor } from './anchor.ts';
import { GENESIS, type Head, inspect } from './chain.ts';
import { MAX_LINE } from './record.ts';

/** The end and the beginning of a file as found on disk. */
export interface Found {
  /** The last record that verifies by itself; undefined in a file without one. */
  readonly last: Head | undefined;
  readonly first: { readonly seq: number; readonly prev: string } | undefined;
  /** Length up to the end of that last record. */
  readonly bytes: number;
  /** Bytes after it. */
  readonly torn: number;
}

const FIRST_WINDOW = 64 * 1024;
const LAST_WINDOW = 64 * 1024 * 1024;

/**
 * Reads back from the end until a record verifies: after a power failure more than one line can be damaged.
 * @throws Error when the last 64 MiB hold no record: that is no audit file, and a person must look at it
 */
export function examine(fd: number): Found {
  const { size } = fstatSync(fd);
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const from = Math.max(0, size - window);
    const found = lastRecord(read(fd, from, size - from), from);
    if (found !== undefined) return { ...found, first: firstRecord(fd, size), torn: size - found.bytes };
    if (from === 0) return { last: undefined, first: undefined, bytes: 0, torn: size };
    if (window >= LAST_WINDOW) throw new Error('the audit file holds no record in its last 64 MiB; move it away');
  }
}

function lastRecord(tail: Buffer, offset: number): { last: Head; bytes: number } | undefined {
  let end = tail.lastIndexOf(0x0a);
  while (end >= 0) {
    const before = end === 0 ? -1 : tail.lastIndexOf(0x0a, end - 1);
    // Without a newline before it the line is whole only where the window begins with the file.
    if (before < 0 && offset > 0) return undefined;
    const links = inspect(tail.subarray(before + 1, end));
    if (!('fault' in links)) return { last: { seq: links.seq, hash: links.hash }, bytes: offset + end + 1 };
    end = before;
  }
  return undefined;
}

function firstRecord(fd: number, size: number): Found['first'] {
  const start = read(fd, 0, Math.min(size, MAX_LINE + 1));
  const end = start.indexOf(0x0a);
  const links = inspect(start.subarray(0, Math.max(end, 0)));
  return 'fault' in links ? undefined : { seq: links.seq, prev: links.prev };
}

function read(fd: number, from: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const n = readSync(fd, buffer, got, length - got, from + got);
    if (n === 0) break;
    got += n;
  }
  return buffer.subarray(0, got);
}

/**
 * Moves what follows the last good record to `<stem>.torn-<n>` and shortens the file to it. Nothing is destroyed:
 * the copy is written before the cut.
 *
 * @returns the path of the copy
 */
export function setAside(fd: number, found: Found, stem: string): string {
  const { path, copy } = newFile(stem);
  try {
    const step = 1 << 20;
    for (let at = found.bytes; at < found.bytes + found.torn; ) {
      const piece = read(fd, at, Math.min(step, found.bytes + found.torn - at));
      if (piece.length === 0) break;
      let done = 0;
      while (done < piece.length) done += writeSync(copy, piece, done);
      at += piece.length;
    }
  } finally {
    closeSync(copy);
  }
  ftruncateSync(fd, found.bytes);
  return path;
}

function newFile(stem: string): { path: string; copy: number } {
  for (let n = 1; ; n++) {
    const path = `${stem}.torn-${n}`;
    try {
      return { path, copy: openSync(path, 'wx', 0o600) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Where the chain goes on, and every oddity a person must be told of. */
export interface Continuation {
  readonly head: Head;
  readonly first: Anchor['first'];
  readonly oddities: readonly string[];
}

/**
 * Decides what the next record builds on.
 *
 * A record known to have been written is never forgotten: when the file ends before the anchor, the chain goes on
 * from the anchor, so the gap stays visible to `verify` for ever instead of being healed over.
 */
export function continuation(found: Found, anchor: Anchor | undefined): Continuation {
  const head = found.last ?? GENESIS;
  if (anchor === undefined) {
    const missing = found.last === undefined ? [] : ['the anchor is missing: a tail that was cut cannot be told'];
    return { head, first: found.first ?? after(head), oddities: missing };
  }
  if (found.last === undefined) {
    const moved = anchor.head.seq === 0 ? [] : [`the file is new; the chain goes on after record ${anchor.head.seq}`];
    return { head: anchor.head, first: after(anchor.head), oddities: moved };
  }
  const first = found.first !== undefined && found.first.seq > anchor.head.seq ? found.first : anchor.first;
  const oddity = disagreement(found.last, anchor);
  if (oddity === undefined) return { head, first, oddities: [] };
  return { head: anchor.head, first, oddities: [oddity] };
}

function disagreement(last: Head, { head, closed }: Anchor): string | undefined {
  if (last.seq < head.seq) return `the file ends at record ${last.seq} but record ${head.seq} was written`;
  if (last.seq > head.seq)
    return closed ? `records after ${head.seq} were added while the gateway was stopped` : undefined;
  return last.hash === head.hash ? undefined : `record ${last.seq} is not the one that was written`;
}

export function after(head: Head): Anchor['first'] {
  return { seq: head.seq + 1, prev: head.hash };
}

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import type { Head } from './chain.ts';

/**
 * Where a file is known to have got to, kept beside it so that a cut tail shows.
 *
 * It may be behind the file (the gateway was killed before it wrote the next one) and must never be ahead of what
 * the disk holds, or an honest power failure would look like tampering.
 */
export interface Anchor {
  readonly head: Head;
  /** The first record of the file, and what it builds on: shows lines removed at the start. */
  readonly first: { readonly seq: number; readonly prev: string };
  /** The gateway stopped cleanly here: any further record was not written by it. */
  readonly closed: boolean;
}

/** @returns undefined when there is none; throws an Error when it is there and cannot be read as one */
export function readAnchor(path: string): Anchor | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const anchor = parse(text);
  if (anchor === undefined) throw new Error(`${path} is not an audit head`);
  return anchor;
}

const HASH = /^[0-9a-f]{64}$/;

function parse(text: string): Anchor | undefined {
  let value: Partial<Record<string, unknown>> | null;
  try {
    value = JSON.parse(text) as Partial<Record<string, unknown>> | null;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { seq, hash, first_seq, first_prev, closed } = value;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(first_seq)) return undefined;
  if (typeof hash !== 'string' || !HASH.test(hash)) return undefined;
  if (typeof first_prev !== 'string' || !HASH.test(first_prev)) return undefined;
  return {
    head: { seq: seq as number, hash },
    first: { seq: first_seq as number, prev: first_prev },
    closed: closed === true,
  };
}

function format({ head, first, closed }: Anchor): string {
  const value = { seq: head.seq, hash: head.hash, first_seq: first.seq, first_prev: first.prev, closed };
  return `${JSON.stringify(value)}\n`;
}

/** Replaces the anchor as a whole; a reader sees the old one or the new one. */
export async function writeAnchor(path: string, anchor: Anchor): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(format(anchor));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

export function writeAnchorNow(path: string, anchor: Anchor): void {
  const draft = `${path}.now`;
  const fd = openSync(draft, 'w', 0o600);
  try {
    writeSync(fd, format(anchor));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, path);
}

import { Cidr, parseCidr } from './cidr.ts';
import { CidrColumns } from './cidr-set.ts';
import { STRIDE } from './network-column.ts';
import { Notes, Packed } from './packed.ts';
import type { Steps } from './slices.ts';

const NEWLINE = 0x0a;
const REPORTED = 20;

/** A line that is neither empty, nor a comment, nor a network. */
export interface LineFault {
  /** From 1. */
  readonly line: number;
  /** What stands there; at most 60 characters of it. */
  readonly text: string;
  readonly fault: string;
  readonly remedy: string;
}

/** What a list file says. */
export interface NetworkText {
  /** For a set; not needed behind it. */
  readonly columns: CidrColumns;
  readonly lines: NetworkLines;
  /** The first ones. A list with any is not to be used: the line that was meant to deny somebody may be among them. */
  readonly faults: readonly LineFault[];
  readonly faultCount: number;
}

/** What is kept of a list file beside its set: a few bytes for each entry. */
export class NetworkLines {
  private readonly numbers = new Packed(Uint32Array);
  private readonly prefixes = new Packed(Uint8Array);
  private readonly notes = new Notes();

  add(index: number, line: number, prefix: number, note: string): void {
    this.numbers.set(index, line);
    this.prefixes.set(index, prefix);
    if (note !== '') this.notes.set(index, note);
  }

  /** The line (from 1) of an entry. */
  lineOf(index: number): number {
    return this.numbers.get(index);
  }

  /** The prefix of an entry: with an address it holds, `networkOf` gives the network again. */
  prefixOf(index: number): number {
    return this.prefixes.get(index);
  }

  /** What stands behind the `#` on its line; undefined for nothing. */
  noteOf(index: number): string | undefined {
    return this.notes.get(index);
  }
}

/**
 * Reads a list of networks: one on a line (`\\n` or `\\r\\n`), `#` begins a comment, and a comment behind a network is its note.
 * UTF-8, with or without a byte order mark.
 */
export function* readNetworkText(bytes: Buffer): Steps<NetworkText> {
  const reader = new Reader(bytes);
  while (!reader.isDone) {
    reader.read(STRIDE);
    yield;
  }
  return reader.result();
}

class Reader {
  private readonly bytes: Buffer;
  private readonly columns = new CidrColumns();
  private readonly lines = new NetworkLines();
  private readonly faults: LineFault[] = [];
  private faultCount = 0;
  private at: number;
  private line = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  }

  get isDone(): boolean {
    return this.at >= this.bytes.length;
  }

  read(lines: number): void {
    for (let n = 0; n < lines && !this.isDone; n++) {
      const newline = this.bytes.indexOf(NEWLINE, this.at);
      const end = newline === -1 ? this.bytes.length : newline;
      this.line++;
      this.take(this.bytes.toString('utf8', this.at, end));
      this.at = end + 1;
    }
  }

  result(): NetworkText {
    return { columns: this.columns, lines: this.lines, faults: this.faults, faultCount: this.faultCount };
  }

  private take(written: string): void {
    const hash = written.indexOf('#');
    const text = (hash === -1 ? written : written.slice(0, hash)).trim();
    if (text === '') return;
    const cidr = parseCidr(text);
    if (!(cidr instanceof Cidr)) {
      this.faultCount++;
      if (this.faults.length < REPORTED) this.faults.push({ line: this.line, text: text.slice(0, 60), ...cidr });
      return;
    }
    const note = hash === -1 ? '' : written.slice(hash + 1).trim();
    this.lines.add(this.columns.length, this.line, cidr.prefix, note);
    this.columns.add(cidr);
  }
}

import { filled } from './cidr.ts';
import { type NetworkColumn, STRIDE } from './network-column.ts';
import type { Steps } from './slices.ts';

/** The whole address space of a family, cut where the answer changes. */
export interface Ranges {
  readonly count: number;
  /** First addresses, ascending, `width` words each; the first one is 0. */
  readonly starts: Uint32Array;
  /** The name of the most specific network on that range; -1 for none. */
  readonly names: Int32Array;
  readonly networks: number;
  /** The names of the first hundred entries found that say again what another said. */
  readonly repeated: readonly number[];
}

const REPORTED = 100;

/** The ranges a family's networks make. Networks nest or are apart, never overlap in part, so one stack is enough. */
export function* rangesOf(column: NetworkColumn): Steps<Ranges> {
  const order = yield* column.order();
  const sweep = new Sweep(column, order);
  for (let from = 0; from < column.length; from += STRIDE) {
    sweep.enter(from, Math.min(from + STRIDE, column.length));
    yield;
  }
  sweep.leaveAll();

  const { count } = sweep;
  const starts = new Uint32Array(count * column.width);
  const names = new Int32Array(count);
  for (let from = 0; from < count; from += STRIDE) {
    const to = Math.min(from + STRIDE, count);
    starts.set(sweep.starts.subarray(from * column.width, to * column.width), from * column.width);
    names.set(sweep.names.subarray(from, to), from);
    yield;
  }
  return { count, starts, names, networks: sweep.networks, repeated: sweep.repeated };
}

class Sweep {
  readonly starts: Uint32Array;
  readonly names: Int32Array;
  readonly repeated: number[] = [];
  count = 1;
  networks = 0;
  private readonly column: NetworkColumn;
  private readonly order: Uint32Array;
  private readonly width: number;
  /** The networks the sweep is inside of, the narrowest last: their last addresses and names. */
  private readonly lasts: Uint32Array;
  private readonly inside = new Int32Array(129);
  private depth = 0;
  private readonly at: Uint32Array;
  private previous = -1;

  constructor(column: NetworkColumn, order: Uint32Array) {
    this.column = column;
    this.order = order;
    this.width = column.width;
    this.starts = new Uint32Array((column.length * 2 + 1) * this.width);
    this.names = new Int32Array(column.length * 2 + 1);
    this.names[0] = -1;
    this.lasts = new Uint32Array(129 * this.width);
    this.at = new Uint32Array(this.width);
  }

  enter(from: number, to: number): void {
    const { words, prefixes, names } = this.column;
    for (let i = from; i < to; i++) {
      const entry = this.order[i] as number;
      if (this.isRepetition(entry)) {
        if (this.repeated.length < REPORTED) this.repeated.push(names[entry] as number);
        continue;
      }
      this.previous = entry;
      this.networks++;
      while (this.depth > 0 && this.compare(this.lasts, this.depth - 1, words, entry) < 0) this.leave();
      for (let w = 0; w < this.width; w++) {
        const word = words[entry * this.width + w] as number;
        this.at[w] = word;
        this.lasts[this.depth * this.width + w] = filled(word, (prefixes[entry] as number) - 32 * w);
      }
      this.inside[this.depth++] = names[entry] as number;
      this.cut(names[entry] as number);
    }
  }

  leaveAll(): void {
    while (this.depth > 0) this.leave();
  }

  private isRepetition(entry: number): boolean {
    const { words, prefixes } = this.column;
    const previous = this.previous;
    return (
      previous !== -1 && prefixes[previous] === prefixes[entry] && this.compare(words, previous, words, entry) === 0
    );
  }

  /** Behind the last address of the narrowest network begins the one around it again. */
  private leave(): void {
    this.depth--;
    let carry = 1;
    for (let w = this.width - 1; w >= 0; w--) {
      const next = (this.lasts[this.depth * this.width + w] as number) + carry;
      this.at[w] = next;
      carry = next > 0xffff_ffff ? 1 : 0;
    }
    // The last address of the family: there is nothing behind it.
    if (carry === 0) this.cut(this.depth === 0 ? -1 : (this.inside[this.depth - 1] as number));
  }

  /** From `at` on the answer is `name`. Called with ascending addresses; the last word on an address counts. */
  private cut(name: number): void {
    if (this.compare(this.starts, this.count - 1, this.at, 0) === 0) this.count--;
    if (this.count > 0 && this.names[this.count - 1] === name) return;
    this.starts.set(this.at, this.count * this.width);
    this.names[this.count++] = name;
  }

  private compare(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
    for (let w = 0; w < this.width; w++) {
      const difference = (a[i * this.width + w] as number) - (b[j * this.width + w] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

import type { Cidr } from './cidr.ts';
import type { Steps } from './slices.ts';

/** How many entries a step goes through. */
export const STRIDE = 256;

/**
 * The networks of one family as numbers in a row: a million of them as objects would be 200 MiB and a garbage collection
 * that every request waits for.
 */
export class NetworkColumn {
  /** Words of an address: 1 for IPv4, 4 for IPv6, the highest first. */
  readonly width: 1 | 4;
  length = 0;
  words: Uint32Array;
  prefixes = new Uint8Array(16);
  /** What an entry is called by its owner. */
  names = new Uint32Array(16);

  constructor(width: 1 | 4) {
    this.width = width;
    this.words = new Uint32Array(16 * width);
  }

  add({ base, prefix }: Cidr, name: number): void {
    const at = this.length;
    if (at === this.prefixes.length) this.grow();
    this.length++;
    this.prefixes[at] = prefix;
    this.names[at] = name;
    if (this.width === 1) {
      this.words[at] = base.w3;
      return;
    }
    this.words[at * 4] = base.w0;
    this.words[at * 4 + 1] = base.w1;
    this.words[at * 4 + 2] = base.w2;
    this.words[at * 4 + 3] = base.w3;
  }

  private grow(): void {
    const room = this.length * 2;
    const [words, prefixes, names] = [this.words, this.prefixes, this.names];
    this.words = new Uint32Array(room * this.width);
    this.prefixes = new Uint8Array(room);
    this.names = new Uint32Array(room);
    this.words.set(words);
    this.prefixes.set(prefixes);
    this.names.set(names);
  }

  /**
   * The entries by first address, wider before narrower, equal ones in the order they were added. Radix sort, lowest digit
   * first: it has no step that is longer than another, which a comparison sort of the platform would.
   */
  *order(): Steps<Uint32Array> {
    const digits = this.width * 4 + 1;
    const counts = new Uint32Array(digits * 256);
    for (let from = 0; from < this.length; from += STRIDE) {
      this.count(counts, from, Math.min(from + STRIDE, this.length));
      yield;
    }
    let order = new Uint32Array(this.length);
    for (let i = 0; i < this.length; i++) order[i] = i;
    let next = new Uint32Array(this.length);
    for (let digit = 0; digit < digits; digit++) {
      const places = counts.subarray(digit * 256, digit * 256 + 256);
      if (places.includes(this.length)) continue;
      startsOf(places);
      for (let from = 0; from < this.length; from += STRIDE) {
        this.scatter(digit, places, order, next, from, Math.min(from + STRIDE, this.length));
        yield;
      }
      [order, next] = [next, order];
    }
    return order;
  }

  private count(counts: Uint32Array, from: number, to: number): void {
    const digits = this.width * 4 + 1;
    for (let entry = from; entry < to; entry++) {
      for (let digit = 0; digit < digits; digit++) {
        const place = digit * 256 + this.digit(entry, digit);
        counts[place] = (counts[place] as number) + 1;
      }
    }
  }

  private scatter(
    digit: number,
    places: Uint32Array,
    order: Uint32Array,
    next: Uint32Array,
    from: number,
    to: number,
  ): void {
    for (let i = from; i < to; i++) {
      const entry = order[i] as number;
      const value = this.digit(entry, digit);
      const place = places[value] as number;
      next[place] = entry;
      places[value] = place + 1;
    }
  }

  /** The prefix is the lowest digit; the bytes of the address follow, from the last to the first. */
  private digit(entry: number, digit: number): number {
    if (digit === 0) return this.prefixes[entry] as number;
    const byte = digit - 1;
    const word = this.words[entry * this.width + this.width - 1 - (byte >>> 2)] as number;
    return (word >>> ((byte & 3) * 8)) & 0xff;
  }
}

/** Counts become the places where each value starts. */
function startsOf(counts: Uint32Array): void {
  let start = 0;
  for (let value = 0; value < counts.length; value++) {
    const count = counts[value] as number;
    counts[value] = start;
    start += count;
  }
}

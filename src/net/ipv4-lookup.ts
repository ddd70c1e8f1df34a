import { STRIDE } from './network-column.ts';
import type { Ranges } from './ranges.ts';
import type { Steps } from './slices.ts';

/** Finds the range an IPv4 address is in: a table of the leading bits, and a search in what has the same ones. */
export class Ipv4Lookup {
  private readonly starts: Uint32Array;
  private readonly names: Int32Array;
  /** For each value of the leading bits the range its first address is in, and the last range at the end. */
  private readonly table: Uint32Array;
  private readonly shift: number;

  private constructor({ starts, names }: Ranges, table: Uint32Array, shift: number) {
    this.starts = starts;
    this.names = names;
    this.table = table;
    this.shift = shift;
  }

  static *of(ranges: Ranges): Steps<Ipv4Lookup> {
    const { count, starts } = ranges;
    // About as many slots as ranges, so that a slot holds few; and no more than fit in a processor's cache.
    const bits = Math.min(16, Math.max(1, 32 - Math.clz32(count)));
    const shift = 32 - bits;
    const table = new Uint32Array(2 ** bits + 1).fill(count - 1);
    let range = 0;
    for (let slot = 0; slot < 2 ** bits; slot++) {
      const first = slot * 2 ** shift;
      while (range + 1 < count && (starts[range + 1] as number) <= first) range++;
      table[slot] = range;
      if (slot % STRIDE === 0) yield;
    }
    return new Ipv4Lookup(ranges, table, shift);
  }

  find(bits: number): number {
    const slot = bits >>> this.shift;
    const starts = this.starts;
    let low = this.table[slot] as number;
    let high = this.table[slot + 1] as number;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((starts[middle] as number) <= bits) low = middle;
      else high = middle - 1;
    }
    return this.names[low] as number;
  }
}

import type { Ranges } from './ranges.ts';

/** Finds the range an IPv6 address is in: a binary search over the four words. */
export class Ipv6Lookup {
  private readonly starts: Uint32Array;
  private readonly names: Int32Array;

  constructor({ starts, names }: Ranges) {
    this.starts = starts;
    this.names = names;
  }

  find(w0: number, w1: number, w2: number, w3: number): number {
    const starts = this.starts;
    let low = 0;
    let high = this.names.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const at = middle * 4;
      let difference = (starts[at] as number) - w0;
      if (difference === 0) difference = (starts[at + 1] as number) - w1;
      if (difference === 0) difference = (starts[at + 2] as number) - w2;
      if (difference === 0) difference = (starts[at + 3] as number) - w3;
      if (difference <= 0) low = middle;
      else high = middle - 1;
    }
    return this.names[low] as number;
  }
}

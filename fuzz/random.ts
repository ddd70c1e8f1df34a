/** A stream of numbers that follows from its seed alone (sfc32), so that every input can be made again. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = 0x9e3779b9;
    for (let i = 0; i < 12; i++) this.#next();
  }

  #next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** An integer from 0 to `limit` - 1; 0 when `limit` is 0. */
  below(limit: number): number {
    return limit === 0 ? 0 : this.#next() % limit;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** Small numbers most of the time, now and then one near `limit`. */
  size(limit: number): number {
    return this.once(8) ? this.below(limit) : this.below(Math.min(limit, 9));
  }

  bytes(length: number): Buffer {
    const out = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) out[i] = this.#next();
    return out;
  }
}

/** What a check draws from: the bytes themselves, so that a kept input is checked the same way every time. */
export function randomOf(bytes: Uint8Array): Random {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return new Random(hash, bytes.length);
}

import { GrowingBuffer } from '../protocol/growing-buffer.ts';

/** A body gathered up to a limit. A body of one chunk, the common case, is that chunk and is not copied. */
export class BoundedBody {
  readonly limit: number;
  #first: Buffer | undefined;
  #all: GrowingBuffer | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** False when the chunk would go over the limit; it is then not kept. */
  add(chunk: Buffer): boolean {
    const before = this.#all?.length ?? this.#first?.length ?? 0;
    if (before + chunk.length > this.limit) return false;
    if (this.#first === undefined) {
      this.#first = chunk;
      return true;
    }
    if (this.#all === undefined) {
      this.#all = new GrowingBuffer();
      this.#all.append(this.#first, 0, this.#first.length);
    }
    this.#all.append(chunk, 0, chunk.length);
    return true;
  }

  take(): Buffer {
    return this.#all?.take() ?? this.#first ?? Buffer.alloc(0);
  }
}

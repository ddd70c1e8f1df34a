import { GrowingBuffer } from '../protocol/growing-buffer.ts';

/** The most space that is taken because a server announces so much: it may never send it. */
const BELIEVED_BYTES = 1_048_576;

/** A body gathered up to a limit. A body of one chunk, the common case, is that chunk and is not copied. */
export class BoundedBody {
  readonly limit: number;
  readonly #announced: number;
  #first: Buffer | undefined;
  #all: GrowingBuffer | undefined;

  /** @param announced the `Content-Length`, 0 when there is none: space for it is taken once, so that nothing is copied twice */
  constructor(limit: number, announced: number) {
    this.limit = limit;
    this.#announced = announced;
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
      this.#all = new GrowingBuffer(Math.min(this.#announced, BELIEVED_BYTES));
      this.#all.append(this.#first, 0, this.#first.length);
    }
    this.#all.append(chunk, 0, chunk.length);
    return true;
  }

  take(): Buffer {
    return this.#all?.take() ?? this.#first ?? Buffer.alloc(0);
  }
}

const FIRST_BYTES = 4096;

/** Bytes put together from pieces. Holds no piece, so a million one-byte pieces cost a million bytes and not a million objects. */
export class GrowingBuffer {
  length = 0;
  readonly #firstBytes: number;
  #bytes: Buffer | undefined;

  /** @param expected how many bytes will come, where that is known: then nothing is copied on the way. */
  constructor(expected = 0) {
    this.#firstBytes = expected > 0 ? expected : FIRST_BYTES;
  }

  append(source: Buffer, start: number, end: number): void {
    const needed = this.length + end - start;
    let bytes = this.#bytes;
    if (bytes === undefined || bytes.length < needed) {
      const bigger = Buffer.allocUnsafe(Math.max(needed, bytes === undefined ? this.#firstBytes : bytes.length * 2));
      bytes?.copy(bigger, 0, 0, this.length);
      this.#bytes = bigger;
      bytes = bigger;
    }
    source.copy(bytes, this.length, start, end);
    this.length = needed;
  }

  /** Hands over what was gathered and starts anew; the bytes handed over are never written to again. */
  take(): Buffer {
    const taken = this.#bytes?.subarray(0, this.length) ?? Buffer.alloc(0);
    this.#bytes = undefined;
    this.length = 0;
    return taken;
  }
}

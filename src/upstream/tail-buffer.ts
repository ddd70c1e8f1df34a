/** The last `capacity` bytes of a stream that may be endless. Takes memory only as it fills. */
export class TailBuffer {
  readonly #capacity: number;
  #bytes = Buffer.alloc(0);
  #end = 0;
  #wrapped = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(chunk: Buffer): void {
    const tail = chunk.length > this.#capacity ? chunk.subarray(chunk.length - this.#capacity) : chunk;
    this.#makeRoom(tail.length);
    const first = Math.min(tail.length, this.#bytes.length - this.#end);
    tail.copy(this.#bytes, this.#end, 0, first);
    tail.copy(this.#bytes, 0, first);
    if (this.#end + tail.length >= this.#capacity && this.#capacity > 0) this.#wrapped = true;
    this.#end = this.#capacity === 0 ? 0 : (this.#end + tail.length) % this.#capacity;
  }

  /** A copy of what is kept, oldest byte first. The first line may be cut. */
  read(): Buffer {
    if (!this.#wrapped) return Buffer.from(this.#bytes.subarray(0, this.#end));
    return Buffer.concat([this.#bytes.subarray(this.#end), this.#bytes.subarray(0, this.#end)]);
  }

  #makeRoom(length: number): void {
    if (this.#wrapped || this.#end + length <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.min(this.#capacity, Math.max(1024, (this.#end + length) * 2)));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
  }
}

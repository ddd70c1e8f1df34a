/**
 * Which of the calls handed to a pipe it took whole. A pipe takes in order, so counting is enough, and one function serves as the
 * callback of every write. What was not taken to its last byte, the line break, is no message to whoever reads.
 */
export class PipeLedger {
  #handed = 0;
  #taken = 0;

  readonly onWritten = (error?: Error | null): void => {
    if (!error) this.#taken += 1;
  };

  /** The place of a call whose write was just accepted, with `onWritten` to follow. */
  handed(): number {
    this.#handed += 1;
    return this.#handed;
  }

  /** True as soon as the reader may have seen it. Final once the pipe is closed. */
  took(place: number): boolean {
    return place <= this.#taken;
  }
}

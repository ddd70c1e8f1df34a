const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SMALLEST_HOLD = 4096;

/**
 * One line without its end (LF or CRLF). `cut` is true when the line went over the limit: `bytes` is then its beginning,
 * handed over as soon as the limit was passed, and the rest of the line is never seen.
 */
export type LineHandler = (bytes: Buffer, cut: boolean) => void;

/**
 * Bytes to lines, however the bytes were cut on their way. Holds at most one line of `limit` bytes, in one growing
 * buffer, so that a writer of single bytes costs no more than a writer of whole lines.
 *
 * A line that came in one piece is handed over as a view of the chunk, not a copy.
 */
export class LineFramer {
  readonly #limit: number;
  readonly #handler: LineHandler;
  #held = Buffer.alloc(0);
  #length = 0;
  #skipping = false;

  constructor(limit: number, handler: LineHandler) {
    this.#limit = limit;
    this.#handler = handler;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline === -1 ? chunk.length : newline;
      if (!this.#skipping) this.#take(chunk, start, end, newline !== -1);
      if (newline === -1) return;
      this.#skipping = false;
      start = newline + 1;
    }
  }

  /** The stream is over: what is held is the last line, even without its end. */
  end(): void {
    if (this.#length > 0) this.#emit(this.#release(), false);
  }

  #take(chunk: Buffer, start: number, end: number, complete: boolean): void {
    const length = this.#length + end - start;
    // One byte of grace for the CR that is no part of the line.
    if (length > this.#limit + 1) {
      this.#hold(chunk, start, start + this.#limit - this.#length);
      this.#skipping = true;
      this.#emit(this.#release(), true);
      return;
    }
    if (!complete) {
      this.#hold(chunk, start, end);
      return;
    }
    if (this.#length === 0) {
      this.#emit(chunk.subarray(start, end), false);
      return;
    }
    this.#hold(chunk, start, end);
    this.#emit(this.#release(), false);
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    if (end <= start) return;
    const needed = this.#length + end - start;
    if (needed > this.#held.length) {
      const room = Math.max(SMALLEST_HOLD, Math.min(needed * 2, this.#limit + 1));
      const grown = Buffer.allocUnsafeSlow(Math.max(room, needed));
      this.#held.copy(grown, 0, 0, this.#length);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#length, start, end);
    this.#length = needed;
  }

  /** Gives the held bytes away: whoever gets them may keep them, so the next line needs a buffer of its own. */
  #release(): Buffer {
    const line = this.#held.subarray(0, this.#length);
    this.#held = Buffer.alloc(0);
    this.#length = 0;
    return line;
  }

  #emit(line: Buffer, cut: boolean): void {
    const bare = !cut && line.length > 0 && line[line.length - 1] === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
    if (cut || bare.length > this.#limit) this.#handler(bare.subarray(0, this.#limit), true);
    else this.#handler(bare, false);
  }
}

/** Some programs begin their output with one. */
export function withoutByteOrderMark(line: Buffer): Buffer {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? line.subarray(3) : line;
}

/** Where in a line the id of a message usually stands. */
const ID_WITHIN = 256;
const ID = /"id"\s*:\s*(\d{1,15})\s*[,}]/;

/** The id of an object that is not a readable message: near its beginning or its end; undefined when neither has one. */
export function unreadId(bytes: Buffer): number | undefined {
  // What does not end like an object was cut short, and why is told by whoever cut it.
  if (bytes[0] !== 0x7b || bytes[bytes.length - 1] !== 0x7d) return undefined;
  const found =
    ID.exec(bytes.toString('latin1', 0, ID_WITHIN)) ?? ID.exec(bytes.subarray(-ID_WITHIN).toString('latin1'));
  return found === null ? undefined : Number(found[1]);
}

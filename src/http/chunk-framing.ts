import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Watches the raw bytes of a chunked body. Node's parser skips chunk extensions without a word, and hands trailers on; other
 * readers stumble over both. Here a body is sizes and data and nothing else (RFC 9112, section 7.1, without its options).
 *
 * The end of the head is found in the bytes under the parser, also when the head came in pieces. It is known for a request that
 * stands first in what was read from its connection only: one pipelined behind another is refused, for its sender could place a
 * decoy of that end before it.
 */
export class ChunkWatch {
  /** No reading of the bytes is sizes and data alone. */
  isBroken = false;
  /** Called at once when it comes to that. */
  onBroken: (() => void) | undefined = undefined;
  private readonly reading = new Reading();
  private readonly socket: Socket;

  /**
   * Within the `request` event only: the bytes under the parser are there for no longer. `isFirst`: no other request of the
   * connection was under way when these bytes were read.
   */
  constructor(request: IncomingMessage, isFirst: boolean) {
    this.socket = request.socket;
    const bytes = isFirst ? underParser(this.socket) : undefined;
    // Without those bytes nothing can be said for the request.
    const start = bytes === undefined ? -1 : startOfBody(bytes);
    this.isBroken = bytes === undefined || start === -1 || !this.reading.take(bytes, start);
    if (this.isBroken) return;
    // Before the parser: what it refuses or ends must have been seen here.
    this.socket.prependListener('data', this.take);
    request.once('close', this.stop);
  }

  /** Whether the whole body of this many bytes was plain. */
  isPlain(length: number): boolean {
    return this.reading.isWhole(length);
  }

  private readonly take = (bytes: Buffer): void => {
    if (this.isBroken || this.reading.take(bytes, 0)) return;
    this.isBroken = true;
    this.stop();
    this.onBroken?.();
  };

  private readonly stop = (): void => {
    this.socket.off('data', this.take);
  };
}

/** What Node's parser is reading. Its name for that is not in the documentation; a Node without it gets no chunked body through. */
function underParser(socket: Socket & { parser?: { getCurrentBuffer?(): Buffer } }): Buffer | undefined {
  return socket.parser?.getCurrentBuffer?.();
}

/**
 * Where the body begins; -1 when the bytes do not say. The head may have ended with the first bytes of this read: then a size
 * follows, which no line of a head can be taken for, and else the first empty line is its end.
 */
function startOfBody(bytes: Buffer): number {
  let at = 0;
  while (bytes[at] === CR || bytes[at] === LF) at++;
  if (at > 0) {
    let end = at;
    while (end < bytes.length && hexDigit(bytes[end] as number) >= 0) end++;
    const isSize = end > at && (bytes[end] === CR || bytes[end] === SEMICOLON);
    if (isSize || end === bytes.length) return at;
  }
  const empty = bytes.indexOf('\r\n\r\n', at);
  return empty === -1 ? -1 : empty + 4;
}

const SIZE_START = 0;
const SIZE = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const LAST_CR = 6;
const LAST_LF = 7;
const WHOLE = 8;

/** The state after each line end; a size of 0 is followed by the end. */
const AFTER: readonly number[] = [];
Object.assign(AFTER, {
  [SIZE_LF]: LAST_CR,
  [DATA_CR]: DATA_LF,
  [DATA_LF]: SIZE_START,
  [LAST_CR]: LAST_LF,
  [LAST_LF]: WHOLE,
});

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

/** One reading of the bytes as chunks, as far as they have come. */
class Reading {
  private state = SIZE_START;
  /** Of the chunk under way: its size while that is read, then the bytes still to come. */
  private left = 0;
  private total = 0;

  isWhole(length: number): boolean {
    return this.state === WHOLE && this.total === length;
  }

  /** False when the bytes are not plain chunks. */
  take(bytes: Buffer, from: number): boolean {
    for (let at = from; at < bytes.length && this.state !== WHOLE; ) {
      if (this.state === DATA) {
        const count = Math.min(this.left, bytes.length - at);
        at += count;
        this.left -= count;
        if (this.left === 0) this.state = DATA_CR;
      } else if (!this.step(bytes[at++] as number)) return false;
    }
    return true;
  }

  private step(byte: number): boolean {
    if (this.state <= SIZE) return this.size(byte);
    const isReturn = this.state === DATA_CR || this.state === LAST_CR;
    if (byte !== (isReturn ? CR : LF)) return false;
    this.state = this.state === SIZE_LF && this.left > 0 ? DATA : (AFTER[this.state] as number);
    return true;
  }

  private size(byte: number): boolean {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.left = this.left * 16 + digit;
      this.state = SIZE;
      return true;
    }
    if (byte !== CR || this.state !== SIZE) return false;
    this.total += this.left;
    this.state = SIZE_LF;
    return true;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

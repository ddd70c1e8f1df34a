import { GrowingBuffer } from './growing-buffer.ts';

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BOM = [0xef, 0xbb, 0xbf] as const;
const NEWLINE = Buffer.from('\n');
const NO_BYTES = Buffer.alloc(0);
const LONGEST_FIELD_NAME = 'event'.length;

export interface SseListener {
  /**
   * One event. `data` may be a view on the chunk that held it: whoever keeps it keeps the chunk. `type` is `message` unless the
   * server named another. Returns false to stop: the parser holds back the rest until `resume`.
   */
  event(data: Buffer, type: string): boolean;
  /** The server's wish for the wait before a reconnection, in milliseconds. */
  retry?(milliseconds: number): void;
}

/** `halted`: the listener asked to stop. `fault`: an event over the limit; the stream must be given up. */
export type SseProgress = 'open' | 'halted' | 'fault';

/**
 * Reads `text/event-stream` (WHATWG HTML, section 9.2.6) from chunks cut anywhere.
 *
 * Data stays bytes: whether it is UTF-8 is for the reader of the message to judge. Never throws on any input. Holds at
 * most `maxEventBytes` of an unfinished event; comments are skipped, not held.
 */
export class SseParser {
  /** Of the last finished event, as the header field `Last-Event-ID` carries it; empty when the server gave none. */
  lastEventId = '';
  readonly #listener: SseListener;
  readonly #maxEventBytes: number;
  #bomMatched = 0;
  #state: SseProgress = 'open';
  /** The next byte is dropped if it is LF: it belongs to a CR at the end of a chunk. */
  #afterCr = false;
  /** A line that has not ended. */
  readonly #partial = new GrowingBuffer();
  #inComment = false;
  #rest: Buffer = NO_BYTES;
  /** The only data line so far; undefined when there is none or there are several. */
  #data: Buffer | undefined;
  /** Several data lines, joined by LF. */
  readonly #lines = new GrowingBuffer();
  #type = '';
  #id = '';

  constructor(listener: SseListener, maxEventBytes: number) {
    this.#listener = listener;
    this.#maxEventBytes = maxEventBytes;
  }

  push(chunk: Buffer): SseProgress {
    if (this.#state === 'fault') return 'fault';
    if (this.#state === 'halted') {
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      return 'halted';
    }
    return this.#read(this.#bomMatched < BOM.length ? this.#withoutBom(chunk) : chunk);
  }

  /** Goes on after the listener returned false, first with what was held back. */
  resume(): SseProgress {
    if (this.#state !== 'halted') return this.#state;
    this.#state = 'open';
    const rest = this.#rest;
    this.#rest = NO_BYTES;
    return this.#read(rest);
  }

  #withoutBom(chunk: Buffer): Buffer {
    const matchedBefore = this.#bomMatched;
    let at = 0;
    while (at < chunk.length && this.#bomMatched < BOM.length && chunk[at] === BOM[this.#bomMatched]) {
      at += 1;
      this.#bomMatched += 1;
    }
    if (this.#bomMatched === BOM.length) return chunk.subarray(at);
    if (at === chunk.length) return NO_BYTES;
    // What looked like the start of a byte order mark was not: it is the start of the first line.
    this.#bomMatched = BOM.length;
    return matchedBefore === 0 ? chunk : Buffer.concat([Buffer.from(BOM.slice(0, matchedBefore)), chunk]);
  }

  #read(chunk: Buffer): SseProgress {
    let at = 0;
    let nextCr = -2;
    while (at < chunk.length) {
      if (this.#afterCr) {
        this.#afterCr = false;
        if (chunk[at] === LF) {
          at += 1;
          continue;
        }
      }
      const nextLf = chunk.indexOf(LF, at);
      // Most servers never send a CR: it is looked for once per chunk, not once per line.
      if (nextCr !== -1 && nextCr < at) nextCr = chunk.indexOf(CR, at);
      const end = nextCr !== -1 && (nextLf === -1 || nextCr < nextLf) ? nextCr : nextLf;
      if (end === -1) return this.#keep(chunk, at);
      this.#afterCr = end === nextCr;
      if (!this.#endLine(chunk, at, end)) {
        if (this.#state === 'halted') this.#rest = chunk.subarray(end + 1);
        return this.#state;
      }
      at = end + 1;
    }
    return 'open';
  }

  #keep(chunk: Buffer, at: number): SseProgress {
    if (this.#partial.length === 0 && !this.#inComment) this.#inComment = chunk[at] === COLON;
    if (this.#inComment) return 'open';
    this.#partial.append(chunk, at, chunk.length);
    return this.#partial.length + this.#eventBytes > this.#maxEventBytes ? this.#fault() : 'open';
  }

  get #eventBytes(): number {
    return this.#data === undefined ? this.#lines.length : this.#data.length;
  }

  #fault(): SseProgress {
    this.#state = 'fault';
    this.#partial.take();
    this.#lines.take();
    this.#data = undefined;
    return 'fault';
  }

  /** False when reading must stop here. */
  #endLine(chunk: Buffer, start: number, end: number): boolean {
    if (this.#inComment) {
      this.#inComment = false;
      return true;
    }
    if (this.#partial.length === 0) return this.#line(chunk, start, end);
    this.#partial.append(chunk, start, end);
    const line = this.#partial.take();
    return this.#line(line, 0, line.length);
  }

  #line(bytes: Buffer, start: number, end: number): boolean {
    if (start === end) return this.#endEvent();
    if (bytes[start] === COLON) return true;
    let colon = start;
    const last = Math.min(end, start + LONGEST_FIELD_NAME + 1);
    while (colon < last && bytes[colon] !== COLON) colon += 1;
    const valueStart = Math.min(bytes[colon + 1] === SPACE ? colon + 2 : colon + 1, end);
    this.#field(bytes, start, colon, valueStart, end);
    if (this.#eventBytes <= this.#maxEventBytes) return true;
    this.#fault();
    return false;
  }

  #field(bytes: Buffer, start: number, colon: number, valueStart: number, end: number): void {
    const length = colon - start;
    if (length === 4 && isField(bytes, start, 'data')) {
      this.#addData(bytes, valueStart, end);
    } else if (length === 5 && isField(bytes, start, 'event')) {
      this.#type = bytes.toString('utf8', valueStart, end);
    } else if (length === 2 && isField(bytes, start, 'id')) {
      if (bytes.subarray(valueStart, end).indexOf(0) === -1) this.#id = bytes.toString('latin1', valueStart, end);
    } else if (length === 5 && isField(bytes, start, 'retry')) {
      const digits = bytes.toString('latin1', valueStart, end);
      if (/^[0-9]{1,9}$/.test(digits)) this.#listener.retry?.(Number(digits));
    }
  }

  #addData(bytes: Buffer, start: number, end: number): void {
    const first = this.#data;
    if (first === undefined && this.#lines.length === 0) {
      this.#data = bytes.subarray(start, end);
      return;
    }
    if (first !== undefined) this.#lines.append(first, 0, first.length);
    this.#data = undefined;
    this.#lines.append(NEWLINE, 0, 1);
    this.#lines.append(bytes, start, end);
  }

  #endEvent(): boolean {
    this.lastEventId = this.#id;
    const type = this.#type;
    this.#type = '';
    const data = this.#data ?? (this.#lines.length === 0 ? undefined : this.#lines.take());
    if (data === undefined) return true;
    this.#data = undefined;
    if (this.#listener.event(data, type === '' ? 'message' : type)) return true;
    this.#state = 'halted';
    return false;
  }
}

function isField(bytes: Buffer, start: number, name: string): boolean {
  for (let at = 0; at < name.length; at += 1) if (bytes[start + at] !== name.charCodeAt(at)) return false;
  return true;
}

import { connect } from 'node:net';

const BLANK_LINE = '\r\n\r\n';
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;
const LAST_CHUNK = '\r\n0\r\n\r\n';
/** Enough of a body to tell whose answer it is. */
const SHOWN = 48;

/**
 * One keep-alive connection with one request under way: as little work as an HTTP client can do, so that the figures are those
 * of the other side. Answers with a Content-Length are told by how they start; those in chunks, which others send, are kept whole.
 */
export class Connection {
  #socket;
  #head;
  #left = 0;
  /** The chunks of an answer so far, framing and all. */
  #chunks;
  #answer;
  #onAnswer = () => {};
  #onLost;

  /** @param onLost called when the connection ends while nobody asked for it */
  static open(port, onLost) {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(new Connection(socket, onLost)));
      socket.once('error', reject);
    });
  }

  constructor(socket, onLost) {
    this.#socket = socket;
    this.#onLost = onLost;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#onLost());
  }

  /** Sends a request; `onAnswer({ status, head, start })` is called when the whole answer has been read. */
  send(text, onAnswer) {
    this.#onAnswer = onAnswer;
    this.#socket.write(text, 'latin1');
  }

  /** The same as a promise. */
  ask(text) {
    return new Promise((resolve) => this.send(text, resolve));
  }

  /** Sends a request whose answer has no end; resolves with the status when its head is there. */
  openStream(text) {
    return new Promise((resolve) => {
      this.#socket.removeAllListeners('data');
      this.#socket.once('data', (chunk) => {
        this.#socket.on('data', () => {});
        resolve(Number(chunk.latin1Slice(9, 12)));
      });
      this.#socket.write(text, 'latin1');
    });
  }

  close() {
    this.#onLost = () => {};
    this.#socket.destroy();
  }

  #read(chunk) {
    if (this.#chunks !== undefined) return this.#readChunks(chunk.latin1Slice());
    if (this.#left > 0) {
      this.#left -= chunk.length;
      if (this.#left <= 0) this.#done();
      return;
    }
    const bytes = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk]);
    const end = bytes.indexOf(BLANK_LINE);
    const head = end === -1 ? '' : bytes.latin1Slice(0, end);
    if (CHUNKED.test(head)) {
      this.#head = undefined;
      this.#chunks = '\r\n';
      this.#answer = { status: Number(head.slice(9, 12)), head, start: '' };
      return this.#readChunks(bytes.latin1Slice(end + BLANK_LINE.length));
    }
    const length = Number(LENGTH.exec(head)?.[1] ?? 0);
    const body = end + BLANK_LINE.length;
    if (end === -1 || bytes.length - body < Math.min(length, SHOWN)) {
      this.#head = bytes;
      return;
    }
    this.#head = undefined;
    this.#answer = { status: Number(head.slice(9, 12)), head, start: bytes.toString('latin1', body, body + SHOWN) };
    this.#left = length - (bytes.length - body);
    if (this.#left <= 0) this.#done();
  }

  #readChunks(text) {
    this.#chunks += text;
    if (!this.#chunks.endsWith(LAST_CHUNK)) return;
    this.#answer.start = this.#chunks;
    this.#chunks = undefined;
    this.#done();
  }

  #done() {
    this.#left = 0;
    this.#onAnswer(this.#answer);
  }
}

// HTTP as cheap as it can be had: one keep-alive connection, one exchange at a time, JSON and event streams.
import { connect } from 'node:net';

const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;

/** One exchange: resolves `done` with `{ status, head }` when the answer is complete or the connection is lost (status 0). */
class Exchange {
  status = 0;
  head = '';
  isLost = false;

  constructor(onMessage) {
    this.onMessage = onMessage;
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

export class Wire {
  #port;
  #socket;
  #text = '';
  #events = '';
  #state = 'head';
  #left = 0;
  #exchange;

  constructor(port) {
    this.#port = port;
  }

  /** Sends one request. @param onMessage hears every JSON-RPC message of the answer, parsed */
  send(head, body, onMessage) {
    const exchange = new Exchange(onMessage);
    this.#exchange = exchange;
    this.#reset();
    this.#socket ??= this.#connect();
    this.#socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
    return exchange;
  }

  /** Hangs up in the middle of whatever is going on. The next request opens another connection. */
  cut() {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    this.#lose();
  }

  #connect() {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.on('data', (chunk) => {
      if (this.#socket === socket) this.#read(chunk.latin1Slice());
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#lose();
    });
    return socket;
  }

  #lose() {
    if (this.#exchange === undefined) return;
    this.#exchange.isLost = true;
    this.#end();
  }

  #reset() {
    this.#text = '';
    this.#events = '';
    this.#state = 'head';
  }

  #end() {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange.open();
    exchange.finish(exchange);
  }

  #read(chunk) {
    this.#text += chunk;
    while (this.#exchange !== undefined && this.#step());
  }

  /** False when more bytes are needed. */
  #step() {
    if (this.#state === 'head') return this.#readHead();
    if (this.#state === 'size') return this.#readSize();
    if (this.#text.length < this.#left) return false;
    const body = this.#text.slice(0, this.#left);
    this.#text = this.#text.slice(this.#left);
    if (this.#state === 'body') {
      if (body !== '') this.#hear(body);
      this.#end();
      return false;
    }
    this.#readChunk(body);
    return true;
  }

  #readHead() {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const head = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 4);
    this.#exchange.head = head;
    this.#exchange.status = Number(head.slice(9, 12));
    const isChunked = CHUNKED.test(head);
    this.#left = Number(LENGTH.exec(head)?.[1] ?? 0);
    this.#state = isChunked ? 'size' : 'body';
    this.#exchange.open();
    return true;
  }

  #readSize() {
    const end = this.#text.indexOf('\r\n');
    if (end === -1) return false;
    // The chunk and the line break after it.
    this.#left = Number.parseInt(this.#text, 16) + 2;
    this.#text = this.#text.slice(end + 2);
    this.#state = 'chunk';
    return true;
  }

  #readChunk(chunk) {
    this.#state = 'size';
    if (chunk.length > 2) this.#readEvents(chunk.slice(0, -2));
    else this.#end();
  }

  #readEvents(text) {
    this.#events += text;
    for (let end = this.#events.indexOf('\n\n'); end !== -1; end = this.#events.indexOf('\n\n')) {
      const event = this.#events.slice(0, end);
      this.#events = this.#events.slice(end + 2);
      const data = event.startsWith('data: ') ? event.slice(6) : event.split('\ndata: ')[1];
      if (data !== undefined && data !== '') this.#hear(data);
    }
  }

  #hear(json) {
    const value = JSON.parse(json);
    for (const message of Array.isArray(value) ? value : [value]) this.#exchange?.onMessage(message);
  }
}

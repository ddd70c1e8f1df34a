import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { RpcMessage } from '../faults/talk.ts';
import { within } from '../support/wait.ts';

/** An event stream read as it comes. Knows only how our own streams and the scripted servers of these tests are written. */
export class Reader {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Comment lines so far: keep-alives. */
  comments = 0;
  readonly #sent: ClientRequest;
  readonly #response: IncomingMessage;
  readonly #events: RpcMessage[] = [];
  #text = '';
  #wake = () => {};
  #isOver = false;

  private constructor(sent: ClientRequest, response: IncomingMessage) {
    this.#sent = sent;
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    response.on('error', () => {});
    response.on('close', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** Resolves when the head of the answer is here, before any event needs to be. */
  static async open(url: string, headers: Record<string, string>, body?: object): Promise<Reader> {
    const sent = request(url, { method: body === undefined ? 'GET' : 'POST', headers, agent: false });
    sent.on('error', () => {});
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await within(once(sent, 'response'), `${url} has sent the head of its answer`)) as [
      IncomingMessage,
    ];
    return new Reader(sent, response);
  }

  /** Begins to read. Not called: a client that never reads. */
  read(): this {
    this.#response.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk));
    return this;
  }

  /** The next message not yet taken, in order. @throws when the stream ends first. */
  next(what = 'the next event is here'): Promise<RpcMessage> {
    return within(this.#next(), what);
  }

  /** How many messages are here that nobody has taken. */
  get waiting(): number {
    return this.#events.length;
  }

  /** Resolves when the stream has ended. */
  get over(): Promise<unknown> {
    return this.#isOver ? Promise.resolve() : within(once(this.#response, 'close'), 'the stream has ended');
  }

  hangUp(): void {
    this.#sent.destroy();
  }

  async #next(): Promise<RpcMessage> {
    while (this.#events.length === 0) {
      if (this.#isOver) throw new Error('the stream has ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#events.shift() as RpcMessage;
  }

  #take(chunk: string): void {
    const events = (this.#text + chunk).split('\n\n');
    this.#text = events.pop() ?? '';
    for (const event of events) {
      const data = event.split('\n').filter((line) => line.startsWith('data:'));
      if (event.startsWith(':')) this.comments += 1;
      const json = data.map((line) => line.slice(5)).join('\n');
      if (json.trim() !== '') this.#events.push(JSON.parse(json) as RpcMessage);
    }
    this.#wake();
  }
}

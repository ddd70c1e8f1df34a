import type { ServerResponse } from 'node:http';
import { answer, type Received, ScriptedHttp, wellBehaved } from './scripted-http.ts';
import { until } from './wait.ts';

export interface Filter {
  readonly toolsListChanged?: boolean;
  readonly promptsListChanged?: boolean;
  readonly resourcesListChanged?: boolean;
  readonly resourceSubscriptions?: readonly string[];
  readonly [other: string]: unknown;
}

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

/** One `subscriptions/listen` as the scripted server holds it: what is said in it, and when, is the test's. */
export class ScriptedSubscription {
  readonly asked: Filter;
  /** Resolves when the stream is over, whoever ended it. */
  readonly over: Promise<unknown>;
  /** Whether events may be said in it. */
  isAcknowledged = false;
  #isOver = false;
  readonly #request: Received;
  readonly #response: ServerResponse;

  constructor(request: Received, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    this.asked = request.rpc.params?.notifications as Filter;
    this.over = request.over.then(() => {
      this.#isOver = true;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Acknowledges the whole filter, or what the test says of it. */
  acknowledge(granted: Filter = this.asked): void {
    this.isAcknowledged = true;
    this.say('notifications/subscriptions/acknowledged', { notifications: granted });
  }

  /** A notification of this subscription. `meta` in place of its own id. */
  say(method: string, params: object = {}, meta: object = { [SUBSCRIPTION_ID]: this.#request.rpc.id }): void {
    this.#open();
    const message = { jsonrpc: '2.0', method, params: { ...params, _meta: meta } };
    this.#response.write(`data: ${JSON.stringify(message)}\n\n`);
  }

  /** Ends it as a server should, unless the test says otherwise. */
  finish(result: object = { resultType: 'complete' }): void {
    this.#open();
    const meta = { [SUBSCRIPTION_ID]: this.#request.rpc.id, vendor: 1 };
    this.#response.end(`data: ${answer(this.#request, { ...result, _meta: meta })}\n\n`);
  }

  /** Ends it with an error, in the stream. */
  fail(code: number, message: string): void {
    this.#open();
    const error = { code, message, data: { message } };
    this.#response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: this.#request.rpc.id, error })}\n\n`);
  }

  cancel(): void {
    this.say('notifications/cancelled', { requestId: this.#request.rpc.id });
  }

  refuse(code: number, message: string): void {
    const error = { jsonrpc: '2.0', id: this.#request.rpc.id, error: { code, message } };
    this.#response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(error));
  }

  /** Answers with an HTTP error that is no JSON-RPC. */
  answerStatus(status: number): void {
    this.#response.writeHead(status, { 'content-type': 'text/plain' }).end('no');
  }

  /** Ends the stream without a word. */
  drop(): void {
    this.#response.destroy();
  }

  #open(): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, { 'content-type': 'text/event-stream' });
  }
}

/** A modern HTTP server of which only subscriptions matter. */
export class ScriptedListen {
  readonly http: ScriptedHttp;
  /** In the order they were asked for. */
  readonly subscriptions: ScriptedSubscription[] = [];
  /** Each is acknowledged, whole, as it comes. */
  acknowledges = false;

  private constructor(http: ScriptedHttp) {
    this.http = http;
    http.otherwise = (request, response) => {
      if (request.rpc.method !== 'subscriptions/listen') return wellBehaved(request, response);
      const subscription = new ScriptedSubscription(request, response);
      this.subscriptions.push(subscription);
      if (this.acknowledges) subscription.acknowledge();
    };
  }

  static async start(): Promise<ScriptedListen> {
    return new ScriptedListen(await ScriptedHttp.start());
  }

  get open(): ScriptedSubscription[] {
    return this.subscriptions.filter(({ isOver }) => !isOver);
  }

  /** The subscription of that place, once it was asked for. */
  nth(place: number): Promise<ScriptedSubscription> {
    return until(() => this.subscriptions[place], `subscription ${place} was asked for`);
  }

  stop(): Promise<void> {
    return this.http.stop();
  }
}

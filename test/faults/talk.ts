import { within } from '../support/wait.ts';

export interface RpcMessage {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: { readonly content?: readonly { readonly text?: string }[]; readonly [key: string]: unknown };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
}

/** An HTTP answer of the gateway with every JSON-RPC message it carried. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly messages: readonly RpcMessage[];
  /** The last message: the answer. */
  readonly last: RpcMessage;
}

export interface CallOptions {
  /** Members of `_meta` beside those the era asks for. */
  readonly meta?: Record<string, unknown>;
  readonly signal?: AbortSignal;
}

const MODERN = '2026-07-28';
const ACCEPT = 'application/json, text/event-stream';

export interface Opening {
  /** Of the client. Default: none. */
  readonly capabilities?: object;
  /** The protocol version asked for. */
  readonly version?: string;
}

/** One principal at the route of one server, speaking plain JSON so that ids and statuses are the test's own. */
export class Caller {
  readonly #url: string;
  readonly #token: string;

  constructor(gatewayUrl: string, server: string, token: string) {
    this.#url = `${gatewayUrl}/mcp/${server}`;
    this.#token = token;
  }

  /** A modern `tools/call`. */
  tool(id: string | number, name: string, args: object = {}, options: CallOptions = {}): Promise<Reply> {
    return this.modern(id, 'tools/call', { name, arguments: args }, options);
  }

  async modern(
    id: string | number,
    method: string,
    params: { readonly name?: string; readonly [key: string]: unknown },
    { meta = {}, signal }: CallOptions = {},
  ): Promise<Reply> {
    const own = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const headers = { 'mcp-protocol-version': MODERN, 'mcp-method': method };
    const body = { jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...own, ...meta } } };
    return this.post(body, params.name === undefined ? headers : { ...headers, 'mcp-name': params.name }, signal);
  }

  /** `initialize` alone, whatever comes of it. */
  initialize(id: string | number = 0, { capabilities = {}, version = '2025-11-25' }: Opening = {}): Promise<Reply> {
    const clientInfo = { name: 'faults', version: '1' };
    const params = { protocolVersion: version, capabilities, clientInfo };
    return this.post({ jsonrpc: '2.0', id, method: 'initialize', params }, {});
  }

  /** Opens a legacy session. @throws with the answer when it is refused. */
  async open(opening: Opening = {}): Promise<Session> {
    const opened = await this.initialize(0, opening);
    const id = opened.headers.get('mcp-session-id');
    if (opened.last.result === undefined || id === null) throw new Error(`no session: ${JSON.stringify(opened)}`);
    const session = new Session(this, id, opening.version);
    await session.notify('notifications/initialized');
    return session;
  }

  post(body: object, headers: Record<string, string>, signal?: AbortSignal): Promise<Reply> {
    return this.send('POST', headers, JSON.stringify(body), signal);
  }

  /** Opens a stream: that of the session, or of the answer to a message. */
  async listen(headers: Record<string, string>, message?: object): Promise<Listening> {
    const abort = new AbortController();
    const own = { authorization: `Bearer ${this.#token}`, accept: 'text/event-stream' };
    const post = { method: 'POST', body: JSON.stringify(message) };
    const response = await fetch(this.#url, {
      ...(message === undefined ? {} : post),
      headers: {
        ...own,
        ...(message === undefined ? {} : { accept: ACCEPT, 'content-type': 'application/json' }),
        ...headers,
      },
      signal: abort.signal,
    });
    if (response.status !== 200) throw new Error(`no stream: ${response.status} ${await response.text()}`);
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body as ReadableStream<Uint8Array>) text += Buffer.from(chunk).toString();
    })();
    reading.catch(() => {});
    return { said: () => eventsOf(text.slice(0, text.lastIndexOf('\n\n') + 1)), close: () => abort.abort() };
  }

  async send(
    method: string,
    headers: Record<string, string>,
    body: string | undefined,
    signal?: AbortSignal,
  ): Promise<Reply> {
    const own = { authorization: `Bearer ${this.#token}`, accept: ACCEPT, 'content-type': 'application/json' };
    const response = await fetch(this.#url, {
      method,
      headers: { ...own, ...headers },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await within(response.text(), `the answer to ${body} is complete`, 20_000);
    const isStream = response.headers.get('content-type') === 'text/event-stream';
    const messages = isStream ? eventsOf(text) : text === '' ? [] : [JSON.parse(text) as RpcMessage];
    return { status: response.status, headers: response.headers, messages, last: messages.at(-1) ?? {} };
  }
}

/** A stream that is open. */
export interface Listening {
  said(): RpcMessage[];
  close(): void;
}

/** A legacy session. */
export class Session {
  readonly id: string;
  readonly #caller: Caller;
  readonly #version: string;

  constructor(caller: Caller, id: string, version = '2025-11-25') {
    this.#caller = caller;
    this.id = id;
    this.#version = version;
  }

  tool(id: string | number, name: string, args: object = {}, { meta, signal }: CallOptions = {}): Promise<Reply> {
    const params = { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) };
    return this.request(id, 'tools/call', params, signal);
  }

  /** A call whose answer is a stream, as soon as that begins. */
  begin(id: string | number, name: string, args: object = {}): Promise<Listening> {
    const message = { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } };
    return this.#caller.listen(this.headers, message);
  }

  request(id: string | number, method: string, params: object = {}, signal?: AbortSignal): Promise<Reply> {
    return this.#caller.post({ jsonrpc: '2.0', id, method, params }, this.headers, signal);
  }

  notify(method: string, params?: object): Promise<Reply> {
    return this.#caller.post({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) }, this.headers);
  }

  /** An answer to a question of the server's. */
  answer(id: string | number, result: object): Promise<Reply> {
    return this.#caller.post({ jsonrpc: '2.0', id, result }, this.headers);
  }

  /** Opens the stream of the session. What it has said so far is in `said`; `close` breaks it. */
  listen(): Promise<Listening> {
    return this.#caller.listen(this.headers);
  }

  end(): Promise<Reply> {
    return this.#caller.send('DELETE', this.headers, undefined);
  }

  get headers(): Record<string, string> {
    return { 'mcp-session-id': this.id, 'mcp-protocol-version': this.#version };
  }
}

function eventsOf(text: string): RpcMessage[] {
  // The first event of a stream may be an id without data.
  const data = text.split('\n').filter((line) => line.startsWith('data:') && line !== 'data: ');
  return data.map((line) => JSON.parse(line.slice(5)) as RpcMessage);
}

/** What a tool of `server.mjs` returned. @throws with what came instead. */
export function toolValue<T>({ status, last }: Reply): T {
  const text = last.result?.content?.[0]?.text;
  if (text === undefined) throw new Error(`no result, but ${status} ${JSON.stringify(last)}`);
  return JSON.parse(text) as T;
}

import type { RawAnswer } from '../support/raw.ts';

/** A header that is undefined is not sent; one with several values is sent as several lines, in this order. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One request, still to be written. Header names are in lower case, so that a variation replaces what it names. */
export interface Request {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: Headers;
  readonly body: string | Buffer | undefined;
}

/** What differs from the sound request. Headers are merged by name. */
export type Variation = Partial<Request>;

export const MODERN = '2026-07-28';
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
export const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';

const ACCEPT = 'application/json, text/event-stream';

export function vary(request: Request, variation: Variation): Request {
  return { ...request, ...variation, headers: { ...request.headers, ...variation.headers } };
}

/** The bytes on the wire. `Content-Length` is counted unless the request says something about it, or is chunked. */
export function bytesOf({ method, target, version, headers, body }: Request): Buffer {
  const content = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
  const counted =
    body === undefined || 'content-length' in headers || 'transfer-encoding' in headers
      ? {}
      : { 'content-length': String(content.length) };
  const lines = Object.entries<Headers[string]>({ ...headers, ...counted }).flatMap(([name, values]) =>
    (values === undefined ? [] : [values].flat()).map((value) => `${name}: ${value}\r\n`),
  );
  return Buffer.concat([Buffer.from(`${method} ${target} ${version}\r\n${lines.join('')}\r\n`, 'latin1'), content]);
}

export function get(target: string, token: string | undefined, variation: Variation = {}): Request {
  const headers = { host: '127.0.0.1', ...bearer(token) };
  return vary({ method: 'GET', target, version: 'HTTP/1.1', headers, body: undefined }, variation);
}

/** A POST of any body, with the headers every message has. */
export function post(target: string, token: string | undefined, body: unknown, variation: Variation = {}): Request {
  const headers = { 'content-type': 'application/json', accept: ACCEPT };
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return vary(vary(get(target, token), { method: 'POST', body: text, headers }), variation);
}

export interface RpcMessage {
  readonly jsonrpc: '2.0';
  readonly id?: string | number;
  readonly method: string;
  readonly params?: Record<string, unknown>;
}

/** A 2026-07-28 message, with the `_meta` each one carries. */
export function modernMessage(
  method: string,
  params: Record<string, unknown> = {},
  id: string | number = 1,
): RpcMessage {
  const meta = { [VERSION_KEY]: MODERN, [CAPABILITIES_KEY]: {} };
  return { jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } };
}

/** A sound 2026-07-28 request: headers mirror the body. */
export function modern(
  target: string,
  token: string | undefined,
  message: RpcMessage,
  variation: Variation = {},
): Request {
  const name = message.params?.name ?? message.params?.uri;
  const headers = {
    'mcp-protocol-version': MODERN,
    'mcp-method': message.method,
    'mcp-name': typeof name === 'string' ? name : undefined,
  };
  return vary(post(target, token, message, { headers }), variation);
}

/** `tools/call` of a tool of the fixture, `echo` unless named. */
export function callMessage(tool = 'echo', args: Record<string, unknown> = { text: 'hi' }): RpcMessage {
  return modernMessage('tools/call', { name: tool, arguments: args });
}

export function modernCall(target: string, token: string | undefined, variation: Variation = {}): Request {
  return modern(target, token, callMessage(), variation);
}

/** A message of the older revisions, on an open session. */
export function legacy(
  target: string,
  token: string | undefined,
  session: string | undefined,
  message: unknown,
  variation: Variation = {},
): Request {
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
  return vary(post(target, token, message, { headers }), variation);
}

export function initializeMessage(protocolVersion = '2025-11-25'): RpcMessage {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'attack', version: '1' } };
  return { jsonrpc: '2.0', id: 0, method: 'initialize', params };
}

/** `tools/call` of `echo`, as the older revisions write it. */
export function legacyCall(id: string | number = 1, tool = 'echo'): RpcMessage {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: { text: 'hi' } } };
}

function bearer(token: string | undefined): Headers {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** The parts of an answer a client decides on. */
export interface Said {
  readonly status: number;
  /** `error.code` of a JSON-RPC answer. */
  readonly code: number | undefined;
  /** `error` of a plain JSON answer. */
  readonly error: string | undefined;
  readonly decisionId: string | undefined;
  /** The whole body, parsed; of an event stream the last message. */
  readonly json: Record<string, unknown> | undefined;
}

export function read(answer: RawAnswer): Said {
  const json = parsed(answer) as Answered | undefined;
  const plain = typeof json?.error === 'string' ? json.error : undefined;
  const rpc = typeof json?.error === 'object' ? json.error : undefined;
  return {
    status: answer.status,
    code: rpc?.code,
    error: plain,
    decisionId: rpc?.data?.decision_id ?? json?.decision_id,
    json: json as Record<string, unknown> | undefined,
  };
}

interface Answered {
  readonly error?: string | { readonly code: number; readonly data?: { readonly decision_id?: string } };
  readonly decision_id?: string;
}

function parsed({ body, headers }: RawAnswer): unknown {
  const text = body.toString();
  if (text === '') return undefined;
  if (headers.get('content-type')?.[0] !== 'text/event-stream') return JSON.parse(text);
  const last = text.split('\n').findLast((line) => line.startsWith('data: {'));
  return last === undefined ? undefined : JSON.parse(last.slice('data: '.length));
}

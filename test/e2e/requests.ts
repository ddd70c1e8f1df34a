/** Requests written out, for what no client library does, and streams held open to see how they end. */

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON, text otherwise. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export async function get(url: string, token?: string, headers: Record<string, string> = {}): Promise<Answer> {
  return read(await fetch(url, { headers: { ...bearer(token), ...headers } }));
}

export async function post(url: string, body: object, token?: string, headers: Record<string, string> = {}) {
  return read(await open(url, body, token, headers));
}

/** The answer as soon as its headers are there. */
export function open(
  url: string,
  body: object,
  token?: string,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
) {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...bearer(token),
      ...headers,
    },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function read(answer: Response): Promise<Answer> {
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: answer.status, headers: answer.headers, body: json ? JSON.parse(text) : text };
}

const bearer = (token: string | undefined) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'e2e', version: '1' },
};

/** A request of revision 2026-07-28 and the headers that must go with it. */
export function modern(method: string, params: Record<string, unknown> = {}, id: string | number = 'q') {
  const { name } = params;
  return {
    body: { jsonrpc: '2.0', id, method, params: { ...params, _meta: META } },
    headers: {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    },
  };
}

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 'hello',
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } },
};

/** A stream that is open. */
export interface OpenStream {
  /** Everything received so far. */
  text(): string;
  /** How it ended: `ended` properly, or `cut`. */
  readonly over: Promise<'ended' | 'cut'>;
}

/** Reads a stream to its end in the background. @throws when the answer is not a stream */
export function follow(answer: Response): OpenStream {
  if (answer.status !== 200 || !answer.headers.get('content-type')?.startsWith('text/event-stream')) {
    throw new Error(`expected a stream, got ${answer.status} ${answer.headers.get('content-type')}`);
  }
  let text = '';
  const reading = (async () => {
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) text += Buffer.from(chunk).toString();
    return 'ended' as const;
  })();
  return { text: () => text, over: reading.catch(() => 'cut' as const) };
}

/** A legacy session with its GET stream open. */
export async function legacyStream(
  url: string,
  token: string,
  more: Record<string, string> = {},
): Promise<OpenStream & { readonly session: string }> {
  const { status, headers } = await post(url, INITIALIZE, token, more);
  const session = headers.get('mcp-session-id');
  if (status !== 200 || session === null) throw new Error(`initialize was answered ${status}`);
  const named = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25', ...more };
  await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, token, named);
  const answer = await fetch(url, { headers: { ...bearer(token), ...named, accept: 'text/event-stream' } });
  return { session, ...follow(answer) };
}

/** A modern subscription that stays open. */
export async function modernStream(url: string, token: string, more: Record<string, string> = {}): Promise<OpenStream> {
  const { body, headers } = modern('subscriptions/listen', { notifications: { toolsListChanged: true } });
  return follow(await open(url, body, token, { ...headers, ...more }));
}

/** A modern call of a tool that reports progress and takes its time. */
export async function slowCall(
  url: string,
  token: string,
  steps: number,
  interval_ms: number,
  more: Record<string, string> = {},
): Promise<OpenStream> {
  const { body, headers } = modern('tools/call', { name: 'slow_progress', arguments: { steps, interval_ms } });
  const params = { ...body.params, _meta: { ...META, progressToken: 'p' } };
  return follow(await open(url, { ...body, params }, token, { ...headers, ...more }));
}

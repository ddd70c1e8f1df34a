import type { ServerResponse } from 'node:http';

/** A whole answer, decided before the first byte goes out. Headers are name, value, name, value. */
export interface OutboundResponse {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer | string | undefined;
}

const NONE: readonly string[] = Object.freeze([]);
/** Up to here a copy costs less than a second piece on its way to the socket. */
const ONE_WRITE_BYTES = 8_192;
/** How long, and for how much, a refused client may go on sending before its connection is cut. */
const LINGER_MS = 1_000;
const LINGER_BYTES = 1_048_576;

/** An answer without a body. */
export function emptyResponse(status: number, headers: readonly string[] = NONE): OutboundResponse {
  return { status, headers, body: undefined };
}

/**
 * Headers of a JSON body. What is refused only for now says when to ask again (RFC 9110, section 10.2.3): after `retryAfter`
 * seconds, if somebody knows.
 */
export function jsonHeaders(status: number, retryAfter?: number): readonly string[] {
  if (status !== 429 && status !== 503) return JSON_ONLY;
  return retryAfter === undefined ? LATER : [...JSON_ONLY, 'Retry-After', String(retryAfter)];
}

const JSON_ONLY: readonly string[] = Object.freeze(['Content-Type', 'application/json']);
const LATER: readonly string[] = Object.freeze([...JSON_ONLY, 'Retry-After', '5']);

/** A JSON answer. */
export function jsonResponse(status: number, body: unknown, headers: readonly string[] = NONE): OutboundResponse {
  return { status, headers: [...jsonHeaders(status), ...headers], body: JSON.stringify(body) };
}

/**
 * Writes an answer and ends it. `base` are the headers every answer carries.
 * With `close` the connection ends too: what the client still sends must not be read as a new request.
 */
export function send(
  response: ServerResponse,
  answer: OutboundResponse,
  base: readonly string[],
  close: boolean,
): void {
  const headers = [...base, ...answer.headers];
  const length = answer.body === undefined ? 0 : Buffer.byteLength(answer.body);
  if (answer.status !== 204) headers.push('Content-Length', String(length));
  if (close) headers.push('Connection', 'close');
  // The listener reads it: what is pipelined behind is not served.
  if (close) response.shouldKeepAlive = false;
  response.writeHead(answer.status, headers);
  if (close && !response.req.complete) endLater(response, answer.body);
  else if (length <= ONE_WRITE_BYTES && answer.body instanceof Buffer) {
    // As text it leaves in one piece with its head; latin1 is the encoding that leaves every byte what it is.
    response.end(answer.body.toString('latin1'), 'latin1');
  } else response.end(answer.body);
}

/**
 * The answer goes out at once, the close a little later: closing while the client is still sending would reset the
 * connection and the client would lose the answer that tells it why.
 */
function endLater(response: ServerResponse, body: Buffer | string | undefined): void {
  const request = response.req;
  let discarded = 0;
  const end = (): void => {
    clearTimeout(timer);
    request.off('data', onData);
    response.end();
    response.socket?.destroySoon();
  };
  const onData = (chunk: Buffer): void => {
    discarded += chunk.length;
    if (discarded > LINGER_BYTES) end();
  };
  const timer = setTimeout(end, LINGER_MS);
  if (body !== undefined) response.write(body);
  else response.flushHeaders();
  request.on('data', onData).once('end', end).once('close', end).resume();
}

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Problem } from '../problem/problem.ts';

/** How long a refused client may take to read its answer and go. */
const LINGER_MS = 1_000;

/** As on every other answer (policy/response-headers). */
const HEADERS =
  "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n" +
  'Referrer-Policy: no-referrer\r\nCache-Control: no-store, no-transform\r\nVary: Origin\r\n';

/** Answers on the bare socket, where there is no request to answer, and closes it. `more` are whole header lines. */
export function refuseRaw(socket: Socket, problem: Problem, id?: string, more = ''): void {
  const body = JSON.stringify({ error: problem.code.toLowerCase(), error_description: problem.text, decision_id: id });
  const named = id === undefined ? '' : `X-Request-Id: ${id}\r\n`;
  endSoon(socket);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${more}${named}Content-Type: application/json\r\n${HEADERS}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/**
 * What the client still sends is thrown away, so that no reset takes the answer from it; and it is cut when it stays. An
 * error here is the client's going, and nobody else listens for it.
 */
function endSoon(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
}

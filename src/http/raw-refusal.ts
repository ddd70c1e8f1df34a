import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Problem } from '../problem/problem.ts';

/** How long a refused client may take to read its answer and go. */
const LINGER_MS = 1_000;

/** What goes out on a bare socket beside the problem itself. */
export interface RawRefusal {
  /** As on every other answer. Name, value pairs. */
  readonly headers: readonly string[];
  /** The decision id. Absent: who reads the request records it. */
  readonly id?: string;
}

/** Answers on the bare socket, where there is no request to answer, and closes it. */
export function refuseRaw(socket: Socket, problem: Problem, { headers, id }: RawRefusal): void {
  const body = JSON.stringify({ error: problem.code.toLowerCase(), error_description: problem.text, decision_id: id });
  const named = id === undefined ? headers : [...headers, 'X-Request-Id', id];
  let lines = '';
  for (let i = 0; i + 1 < named.length; i += 2) lines += `${named[i]}: ${named[i + 1]}\r\n`;
  endSoon(socket);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: application/json\r\n${lines}` +
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

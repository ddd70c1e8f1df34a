import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { within } from './wait.ts';

/** An answer as it came over the socket. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case; a repeated header has one entry for each line. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** After removal of chunked framing. */
  readonly body: Buffer;
  /** All bytes received, further answers included. */
  readonly bytes: Buffer;
}

/**
 * Sends exactly these bytes and collects one answer: until it is complete, or until the server closes.
 * @param bytes a string is sent as latin1, so that every byte can be written as a character.
 * @throws when the server closes without a complete header block.
 */
export async function sendRaw(
  url: string,
  bytes: string | Buffer,
  timeoutMs = 10_000,
  from?: string,
): Promise<RawAnswer> {
  const connection = await openRaw(url, from);
  try {
    connection.write(bytes);
    return await within(connection.answer(), `the server has answered ${JSON.stringify(head(bytes))}`, timeoutMs);
  } finally {
    connection.destroy();
  }
}

function head(bytes: string | Buffer): string {
  return bytes.toString('latin1').slice(0, 80);
}

export interface RawConnection {
  write(bytes: string | Buffer): void;
  /** Half-closes: the server sees the end of the request. */
  end(): void;
  /** The next answer not yet taken. Resolves when it is complete or the server has closed. */
  answer(): Promise<RawAnswer>;
  /** Everything received so far. */
  received(): Buffer;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
  destroy(): void;
  /** Breaks the connection off with a reset, as a program that dies. */
  reset(): void;
}

/**
 * Opens a connection to the host and port of a URL, for tests that write a request piece by piece.
 * @param from the address to come from, such as 127.0.0.9: all of 127.0.0.0/8 is this machine
 */
export async function openRaw(url: string, from?: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({
    port: Number(port),
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(from === undefined ? {} : { localAddress: from }),
  });
  await once(socket, 'connect');
  return new Connection(socket);
}

class Connection implements RawConnection {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #taken = 0;
  #ended = false;
  #wake = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    // A reset after the answer is how a server refuses the rest of a request: what was received counts.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
    });
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  end(): void {
    this.#socket.end();
  }

  received(): Buffer {
    return this.#bytes;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async answer(): Promise<RawAnswer> {
    for (;;) {
      const parsed = parseAnswer(this.#bytes.subarray(this.#taken), this.#ended);
      if (parsed !== undefined) {
        this.#taken += parsed.length;
        return { ...parsed.answer, bytes: this.#bytes };
      }
      if (this.#ended) {
        throw new Error(
          `closed without a whole answer: ${JSON.stringify(this.#bytes.toString('latin1').slice(0, 200))}`,
        );
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

type Parsed = { length: number; answer: Omit<RawAnswer, 'bytes'> };

/** The first final answer in the bytes; undefined while it is incomplete. Interim answers (1xx) are passed over. */
function parseAnswer(bytes: Buffer, ended: boolean, skipped = 0): Parsed | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [statusLine, ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(statusLine?.split(' ')[1]);
  const bodyStart = headEnd + 4;
  if (status >= 100 && status < 200) return parseAnswer(bytes.subarray(bodyStart), ended, skipped + bodyStart);

  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  const body = parseBody(bytes.subarray(bodyStart), status, headers, ended);
  return body && { length: skipped + bodyStart + body.length, answer: { status, headers, body: body.body } };
}

function parseBody(rest: Buffer, status: number, headers: Map<string, string[]>, ended: boolean) {
  if (status === 204 || status === 304) return { length: 0, body: Buffer.alloc(0) };
  if (headers.get('transfer-encoding')?.includes('chunked')) return dechunk(rest, ended);
  const declared = headers.get('content-length')?.[0];
  if (declared === undefined) return ended ? { length: rest.length, body: rest } : undefined;
  const length = Number(declared);
  if (rest.length < length && !ended) return undefined;
  return { length: Math.min(length, rest.length), body: rest.subarray(0, length) };
}

function dechunk(rest: Buffer, ended: boolean): { length: number; body: Buffer } | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at);
    const size = lineEnd === -1 ? Number.NaN : Number.parseInt(rest.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size) || rest.length < lineEnd + 4 + size) {
      return ended ? { length: rest.length, body: Buffer.concat(pieces) } : undefined;
    }
    if (size === 0) return { length: lineEnd + 4, body: Buffer.concat(pieces) };
    pieces.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 4 + size;
  }
}

import { join, resolve } from 'node:path';
import { CommandError, type CommandFault } from './command.ts';

/** Bytes of one request line. A command with every member at its longest has far fewer. */
export const MAX_REQUEST_BYTES = 64 * 1024;
/** Bytes of one answer: room for tens of thousands of tokens. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** `sun_path` without its closing NUL (unix(7) on Linux; 104 bytes in all on the BSDs and macOS). */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: { readonly code: CommandFault; readonly message: string } };

/** @throws CommandError `failed` when the path is longer than a socket's may be; it would be cut off in silence */
export function socketPath(stateFolder: string): string {
  const path = join(resolve(stateFolder), 'control.sock');
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return path;
  throw new CommandError(
    'failed',
    `The control socket ${path} has a path of ${bytes} bytes, and ${MAX_PATH_BYTES} is the most a Unix socket may have. ` +
      'Name a state folder with a shorter path with --state-dir or SALLYPORT_STATE_DIR.',
  );
}

/**
 * Gathers the first line of a stream of bytes, and nothing beyond a bound.
 * `push` returns the line without its end once it is complete, `overlong` when it cannot become one, else undefined.
 */
export class LineReader {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): { readonly line: string; readonly rest: Buffer } | 'overlong' | undefined {
    const end = chunk.indexOf(0x0a);
    const part = end < 0 ? chunk : chunk.subarray(0, end);
    this.#size += part.length;
    if (this.#size > this.#limit) return 'overlong';
    this.#chunks.push(part);
    if (end < 0) return undefined;
    const line = Buffer.concat(this.#chunks).toString('utf8');
    this.#chunks.length = 0;
    this.#size = 0;
    return { line, rest: chunk.subarray(end + 1) };
  }
}

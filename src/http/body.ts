import type { IncomingMessage } from 'node:http';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import type { ChunkWatch } from './chunk-framing.ts';
import type { RequestHeaders } from './request-headers.ts';

export interface BodyLimits {
  /** The most bytes a body may have. */
  readonly bytes: number;
  /** Milliseconds from the end of the headers to the end of the body. */
  readonly timeoutMs: number;
}

/**
 * The whole body, or why it is refused: BODY_TOO_LARGE (before reading, when Content-Length already says so),
 * REQUEST_TIMEOUT, MALFORMED_REQUEST when the client went away half way or sent more than plain chunks.
 * `invite` asks the client for the body it announced; it is not called for a body that is refused unread.
 * The caller closes the connection after a refusal: what was not read must not be taken for the next request.
 */
export function readBody(
  request: IncomingMessage,
  headers: RequestHeaders,
  limits: BodyLimits,
  chunks?: ChunkWatch,
  invite?: () => void,
): Promise<Buffer | Problem> {
  if (headers.contentLength !== undefined && Number(headers.contentLength) > limits.bytes) {
    return Promise.resolve(PROBLEMS.BODY_TOO_LARGE);
  }
  if (chunks?.isBroken) return Promise.resolve(PROBLEMS.MALFORMED_REQUEST);
  invite?.();
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const settle = (outcome: Buffer | Problem): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      if (chunks !== undefined) chunks.onBroken = undefined;
      resolve(outcome);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.bytes) {
        request.pause();
        settle(PROBLEMS.BODY_TOO_LARGE);
      } else pieces.push(chunk);
    };
    const onEnd = (): void => {
      if (chunks?.isPlain(size) === false) settle(PROBLEMS.MALFORMED_REQUEST);
      else settle(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, size));
    };
    const onGone = (): void => settle(PROBLEMS.MALFORMED_REQUEST);
    const timer = setTimeout(() => settle(PROBLEMS.REQUEST_TIMEOUT), limits.timeoutMs);
    if (chunks !== undefined) chunks.onBroken = onGone;
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

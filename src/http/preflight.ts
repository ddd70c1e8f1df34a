import type { IncomingMessage } from 'node:http';
import type { RequestHeaders } from './request-headers.ts';

/**
 * A browser asks leave before it sends what a page wants (Fetch, "CORS-preflight request"). It has no body; what has one, or
 * names no method, is an OPTIONS like any other.
 */
export function isPreflight({ method }: Pick<IncomingMessage, 'method'>, headers: RequestHeaders): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers.askedMethod !== undefined &&
    headers.transferEncoding === undefined &&
    (headers.contentLength === undefined || headers.contentLength === '0')
  );
}

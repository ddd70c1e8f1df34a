import type { IncomingMessage } from 'node:http';
import type { RequestHeaders } from './request-headers.ts';

/**
 * Whether another parser could read this request differently, or as two: what Node's parser lets through, and RFC 9112 does not.
 * Such a request is refused and its connection closed.
 */
export function isAmbiguous(request: IncomingMessage, headers: RequestHeaders): boolean {
  const { httpVersion } = request;
  const { host, transferEncoding, contentLength, upgrade } = headers;
  // The parser takes 0.9 and 2.0 for names of this protocol too.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return true;
  // Section 3.2. HTTP/1.0 did not ask for it; there the missing name is one that is not served.
  if (host === undefined && httpVersion === '1.1') return true;
  if (upgrade !== undefined) return true;
  if (transferEncoding === undefined) return false;
  // Sections 6.1 and 7: `,chunked` and the like mean chunks to one parser and nothing to another.
  return contentLength !== undefined || httpVersion === '1.0' || transferEncoding.toLowerCase() !== 'chunked';
}

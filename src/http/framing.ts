import type { IncomingMessage } from 'node:http';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import type { RequestHeaders } from './request-headers.ts';

/** RFC 9110, section 5.6.2: the name of a coding, and nothing beside it. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;

/**
 * What keeps a request from being read in one way only: what Node's parser lets through, and RFC 9112 does not.
 * MALFORMED_REQUEST where another parser could read it differently, or as two; UNKNOWN_TRANSFER_CODING where its body is in a
 * coding nobody here understands. Either way the connection is closed.
 */
export function framingFault(request: IncomingMessage, headers: RequestHeaders): Problem | undefined {
  const { httpVersion } = request;
  const { host, transferEncoding, contentLength } = headers;
  // The parser takes 0.9 and 2.0 for names of this protocol too.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return PROBLEMS.MALFORMED_REQUEST;
  // Section 3.2. HTTP/1.0 did not ask for it; there the missing name is one that is not served.
  if (host === undefined && httpVersion === '1.1') return PROBLEMS.MALFORMED_REQUEST;
  if (transferEncoding === undefined) return undefined;
  // Section 6.1.
  if (contentLength !== undefined || httpVersion === '1.0') return PROBLEMS.MALFORMED_REQUEST;
  if (transferEncoding.toLowerCase() === 'chunked') return undefined;
  // Section 7: `,chunked` and the like mean chunks to one parser and nothing to another; a single name of its own means neither.
  return TOKEN.test(transferEncoding) ? PROBLEMS.UNKNOWN_TRANSFER_CODING : PROBLEMS.MALFORMED_REQUEST;
}

import { type Failure, invalid } from './http-failure.ts';

const LONGEST_BYTES = 4096;

/**
 * Where messages are POSTed, as the first event of an HTTP+SSE stream names it (MCP 2024-11-05, transports "HTTP with SSE"),
 * as path and query. The credential for the server goes there, so it must be the very origin the operator wrote down: a server
 * that could name another would have our credential sent wherever it likes.
 */
export function endpointPath(base: URL, data: Buffer): string | Failure {
  if (data.length === 0 || data.length > LONGEST_BYTES) return refused(`is ${data.length} bytes long`);
  const text = data.toString('utf8');
  if (!URL.canParse(text, base.href)) return refused('is not a URL');
  const url = new URL(text, base);
  if (url.origin !== base.origin) return refused(`is at another origin, ${url.host || url.protocol}`);
  if (url.username !== '' || url.password !== '') return refused('carries a credential');
  return url.pathname + url.search;
}

function refused(what: string): Failure {
  const remedy =
    'the endpoint must be at the origin of mcps[].url: write the address at which the server itself says it is';
  return { ...invalid(`the endpoint the server named ${what}`), remedy };
}

import type { Message } from '../jsonrpc/message.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Era } from '../protocol/revisions.ts';

/** How a call ended, in the words of the audit record. A tool error is not a success. */
export type Ending = 'ok' | 'tool_error' | 'rpc_error' | 'cancelled' | 'failed' | 'refused';

export interface Outcome {
  readonly ending: Ending;
  readonly rpcCode: number | undefined;
}

const OK: Outcome = { ending: 'ok', rpcCode: undefined };
const TOOL_ERROR: Outcome = { ending: 'tool_error', rpcCode: undefined };

export function outcomeOf(response: Message): Outcome {
  if (response.kind === 'error') {
    const code = response.error?.id('code');
    return { ending: 'rpc_error', rpcCode: typeof code === 'number' ? code : undefined };
  }
  return response.result?.boolean('isError') === true ? TOOL_ERROR : OK;
}

/**
 * Statuses of a server that speak of the call, and so to its client. The others speak of the way from here to the server:
 * the credential, the path, how the gateway wrote the request.
 */
const ABOUT_THE_CALL: ReadonlySet<number> = new Set([400, 402, 409, 413, 422, 429, 500, 501, 502, 503, 504]);

/**
 * The HTTP status of a JSON answer. Older revisions answer every JSON-RPC error in band; 2026-07-28 fixes a status for a
 * few codes (streamable-http "Protocol Version Header", "Server Validation") and leaves the rest to the server.
 *
 * @param sent the status an HTTP server gave with the error, if it was an error's
 */
export function statusOf(response: Message, era: Era, sent = 200): number {
  return era === 'legacy' || response.kind !== 'error' ? 200 : statusOfError(response.error?.id('code'), sent);
}

/** Of an error with this code, which the server `sent` under this status, on the modern era. */
export function statusOfError(code: unknown, sent = 200): number {
  if (code === PROBLEMS.METHOD_NOT_FOUND.rpcCode) return PROBLEMS.METHOD_NOT_FOUND.status;
  if (code === PROBLEMS.MISSING_CLIENT_CAPABILITY.rpcCode) return PROBLEMS.MISSING_CLIENT_CAPABILITY.status;
  return ABOUT_THE_CALL.has(sent) ? sent : 200;
}

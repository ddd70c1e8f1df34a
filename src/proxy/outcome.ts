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
 * The HTTP status of a JSON answer. Older revisions answer every JSON-RPC error in band; 2026-07-28 fixes a status for a
 * few codes (streamable-http "Protocol Version Header", "Server Validation") and leaves the rest in band.
 */
export function statusOf(response: Message, era: Era): number {
  return era === 'legacy' || response.kind !== 'error' ? 200 : statusOfError(response.error?.id('code'));
}

/** Of an error with this code, on the modern era. */
export function statusOfError(code: unknown): number {
  if (code === PROBLEMS.METHOD_NOT_FOUND.rpcCode) return PROBLEMS.METHOD_NOT_FOUND.status;
  return code === PROBLEMS.MISSING_CLIENT_CAPABILITY.rpcCode ? PROBLEMS.MISSING_CLIENT_CAPABILITY.status : 200;
}

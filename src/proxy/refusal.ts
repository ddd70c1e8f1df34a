import { jsonHeaders, type OutboundResponse } from '../http/outbound-response.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { writeError } from '../jsonrpc/write.ts';
import type { Problem } from '../problem/problem.ts';

/**
 * A problem as the answer to a JSON-RPC request. The decision id joins it to the audit record. The reason stays inside:
 * a hidden tool and one that does not exist must read the same.
 */
export function rpcRefusal(id: RequestId | undefined, problem: Problem, decisionId: string): Buffer {
  return writeError(id, {
    rpcCode: problem.rpcCode,
    text: problem.text,
    data: { ...problem.data, decision_id: decisionId },
  });
}

/**
 * A problem as the answer to an HTTP request that never became a message. The members are those of OAuth
 * (RFC 6749, section 5.2), which HTTP clients of MCP already read.
 */
export function httpRefusal(problem: Problem, decisionId: string, headers: readonly string[]): OutboundResponse {
  return {
    status: problem.status,
    headers: [...jsonHeaders(problem.status), ...headers],
    body: JSON.stringify({
      error: ERRORS[problem.code] ?? problem.code.toLowerCase(),
      error_description: problem.text,
      ...(isAboutAddress(problem) ? { message: problem.text, ...problem.data } : undefined),
      decision_id: decisionId,
    }),
  };
}

/** Clients of older gateways look for `message` and `ip`. The address is the one the gateway itself worked out. */
function isAboutAddress({ code }: Problem): boolean {
  return code === 'ADDRESS_DENIED' || code === 'ADDRESS_UNKNOWN';
}

/** Names other documents fixed: RFC 6750, section 3.1, and the plain words clients of older gateways look for. */
const ERRORS: { readonly [code: string]: string } = {
  UNAUTHENTICATED: 'unauthorized',
  INVALID_TOKEN: 'invalid_token',
  FORBIDDEN: 'forbidden',
  ADDRESS_DENIED: 'forbidden',
  ADDRESS_UNKNOWN: 'forbidden',
  SERVER_NOT_ALLOWED: 'not_found',
};

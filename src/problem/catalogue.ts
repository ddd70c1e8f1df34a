import type { Problem } from './problem.ts';

/**
 * Everything Sallyport can refuse or fail at.
 *
 * `rpcCode` follows JSON-RPC 2.0 (-32700 to -32603) and MCP 2026-07-28 (-32020 to -32022) where those name the fault.
 * Sallyport's own codes are positive, HTTP status first (40301 belongs to 403): outside -32768 to -32000, which
 * JSON-RPC reserves, so no client can mistake them for a protocol signal.
 */
const entries = {
  // Reading the request
  PARSE_ERROR: [400, -32700, 'Parse error'],
  INVALID_REQUEST: [400, -32600, 'Invalid request'],
  INVALID_PARAMS: [400, -32602, 'Invalid params'],
  METHOD_NOT_FOUND: [404, -32601, 'Method not found'],
  UNKNOWN_TOOL: [200, -32602, 'Unknown tool'],
  UNKNOWN_TASK: [200, -32602, 'Unknown task'],
  HEADER_MISMATCH: [400, -32020, 'Headers and body do not agree'],
  MISSING_CLIENT_CAPABILITY: [400, -32021, 'A required client capability is missing'],
  UNSUPPORTED_PROTOCOL_VERSION: [400, -32022, 'Unsupported protocol version'],
  BATCH_NOT_ALLOWED: [400, -32600, 'Batches are not part of this protocol revision'],
  ERA_MISMATCH: [400, 40001, 'The client and the server speak different eras of MCP'],
  MALFORMED_REQUEST: [400, 40002, 'Malformed HTTP request'],
  SESSION_REQUIRED: [400, 40003, 'Mcp-Session-Id header is required'],
  AMBIGUOUS_CREDENTIALS: [400, 40004, 'More than one credential was presented'],
  EVENT_NOT_FOUND: [400, 40005, 'Last-Event-ID names no event of this session that can be resumed from'],
  TLS_EXPECTED: [400, 40006, 'This port speaks TLS: use https'],
  SESSION_NOT_FOUND: [404, 40401, 'Session not found'],
  NOT_FOUND: [404, 40402, 'Not found'],
  SESSION_ENDED: [404, 40404, 'The session was ended, and with it what was under way'],
  SERVER_REMOVED: [404, 40405, 'The server is no longer served here'],
  METHOD_NOT_ALLOWED: [405, 40501, 'Method not allowed'],
  NOT_ACCEPTABLE: [406, 40601, 'Accept must include application/json and text/event-stream'],
  REQUEST_TIMEOUT: [408, 40801, 'The request was not received in time'],
  BODY_TOO_LARGE: [413, 41301, 'The request body is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 41501, 'Content-Type must be application/json'],
  EXPECTATION_FAILED: [417, 41701, 'Only Expect: 100-continue is understood'],
  HTTPS_REQUIRED: [426, 42601, 'Use https'],
  HEADERS_TOO_LARGE: [431, 43101, 'The request headers are too large'],

  // Who and from where
  UNAUTHENTICATED: [401, 40101, 'A bearer token is required'],
  INVALID_TOKEN: [401, 40102, 'The bearer token is not valid'],
  FORBIDDEN: [403, 40301, 'Access denied'],
  ORIGIN_NOT_ALLOWED: [403, 40302, 'This origin is not allowed'],
  HOST_NOT_ALLOWED: [403, 40303, 'This host name is not served here'],
  ADDRESS_DENIED: [403, 40306, 'Access denied'],
  ADDRESS_UNKNOWN: [403, 40307, 'Unable to determine client IP address'],
  ROLE_REQUIRED: [403, 40304, 'The caller has no role that allows this'],
  CLIENT_CERTIFICATE_REQUIRED: [403, 40310, 'A client certificate of an authority trusted here is required'],
  SERVER_NOT_ALLOWED: [404, 40403, 'Not found'],

  // Limits
  TOO_MANY_SESSIONS: [429, 42901, 'Too many open sessions'],
  TOO_MANY_STREAMS: [429, 42902, 'Too many open streams'],
  TOO_MANY_CALLS: [429, 42903, 'Too many calls are under way on this stream'],

  // The gateway itself
  INTERNAL: [500, -32603, 'Internal error'],
  AUDIT_UNAVAILABLE: [503, 50301, 'The audit record cannot be written, so no call is made'],
  SHUTTING_DOWN: [503, 50302, 'The gateway is shutting down'],
  ENDED: [403, 40305, 'The credential no longer opens this, so the gateway ended it'],
  ADDRESS_ENDED: [403, 40308, 'This address may no longer come here, so the gateway ended it'],
  CANCELLED: [499, 49901, 'The request was cancelled by the client'],

  EXTENSION_NOT_CARRIED: [501, 50102, 'The server requires an extension that this gateway does not carry for it'],
  UNKNOWN_TRANSFER_CODING: [501, 50101, 'The transfer coding of the request is not understood'],

  // Upstream
  UPSTREAM_REFUSED: [502, 50201, 'The server could not be reached'],
  UPSTREAM_INVALID: [502, 50202, 'The server sent an answer that is not MCP'],
  UPSTREAM_CLOSED: [502, 50203, 'The server ended the connection before answering'],
  UPSTREAM_STATUS: [502, 50204, 'The server answered with an HTTP error'],
  UPSTREAM_TOO_LARGE: [502, 50205, 'The answer of the server is too large'],
  UPSTREAM_START: [502, 50206, 'The server could not be started'],
  UPSTREAM_SESSION_LOST: [502, 50207, 'The server has forgotten the session'],
  UPSTREAM_CRASH_LOOP: [503, 50303, 'The server keeps stopping; it will be tried again later'],
  UPSTREAM_BUSY: [503, 50304, 'The server cannot take more work now'],
  UPSTREAM_TIMEOUT: [504, 50401, 'The server did not answer in time'],

  // The client, when a server asks it
  CLIENT_TIMEOUT: [504, 50402, 'The client did not answer in time'],
  CLIENT_BUSY: [503, 50305, 'Too many questions to this client are open'],
} as const satisfies Record<string, readonly [status: number, rpcCode: number, text: string]>;

export type ProblemCode = keyof typeof entries;

/** The catalogue, one preallocated problem per code: refusing allocates nothing. */
export const PROBLEMS: { readonly [C in ProblemCode]: Problem } = Object.fromEntries(
  Object.entries(entries).map(([code, [status, rpcCode, text]]) => [code, { code, status, rpcCode, text }]),
) as { [C in ProblemCode]: Problem };

import type { IncomingHttpHeaders } from 'node:http';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { tlsFault } from './tls-failure.ts';

/** Why a server gave no answer that may be passed on. */
export interface Failure {
  readonly problem: Problem;
  /** Private: for the log and the audit record. */
  readonly detail: string;
  /** What the operator can do about it; goes into the log beside the detail. */
  readonly remedy?: string;
  /** The server says that it did not act on the request. */
  readonly unseen?: true;
}

export function invalid(detail: string): Failure {
  return { problem: PROBLEMS.UPSTREAM_INVALID, detail, remedy: 'is mcps[].url the MCP endpoint of the server?' };
}

export function tooLarge(limit: number): Failure {
  const remedy = 'raise mcps[].limits.response_bytes if the server is meant to send answers that large';
  return {
    problem: PROBLEMS.UPSTREAM_TOO_LARGE,
    detail: `more than ${limit} bytes (limits.response_bytes)`,
    remedy,
  };
}

/** Our own refusal: the server was not asked. */
export function busy(limit: number): Failure {
  return { problem: PROBLEMS.UPSTREAM_BUSY, detail: `mcps[].limits.pending_calls (${limit}) is reached` };
}

/** The server ended the connection, or the stream, with the answer still owed. */
export function closedEarly(detail: string): Failure {
  return { problem: PROBLEMS.UPSTREAM_CLOSED, detail, remedy: SEE_ITS_LOG };
}

export function timedOut(detail: string): Failure {
  const remedy = 'see what the server waits for, or raise mcps[].call_timeout_ms';
  return { problem: PROBLEMS.UPSTREAM_TIMEOUT, detail, remedy };
}

const SEE_ITS_LOG = 'see the log of the server itself';

/**
 * A fault below HTTP. `sent`: the request may have reached the server. Nothing is ever sent twice for it: whether a call can be
 * repeated is for the client to know.
 */
export function transportFailure(error: Error, sent: boolean): Failure {
  const code = codeOf(error);
  const tls = tlsFault(code);
  const detail = `${tls === undefined ? '' : `${tls.reason}: `}${code}: ${error.message}`;
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return { problem: PROBLEMS.SHUTTING_DOWN, detail };
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return { problem: PROBLEMS.INTERNAL, detail };
  if (tls !== undefined) {
    return { problem: sent ? PROBLEMS.UPSTREAM_CLOSED : PROBLEMS.UPSTREAM_REFUSED, detail, remedy: tls.remedy };
  }
  if (!sent) return { problem: PROBLEMS.UPSTREAM_REFUSED, detail, remedy: remedyFor(code) };
  return NOT_HTTP.has(error.name) ? invalid(detail) : closedEarly(detail);
}

function codeOf(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : error.name;
}

/** Names rather than codes: the parser gives some of its faults no code. */
const NOT_HTTP: ReadonlySet<string> = new Set([
  'ContentCodingError',
  'HTTPParserError',
  'HeadersOverflowError',
  'ResponseContentLengthMismatchError',
]);

function remedyFor(code: string): string {
  if (code === 'ECONNREFUSED')
    return 'nothing listens there: is the server running, and are host and port of mcps[].url right?';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the host name of mcps[].url does not resolve';
  return 'check mcps[].url and the network between here and there';
}

/** An HTTP status that is no answer to an MCP call. Its body and its headers stay here. */
export function statusFailure(status: number, headers: IncomingHttpHeaders, said = ''): Failure {
  const problem = PROBLEMS.UPSTREAM_STATUS;
  const detail = `HTTP ${status}${said === '' ? '' : `, ${said}`}`;
  if (status === 401 || status === 403)
    return { problem, detail, remedy: 'the server does not accept the credential: check mcps[].upstream_auth' };
  if (status >= 300 && status < 400) {
    return {
      problem,
      detail: `${detail}, redirect to ${redirectTarget(headers.location)}`,
      remedy: 'redirects are never followed: put the final address into mcps[].url',
    };
  }
  if (status === 404 || status === 405)
    return { problem, detail, remedy: 'is the path of mcps[].url the MCP endpoint?' };
  return status >= 500 ? { problem, detail, remedy: SEE_ITS_LOG } : { problem, detail };
}

/** The host alone: a path or query may hold a secret. */
function redirectTarget(location: string | undefined): string {
  if (location === undefined) return 'nowhere';
  if (!URL.canParse(location)) return 'another path of the same host';
  const { host } = new URL(location);
  return host === '' ? 'an address without a host' : host;
}

import type { IncomingHttpHeaders } from 'node:http';
import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanUpstream } from '../jsonrpc/scan.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Failure, invalid, statusFailure } from './http-failure.ts';
import { answerType, isEncoded } from './http-headers.ts';
import type { ErrorHead } from './lane.ts';
import { printable } from './log-quota.ts';

/** `json`: the answer. `events`: a stream that ends with it. `error`: an HTTP error whose body may be a JSON-RPC error. */
export type Promised = 'json' | 'events' | 'error';

/** What status and headers promise (MCP, streamable-http "Receiving Messages" and "Server Validation"), or why there is no answer. */
export function readHead(status: number, headers: IncomingHttpHeaders): Promised | Failure {
  const type = answerType(headers);
  const isError = status >= 300;
  // A credential that was refused and a redirect are between the gateway and the server, whatever the body says.
  if (isError && (status < 400 || status === 401 || status === 403 || type !== 'json'))
    return statusFailure(status, headers);
  if (isEncoded(headers)) return invalid('an answer in a content coding that is not understood');
  if (isError) return 'error';
  return type === 'other' ? invalid(`HTTP ${status} with content type ${contentType(headers)}`) : type;
}

const SECONDS = /^\d{1,9}$/;
/** The longest a client is told to wait: a server that errs must not send it away for good. */
const LONGEST_WAIT_S = 3_600;

/** What an HTTP error says beside its body (RFC 9110, section 10.2.3). A date is not read: whose clock it is by is not known. */
export function errorHead(status: number, headers: IncomingHttpHeaders): ErrorHead {
  const later = headers['retry-after'];
  return {
    status,
    retryAfter: later !== undefined && SECONDS.test(later) ? Math.min(Number(later), LONGEST_WAIT_S) : undefined,
  };
}

/** The same for a stream that broke and was asked for again (2025-11-25, "Resumability and Redelivery"). */
export function readResumption(status: number, headers: IncomingHttpHeaders): 'events' | Failure {
  if (status === 200 && answerType(headers) === 'events' && !isEncoded(headers)) return 'events';
  return { problem: PROBLEMS.UPSTREAM_CLOSED, detail: `the broken stream was not resumed: HTTP ${status}` };
}

/** A server that is there but cannot go on with the stream now. */
export function notResumed(status: number): Error {
  return new Error(`the broken stream was not resumed: HTTP ${status}`);
}

function contentType(headers: IncomingHttpHeaders): string {
  return printable(Buffer.from(String(headers['content-type'] ?? 'none')), 100);
}

/**
 * What the body of an HTTP error is to the request with this id: the server's own error, or a failure. One POST carries one
 * request, so an error that names none (`"id": null`, or no id) is the answer to it.
 * @param said undefined when the body is no message
 */
export function readError(status: number, said: Message | undefined, id: number): Message | Failure {
  if (said?.kind !== 'error') return statusFailure(status, {});
  if (said.id === id) return said;
  if (said.id != null) return statusFailure(status, {}, saying(said));
  const named = scanUpstream(new Edits(said.bytes).setMember(said.top, 'id', String(id)).toBuffer());
  return isScanFailure(named) ? statusFailure(status, {}, saying(said)) : named;
}

/** What an error message says, for the log. */
function saying(message: Message): string {
  const code = message.error?.id('code');
  return code === undefined
    ? ''
    : `JSON-RPC ${code}: ${printable(Buffer.from(message.error?.string('message') ?? ''))}`;
}

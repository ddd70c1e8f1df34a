import { acceptsBoth } from '../http/accept.ts';
import { type BodyLimits, readBody } from '../http/body.ts';
import type { Message, RequestId } from '../jsonrpc/message.ts';
import { isScanFailure, type ScannedBody, scanBody } from '../jsonrpc/scan.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, particular } from '../problem/problem.ts';
import { disagreement } from '../protocol/agreement.ts';
import { classify, isProblem, type ProtocolHeaders } from '../protocol/classify.ts';
import { completedInitialize } from '../protocol/lenient-initialize.ts';
import { isRevision } from '../protocol/revisions.ts';
import type { Admission } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { type Denial, pass, refuse, type Verdict } from './verdict.ts';

export interface ParseSettings {
  readonly bodyTimeoutMs: number;
  /** An incomplete `initialize` is completed, and no `Accept` header means that every type is accepted. */
  readonly lenient: boolean;
}

/**
 * The bounded body becomes messages, once; headers and body must agree. From here on there are only messages.
 * Routes without a body refuse one: nobody reads it, so it could only be meant for another parser.
 */
export function parse(settings: ParseSettings): Admission {
  const none = pass('parse.no-body');
  return {
    name: 'parse',
    needs: ['principal'],
    provides: ['inbound'],
    evaluate(x) {
      // There is nothing here, whatever the request brings: the answer is 404.
      if (x.route.name === 'unknown') return none;
      // Nor may anything be sent here: 405 sends a client that looks for the newer transport on to this one.
      if (x.route.name === 'sse' && x.request.method !== 'GET') return none;
      if (x.request.method !== 'POST' || x.route.bodyBytes === 0) {
        return carriesBody(x) ? refuse(PROBLEMS.MALFORMED_REQUEST, 'body.unexpected', { close: true }) : none;
      }
      const unreadable = refuseUnread(x, settings.lenient);
      if (unreadable !== undefined) return unreadable;
      return readAndScan(x, { bytes: x.route.bodyBytes, timeoutMs: settings.bodyTimeoutMs }, settings.lenient);
    },
  };
}

function carriesBody(x: Exchange): boolean {
  const { contentLength, transferEncoding } = x.headers;
  return transferEncoding !== undefined || (contentLength !== undefined && contentLength !== '0');
}

const CODED = particular(PROBLEMS.UNSUPPORTED_MEDIA_TYPE, 'The body must come without a Content-Encoding');
const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** Checks that need no body byte. A wildcard in Accept is taken for both types. */
function refuseUnread(x: Exchange, lenient: boolean): Denial | undefined {
  const { contentType, contentEncoding, accept, expect } = x.headers;
  if (contentType === undefined || !JSON_TYPE.test(contentType)) {
    return refuse(PROBLEMS.UNSUPPORTED_MEDIA_TYPE, 'body.content-type', { close: true });
  }
  if (contentEncoding !== undefined && contentEncoding !== 'identity') {
    return refuse(CODED, 'body.content-encoding', { close: true });
  }
  // RFC 9110, section 12.5.1: no Accept is every type; Streamable HTTP demands the header all the same.
  const accepted = accept ?? (lenient ? '*/*' : '');
  // What is POSTed to a session of HTTP+SSE is answered on its stream: there is nothing to accept.
  if (x.route.name !== 'messages' && !acceptsBoth(accepted)) {
    return refuse(PROBLEMS.NOT_ACCEPTABLE, 'body.accept', { close: true });
  }
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    return refuse(PROBLEMS.EXPECTATION_FAILED, 'body.expect', { close: true });
  }
  return undefined;
}

async function readAndScan(x: Exchange, limits: BodyLimits, lenient: boolean): Promise<Verdict> {
  const body = await readBody(x.request, x.headers, limits, x.chunks, x.invite);
  if (!Buffer.isBuffer(body)) return refuse(withLimit(body, limits.bytes), `body.${reasonOf(body)}`, { close: true });
  const scanned = scanBody(body);
  if (isScanFailure(scanned)) {
    x.rejectedId = scanned.id;
    x.rejectedMethod = scanned.method;
    return refuse(scanned.problem, 'body.json', { detail: scanned.detail });
  }
  x.rejectedId = idOfRequest(scanned);
  x.rejectedMethod = scanned.messages[0]?.method;
  const classification = classify(x.route.name === 'messages' ? onStream(x) : x.headers, scanned.messages);
  if (isProblem(classification)) return refuse(classification, `protocol.${reasonOf(classification)}`);
  if (classification.era === 'modern') {
    const refused = refuseModern(x, scanned.messages[0], scanned.batch);
    if (refused !== undefined) return refused;
  }
  x.inbound = {
    messages: lenient && classification.era === 'legacy' ? completed(x, scanned) : scanned.messages,
    batch: scanned.batch,
    era: classification.era,
    revision: classification.revision,
  };
  return classification.era === 'modern' ? MODERN : LEGACY;
}

/**
 * Without a version in the message the client speaks the one its header names, or else the one that requests without that header
 * are taken to speak (MCP 2025-11-25, transports "Protocol Version Header").
 */
function completed(x: Exchange, { messages, batch }: ScannedBody): readonly Message[] {
  const [message] = messages;
  if (batch || message?.method !== 'initialize') return messages;
  const { protocolVersion = '' } = x.headers;
  const assumed = x.route.name === 'messages' ? '2024-11-05' : '2025-03-26';
  return [completedInitialize(message, isRevision(protocolVersion) ? protocolVersion : assumed)];
}

/** On HTTP+SSE the address names the session, not a header. */
function onStream(x: Exchange): ProtocolHeaders {
  return { protocolVersion: x.headers.protocolVersion, sessionId: '' };
}

function withLimit(problem: Problem, bytes: number): Problem {
  return problem === PROBLEMS.BODY_TOO_LARGE
    ? particular(problem, `${problem.text}: more than ${bytes} bytes`)
    : problem;
}

/**
 * The id a refusal may carry. Only a request waits for one: the id of a client's answer is the server's, and one id cannot
 * stand for a batch (MCP 2025-11-25, transports "Sending Messages to the Server": otherwise the error has no id).
 */
function idOfRequest({ batch, messages }: ScannedBody): RequestId | undefined {
  const [message] = messages;
  return !batch && message?.kind === 'request' ? (message.id as RequestId) : undefined;
}

function refuseModern(x: Exchange, message: Message | undefined, batch: boolean): Denial | undefined {
  if (batch || message === undefined) return refuse(PROBLEMS.BATCH_NOT_ALLOWED, 'protocol.batch');
  if (message.method === undefined) return refuse(PROBLEMS.INVALID_REQUEST, 'protocol.response-from-client');
  const problem = disagreement(x.headers, message);
  return problem === undefined ? undefined : refuse(problem, `protocol.${reasonOf(problem)}`);
}

function reasonOf(problem: Problem): string {
  return problem.code.toLowerCase().replaceAll('_', '-');
}

const MODERN = pass('parse.modern');
const LEGACY = pass('parse.legacy');

import { isUtf8 } from 'node:buffer';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, particular } from '../problem/problem.ts';
import { ROLE } from './control-keys.ts';
import { Message, type MessageKind } from './message.ts';
import { type MemberIndex, Scanner } from './scanner.ts';
import { DEFAULT_LIMITS, DEPTH_CEILING, type RequestId, type ScanLimits } from './span.ts';
import { OPEN_BRACKET, skipSpace, spanIs } from './tokens.ts';
import { ObjectView } from './view.ts';

/** Why a text is not a message. `detail` gives a place and never any of the content, so it is safe in a log. */
export interface ScanFailure {
  /** PARSE_ERROR: not JSON in UTF-8, or over a limit. INVALID_REQUEST: JSON, but not one unambiguous message. */
  readonly problem: Problem;
  readonly detail: string;
  /** Of the request, where it could be read without doubt. */
  readonly id?: RequestId;
  /** The same of its method, for the record. */
  readonly method?: string;
}

export interface ScannedBody {
  readonly batch: boolean;
  readonly messages: readonly Message[];
}

export function isScanFailure(x: Message | ScannedBody | ScanFailure): x is ScanFailure {
  return 'problem' in x;
}

/** Reads one message from a client: RFC 8259 to the letter, and no name twice anywhere. Never throws. */
export function scanMessage(bytes: Buffer, limits: ScanLimits = DEFAULT_LIMITS): Message | ScanFailure {
  return scan(bytes, limits, false);
}

/**
 * Reads one message from a server. The control objects (top level, params, result, error, `_meta`) are held to the
 * same rules as a client's; what lies inside other values is leapt over and checked only if a view opens it.
 * An accepted message never has a line break inside a string, so it cannot break out of a line or an event.
 */
export function scanUpstream(bytes: Buffer, limits: ScanLimits = DEFAULT_LIMITS): Message | ScanFailure {
  return scan(bytes, limits, bytes.indexOf(0x0a) < 0 && bytes.indexOf(0x0d) < 0, true);
}

/** Reads an HTTP body: one message, or a batch of at least one. One bad member refuses the batch. Never throws. */
export function scanBody(bytes: Buffer, limits: ScanLimits = DEFAULT_LIMITS): ScannedBody | ScanFailure {
  if (bytes[skipSpace(bytes, 0)] === OPEN_BRACKET) return scanBatch(bytes, limits);
  const message = scan(bytes, limits, false);
  return isScanFailure(message) ? message : { batch: false, messages: [message] };
}

/**
 * The members of an array of a server's, each as it stood and not yet read as a message; undefined when it is no sound array
 * of at least one. Never throws.
 */
export function batchMembers(bytes: Buffer, limits: ScanLimits = DEFAULT_LIMITS): readonly Buffer[] | undefined {
  if (bytes[skipSpace(bytes, 0)] !== OPEN_BRACKET || !isUtf8(bytes)) return undefined;
  const members = arrayMembers(bytes, limits);
  return Array.isArray(members) && members.length > 0 ? members : undefined;
}

/** The array around them is not part of the messages, and each message has the full depth. */
function arrayMembers(bytes: Buffer, limits: ScanLimits): readonly Buffer[] | ScanFailure {
  const scanner = new Scanner(bytes, { ...limits, maxDepth: limits.maxDepth + 1 }, false);
  const ends: number[] = [];
  if (!scanner.readDocument(0, ROLE.NONE, ends)) return notJson(scanner, limits);
  const members: Buffer[] = [];
  for (let at = 0; at < ends.length; at += 2) members.push(bytes.subarray(ends[at]!, ends[at + 1]!));
  return members;
}

function scanBatch(bytes: Buffer, limits: ScanLimits): ScannedBody | ScanFailure {
  if (!isUtf8(bytes)) return NOT_UTF8;
  const members = arrayMembers(bytes, limits);
  if (!Array.isArray(members)) return members as ScanFailure;
  if (members.length === 0) return invalid('an empty batch');
  const messages: Message[] = [];
  for (const [at, member] of members.entries()) {
    const message = scan(member, limits, false);
    if (isScanFailure(message)) return { problem: message.problem, detail: `batch member ${at}: ${message.detail}` };
    messages.push(message);
  }
  return { batch: true, messages };
}

const NOT_UTF8: ScanFailure = { problem: PROBLEMS.PARSE_ERROR, detail: 'not UTF-8' };

function notJson(scanner: Scanner, limits: ScanLimits): ScanFailure {
  const detail = scanner.broken ?? 'not JSON';
  if (scanner.over === undefined) return { problem: PROBLEMS.PARSE_ERROR, detail };
  const depth = Math.min(limits.maxDepth, DEPTH_CEILING);
  const limit =
    scanner.over === 'depth' ? `more than ${depth} levels deep` : `more than ${limits.maxMembers} members and elements`;
  return { problem: particular(PROBLEMS.PARSE_ERROR, `Parse error: ${limit}`), detail };
}

/** @param top names the message where it can be told which it is. */
function invalid(detail: string, top?: ObjectView): ScanFailure {
  const id = top?.id('id');
  const method = top?.string('method');
  return {
    problem: PROBLEMS.INVALID_REQUEST,
    detail,
    ...(id === undefined ? undefined : { id }),
    ...(method === undefined ? undefined : { method }),
  };
}

function scan(bytes: Buffer, limits: ScanLimits, lenient: boolean, fromServer = false): Message | ScanFailure {
  if (!isUtf8(bytes)) return NOT_UTF8;
  const scanner = new Scanner(bytes, limits, lenient);
  if (!scanner.readDocument(0, ROLE.TOP)) return notJson(scanner, limits);
  if (scanner.top === undefined) return invalid(scanner.fault ?? 'a message must be an object');
  const top = new ObjectView(bytes, scanner.top, !lenient);
  if (scanner.fault !== undefined) return invalid(scanner.fault, scanner.ambiguousTop ? undefined : top);
  return judge(top, scanner, lenient, fromServer);
}

/** JSON-RPC 2.0, sections 4 and 5, as MCP narrows them. */
function judge(top: ObjectView, scanner: Scanner, lenient: boolean, fromServer: boolean): Message | ScanFailure {
  const id = top.id('id');
  const kind = kindOf(top, id);
  if (kind === undefined) return invalid('exactly one of method, result and error must be present', top);
  if (!isVersion2(top)) return invalid('jsonrpc must be "2.0"', top);
  const nullId = id === undefined && kind === 'error' && top.isNull('id');
  if (id === undefined && !nullId) {
    if (top.has('id')) return invalid('an id must be a string or a safe integer', top);
    if (kind === 'result' || (kind === 'error' && !fromServer)) return invalid('a response needs an id', top);
  }
  const method = top.string('method');
  const isCall = kind === 'request' || kind === 'notification';
  if (isCall && (method === undefined || method === ''))
    return invalid('method must be a string that is not empty', top);
  const index = kind === 'error' ? scanner.error : scanner.body;
  if (index === undefined && (!isCall || top.has('params'))) {
    return invalid(`${isCall ? 'params' : kind} must be an object`, top);
  }
  if (!isCall && top.has('params')) return invalid('a response has no params', top);
  const body = view(top, index, lenient);
  return new Message(kind, nullId ? null : id, method, top, body, view(top, scanner.meta, lenient));
}

function view(top: ObjectView, index: MemberIndex | undefined, lenient: boolean): ObjectView | undefined {
  return index === undefined ? undefined : new ObjectView(top.bytes, index, !lenient);
}

function kindOf(top: ObjectView, id: RequestId | undefined): MessageKind | undefined {
  const result = top.has('result');
  const error = top.has('error');
  if (top.has('method')) {
    if (result || error) return undefined;
    return id === undefined ? 'notification' : 'request';
  }
  if (result === error) return undefined;
  return result ? 'result' : 'error';
}

function isVersion2(top: ObjectView): boolean {
  const span = top.spanOf('jsonrpc');
  if (span === undefined) return false;
  return spanIs(top.bytes, span.start, span.end, '"2.0"') || top.string('jsonrpc') === '2.0';
}

import type { IncomingHttpHeaders } from 'node:http';
import type { RemoteSettings } from './settings.ts';

/** What every request to the server carries. Nothing of a client's request headers is ever among them. */
export function fixedHeaders(settings: RemoteSettings): string[] {
  // Nothing is gained by it so near, and a server that compresses all the same is understood (content-coding.ts).
  const headers = ['user-agent', 'sallyport', 'accept-encoding', 'identity'];
  const auth = settings.upstream_auth;
  if (auth !== undefined) {
    const token = auth.token.reveal();
    headers.push(auth.header, auth.prefix === '' ? token : `${auth.prefix} ${token}`);
  }
  return headers;
}

const PARAM_PREFIX = 'mcp-param-';

/** Adds the `Mcp-Param-*` headers (name, value, name, value) and nothing else that may have come with them. */
export function addParamHeaders(headers: string[], paramHeaders: readonly string[]): void {
  for (let at = 0; at + 1 < paramHeaders.length; at += 2) {
    const name = paramHeaders[at]!;
    if (name.slice(0, PARAM_PREFIX.length).toLowerCase() === PARAM_PREFIX) headers.push(name, paramHeaders[at + 1]!);
  }
}

export type AnswerType = 'json' | 'events' | 'other';

export function answerType(headers: IncomingHttpHeaders): AnswerType {
  const type = headers['content-type'];
  // Repeated headers arrive as an array, whatever the type says: two content types are none.
  if (typeof type !== 'string') return 'other';
  if (isMediaType(type, 'application/json')) return 'json';
  return isMediaType(type, 'text/event-stream') ? 'events' : 'other';
}

/** RFC 9110, section 8.3.1: case does not matter, parameters may follow. */
function isMediaType(header: string, mediaType: string): boolean {
  if (header === mediaType) return true;
  const after = header[mediaType.length];
  if (after !== undefined && after !== ';' && after !== ' ' && after !== '\t') return false;
  return header.slice(0, mediaType.length).toLowerCase() === mediaType;
}

/** Still in a content coding, after those that are understood have been undone. */
export function isEncoded(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['content-encoding'];
  return encoding !== undefined && encoding !== '' && encoding !== 'identity';
}

const LONGEST_ID = 1024;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** A session id as 2025-11-25 (basic/transports, "Session Management") allows it. */
export function isSessionId(text: unknown): text is string {
  return typeof text === 'string' && text.length <= LONGEST_ID && VISIBLE_ASCII.test(text);
}

/** Whether an event id can be sent back in `Last-Event-ID`; an empty one means there is none. */
export function isResumable(eventId: string): boolean {
  return eventId !== '' && eventId.length <= LONGEST_ID && !/[^\x20-\x7e\x80-\xff]/.test(eventId);
}

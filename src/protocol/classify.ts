import type { Message } from '../jsonrpc/message.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { particular } from '../problem/problem.ts';
import { eraOf, LEGACY_REVISIONS, MODERN_REVISIONS, type Revision } from './revisions.ts';

export const META_PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion';
export const META_CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
export const META_LOG_LEVEL = 'io.modelcontextprotocol/logLevel';
export const META_SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

/** The headers that say which protocol is spoken. */
export interface ProtocolHeaders {
  readonly protocolVersion: string | undefined;
  readonly sessionId: string | undefined;
}

/** `revision` is known here for the modern era; a legacy one is the session's. */
export type Classification =
  | { readonly era: 'modern'; readonly revision: Revision }
  | { readonly era: 'legacy'; readonly revision: undefined };

const LEGACY: Classification = { era: 'legacy', revision: undefined };
const MODERN = new Map<string, Classification>(
  MODERN_REVISIONS.map((revision) => [revision, { era: 'modern', revision }]),
);

/**
 * Decides once, for the whole POST, which era it speaks. Any sign of the modern era settles it: a request never gets the
 * laxer rules by also carrying legacy signs (MCP 2026-07-28, basic/versioning; a body with modern `_meta` under a legacy
 * header is a mismatch, not legacy).
 */
export function classify(headers: ProtocolHeaders, messages: readonly Message[]): Classification | Problem {
  const version = headers.protocolVersion;
  const headerEra = version === undefined ? undefined : eraOf(version);
  const metaVersion = modernMetaVersion(messages);
  if (metaVersion !== undefined || headerEra === 'modern') return modernClassification(version, metaVersion, messages);
  if (messages.some((message) => message.method === 'initialize')) return LEGACY;
  if (version !== undefined && headerEra === undefined) return unsupportedVersion(version);
  return headers.sessionId === undefined ? PROBLEMS.SESSION_REQUIRED : LEGACY;
}

/** Revisions this transport carries; 2024-11-05 has one of its own. */
const SERVED: readonly Revision[] = [
  ...MODERN_REVISIONS,
  ...LEGACY_REVISIONS.filter((revision) => revision !== '2024-11-05'),
];

/**
 * The answer to a version we do not serve, naming those the request may be repeated with: one that carries its own `_meta`
 * hears the revisions that `server/discover` names (MCP 2026-07-28, streamable-http "Protocol Version Header").
 */
export function unsupportedVersion(requested: string, supported: readonly Revision[] = SERVED): Problem {
  return particular(PROBLEMS.UNSUPPORTED_PROTOCOL_VERSION, `Unsupported protocol version: ${requested.slice(0, 64)}`, {
    supported,
    requested: requested.slice(0, 64),
  });
}

export function isProblem(value: Classification | Problem): value is Problem {
  return 'code' in value;
}

/** The `_meta` version of the first message that has one; an empty string when the key is there with something else in it. */
function modernMetaVersion(messages: readonly Message[]): string | undefined {
  for (const message of messages) {
    if (message.method === undefined) continue;
    const meta = message.meta;
    if (meta?.has(META_PROTOCOL_VERSION)) return meta.string(META_PROTOCOL_VERSION) ?? '';
  }
  return undefined;
}

function modernClassification(
  header: string | undefined,
  meta: string | undefined,
  messages: readonly Message[],
): Classification | Problem {
  const isRequest = messages.some((message) => message.kind === 'request');
  if (header === undefined) return mismatch('MCP-Protocol-Version header is missing');
  if (meta !== undefined && meta !== header) {
    return mismatch('MCP-Protocol-Version header and _meta protocolVersion differ');
  }
  const classification = MODERN.get(header);
  if (classification === undefined) return unsupportedVersion(header, meta === undefined ? SERVED : MODERN_REVISIONS);
  if (meta === undefined && isRequest) return missingMeta(META_PROTOCOL_VERSION);
  return classification;
}

export function mismatch(text: string): Problem {
  return particular(PROBLEMS.HEADER_MISMATCH, text);
}

export function missingMeta(key: string): Problem {
  return particular(PROBLEMS.INVALID_PARAMS, `Missing required _meta key: ${key}`);
}

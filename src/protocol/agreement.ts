import type { Message } from '../jsonrpc/message.ts';
import type { Problem } from '../problem/problem.ts';
import { META_CLIENT_CAPABILITIES, mismatch, missingMeta } from './classify.ts';
import { NAME_PARAMETER } from './methods.ts';
import { repeatedParameter } from './parameter-headers.ts';
import { wrongMeta } from './request-meta.ts';
import { decodeSentinel } from './sentinel.ts';

/** The mirrored headers of a modern request, as received. */
export interface MirroredHeaders {
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
  /** `Mcp-Param-*`: name, value, name, value. */
  readonly params: readonly string[];
}

/**
 * Methods whose name parameter is mirrored in `Mcp-Name` on 2026-07-28 (streamable-http, "Standard Request Headers"). Those of
 * an extension are not here: where it is not allowed they are unknown methods, whatever their headers say.
 */
const MIRRORED = new Set(['tools/call', 'prompts/get', 'resources/read']);

/**
 * Whether headers and body of a modern request say the same (MCP 2026-07-28, streamable-http "Server Validation").
 * Returns undefined when they do. Notifications need no mirrored headers: the page speaks of requests.
 */
export function disagreement(headers: MirroredHeaders, message: Message): Problem | undefined {
  if (message.kind !== 'request') return undefined;
  const method = message.method as string;
  if (headers.mcpMethod === undefined) return mismatch('Mcp-Method header is missing');
  if (headers.mcpMethod !== method) return mismatch('Mcp-Method header and method differ');
  const { meta } = message;
  if (meta?.object(META_CLIENT_CAPABILITIES) === undefined) return missingMeta(META_CLIENT_CAPABILITIES);
  const repeated = repeatedParameter(headers.params);
  if (repeated !== undefined) return mismatch(`${repeated.slice(0, 128)} header is repeated`);
  const disagrees = MIRRORED.has(method) ? nameDisagreement(headers.mcpName, message) : undefined;
  return disagrees ?? wrongMeta(meta);
}

/** The part about `Mcp-Name`, for a method that names something. */
export function nameDisagreement(header: string | undefined, message: Message): Problem | undefined {
  const parameter = NAME_PARAMETER.get(message.method ?? '') as string;
  const inBody = message.params?.string(parameter);
  if (header === undefined) return mismatch('Mcp-Name header is missing');
  const inHeader = decodeSentinel(header);
  if (inHeader === undefined) return mismatch('Mcp-Name header is not validly encoded');
  return inHeader === inBody ? undefined : mismatch(`Mcp-Name header and params.${parameter} differ`);
}

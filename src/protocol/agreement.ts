import type { Message } from '../jsonrpc/message.ts';
import type { Problem } from '../problem/problem.ts';
import { META_CLIENT_CAPABILITIES, mismatch, missingMeta } from './classify.ts';
import { NAME_PARAMETER } from './methods.ts';
import { decodeSentinel } from './sentinel.ts';

/** The mirrored headers of a modern request, as received. */
export interface MirroredHeaders {
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
}

/** Methods whose name parameter is mirrored in `Mcp-Name` on 2026-07-28 (streamable-http, "Standard Request Headers"). */
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
  if (message.meta?.object(META_CLIENT_CAPABILITIES) === undefined) return missingMeta(META_CLIENT_CAPABILITIES);
  return MIRRORED.has(method) ? nameDisagreement(headers.mcpName, method, message) : undefined;
}

function nameDisagreement(header: string | undefined, method: string, message: Message): Problem | undefined {
  const parameter = NAME_PARAMETER.get(method) as string;
  const inBody = message.params?.string(parameter);
  if (header === undefined) return mismatch('Mcp-Name header is missing');
  const inHeader = decodeSentinel(header);
  if (inHeader === undefined) return mismatch('Mcp-Name header is not validly encoded');
  return inHeader === inBody ? undefined : mismatch(`Mcp-Name header and params.${parameter} differ`);
}

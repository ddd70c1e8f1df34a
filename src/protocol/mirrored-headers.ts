import type { Message } from '../jsonrpc/message.ts';
import { NAME_PARAMETER } from './methods.ts';
import type { Revision } from './revisions.ts';
import { encodeSentinel } from './sentinel.ts';

/**
 * Adds to `headers` (name, value, name, value) what a modern request mirrors of its body: `MCP-Protocol-Version`, `Mcp-Method`
 * and, where the method names something, `Mcp-Name` (MCP 2026-07-28, streamable-http "Request Metadata"; the task methods as the
 * tasks extension has it).
 *
 * Always made anew from the message that leaves, never copied from the client: the server compares them with the body.
 * A named parameter that is missing or not a string gives no header; such a call is the server's to refuse.
 */
export function addMirroredHeaders(headers: string[], message: Message, revision: Revision): void {
  const method = message.method;
  headers.push('mcp-protocol-version', revision);
  if (method === undefined) return;
  headers.push('mcp-method', encodeSentinel(method));
  const parameter = NAME_PARAMETER.get(method);
  if (parameter === undefined) return;
  const name = message.params?.string(parameter);
  if (name !== undefined) headers.push('mcp-name', encodeSentinel(name));
}

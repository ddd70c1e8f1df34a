import { createHash } from 'node:crypto';

/** Names the session in the answer to `initialize`, and only where there is one. */
export const SESSION_HEADER = 'Mcp-Session-Id';

export interface SessionId {
  readonly id: string;
  /** A digest of the id, for records. */
  readonly key: string;
}

/** Visible ASCII, as MCP 2025-11-25 requires, and no longer than any id this gateway makes. */
const WELL_FORMED = /^[\x21-\x7e]{1,128}$/;

/** The session id of a request; undefined when there is none or it cannot be one. */
export function sessionIdOf(header: string | undefined): string | undefined {
  return header !== undefined && WELL_FORMED.test(header) ? header : undefined;
}

/** What stands for a session in records and logs: enough to join its rows, useless for opening it. */
export function sessionKeyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url').slice(0, 16);
}

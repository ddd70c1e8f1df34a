import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { DEPTH_CEILING } from '../jsonrpc/span.ts';
import type { Revision } from './revisions.ts';

/** What each member stands for where a client left it out. A member that is there is never touched, whatever is in it. */
const ABSENT = [
  ['capabilities', '{}'],
  ['clientInfo', '{"name":"unknown","version":"0"}'],
] as const;

const WITHOUT_LIMITS = { maxDepth: DEPTH_CEILING, maxMembers: Number.MAX_SAFE_INTEGER };

/**
 * An `initialize` with the members every revision demands (2025-11-25, basic/lifecycle "Initialization"), so that any server
 * answers it. Some clients send `"params":{}`.
 * @param revision what the client is taken to speak where it does not say
 * @returns the same message when nothing is missing
 */
export function completedInitialize(message: Message, revision: Revision): Message {
  const members = [['protocolVersion', `"${revision}"`], ...ABSENT] as const;
  const { params, top } = message;
  const missing = members.filter(([key]) => params?.has(key) !== true);
  if (message.kind !== 'request' || missing.length === 0) return message;
  const edits = new Edits(message.bytes);
  if (params === undefined) {
    edits.setMember(top, 'params', `{${missing.map(([key, value]) => `"${key}":${value}`).join(',')}}`);
  } else {
    for (const [key, value] of missing) edits.setMember(params, key, value);
  }
  // What came was within the limits; what is added to it must not be what takes it over them.
  const completed = scanMessage(edits.toBuffer(), WITHOUT_LIMITS);
  if (isScanFailure(completed)) throw new Error(`a completed initialize cannot be read: ${completed.detail}`);
  return completed;
}

import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import type { ObjectView } from '../jsonrpc/view.ts';
import { jsonString } from '../jsonrpc/write.ts';
import type { Call } from '../policy/call.ts';
import { META_CLIENT_CAPABILITIES } from '../protocol/classify.ts';
import { hasExtensions, removeUnlistedExtensions } from '../protocol/extensions.ts';
import { parameterHeaders } from '../protocol/parameter-headers.ts';
import type { TaskReference } from '../session/task-handles.ts';
import type { ServerPlan } from './services.ts';

const NONE: readonly string[] = Object.freeze([]);

/**
 * The request as it leaves: what was judged, without what the operator did not allow the client to offer, and a task under the
 * server's own id. The same message when there is nothing to change, which is nearly always.
 */
export function outboundMessage(plan: ServerPlan, message: Message, task?: TaskReference): Message {
  const capabilities = offered(message);
  if (task === undefined && !hasExtensions(capabilities)) return message;
  const edits = new Edits(message.bytes);
  removeUnlistedExtensions(edits, capabilities, plan.extensions);
  const { params } = message;
  if (task !== undefined && params !== undefined) edits.setMember(params, 'taskId', jsonString(task.id));
  return edited(message, edits);
}

/** The `Mcp-Param-*` headers a request leaves with: made from the body wherever the tool says what they mean. */
export function outboundParameters({ modern, received }: Call): readonly string[] {
  return modern === undefined ? NONE : parameterHeaders(modern.parameters, received, modern.headers.params);
}

/** Where a request says what its client supports: each one on 2026-07-28, the first one of a session before. */
function offered(message: Message): ObjectView | undefined {
  if (message.method === 'initialize') return message.params?.object('capabilities');
  return message.meta?.object(META_CLIENT_CAPABILITIES);
}

function edited(message: Message, edits: Edits): Message {
  if (edits.isEmpty) return message;
  const again = scanMessage(edits.toBuffer());
  if (isScanFailure(again)) throw new Error(`an edited request cannot be read: ${again.detail}`);
  return again;
}

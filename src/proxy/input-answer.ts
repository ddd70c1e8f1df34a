import type { Message } from '../jsonrpc/message.ts';
import type { ObjectView } from '../jsonrpc/view.ts';
import { META_CLIENT_CAPABILITIES } from '../protocol/classify.ts';
import { MAY_REQUIRE_INPUT, unaskable } from '../protocol/input-requests.ts';
import { invalid, type Objection } from './answered-call.ts';

/** Why an `input_required` answer may not be passed on (MCP 2026-07-28, basic/patterns/mrtr). */
export function objectionToInput(request: Message, result: ObjectView): Objection | undefined {
  if (!MAY_REQUIRE_INPUT.has(request.method ?? '')) return invalid(`${request.method} answered with input_required`);
  const hasState = result.has('requestState');
  if (hasState && result.string('requestState') === undefined) return invalid('a requestState that is not a text');
  if (!result.has('inputRequests')) return hasState ? undefined : invalid('input_required without anything required');
  return asksTooMuch(request, result);
}

/** Why the questions in an answer may not be put to the client of the request. */
export function asksTooMuch(request: Message, result: ObjectView): Objection | undefined {
  const requests = result.object('inputRequests');
  if (requests === undefined) return invalid('inputRequests that cannot be read');
  const refusal = unaskable(requests, request.meta?.object(META_CLIENT_CAPABILITIES));
  return refusal === undefined ? undefined : invalid(refusal);
}

import { Edits, withId } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { idToken } from '../jsonrpc/write.ts';
import { META_SUBSCRIPTION_ID } from '../protocol/classify.ts';

/** A final answer with the client's own id in place of the lane's. */
export function restoreResponse(response: Message, id: RequestId, edits?: Edits): Buffer {
  const subscription = response.meta?.spanOf(META_SUBSCRIPTION_ID);
  if (edits === undefined && subscription === undefined) return withId(response, id);
  const all = edits ?? new Edits(response.bytes);
  if (response.idSpan !== undefined) all.replace(response.idSpan, idToken(id));
  if (subscription !== undefined) all.replace(subscription, idToken(id));
  return all.toBuffer();
}

/**
 * A message that belongs to a call, with the client's own progress token and subscription id in place of the lane's.
 * What it does not carry is left as it is.
 */
export function restoreRelated(message: Message, request: Message): Buffer {
  const edits = new Edits(message.bytes);
  if (message.method === 'notifications/progress') editToken(edits, message, progressToken(request));
  const subscription = message.meta?.spanOf(META_SUBSCRIPTION_ID);
  if (subscription !== undefined && request.id != null) edits.replace(subscription, idToken(request.id));
  return edits.toBuffer();
}

/** The token a request asks for progress under, as it stands in its JSON; undefined when it asks for none. */
export function progressToken({ meta, bytes }: Message): string | undefined {
  const span = meta?.spanOf('progressToken');
  return span === undefined ? undefined : bytes.toString('utf8', span.start, span.end);
}

/** A report of progress under this token, as it stands in JSON. */
export function underToken(progress: Message, token: string): Buffer {
  const edits = new Edits(progress.bytes);
  editToken(edits, progress, token);
  return edits.toBuffer();
}

function editToken(edits: Edits, progress: Message, token: string | undefined): void {
  const span = progress.params?.spanOf('progressToken');
  if (token !== undefined && span !== undefined) edits.replace(span, token);
}

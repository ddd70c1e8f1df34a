import { Edits, withId } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';

/**
 * The bytes of a client's request as a server gets them: the judged bytes, with `upstreamId` in place of the id and, when the
 * caller asked for progress, in place of `params._meta.progressToken`. Nothing else is touched.
 *
 * Both become the same integer because two clients may use equal ids and equal tokens on one shared pipe; whatever
 * comes back with this integer belongs to this call and to no other.
 */
export function outboundRequest(message: Message, upstreamId: number): Buffer {
  const meta = message.meta;
  if (meta === undefined || !meta.has('progressToken')) return withId(message, upstreamId);
  const integer = String(upstreamId);
  return new Edits(message.bytes)
    .replace(message.idSpan!, integer)
    .setMember(meta, 'progressToken', integer)
    .toBuffer();
}

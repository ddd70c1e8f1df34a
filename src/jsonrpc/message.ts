import type { RequestId, Span } from './span.ts';
import type { ObjectView } from './view.ts';

export type { RequestId, Span } from './span.ts';
export { ObjectView } from './view.ts';

export type MessageKind = 'request' | 'notification' | 'result' | 'error';

/**
 * One JSON-RPC 2.0 message exactly as it stood on the wire.
 *
 * Made only by the scanner. `bytes` is what was judged and what is forwarded; it is never written to, and every span
 * in the message counts from its start.
 */
export class Message {
  readonly bytes: Buffer;
  readonly kind: MessageKind;
  /** `null` only on an error response; undefined on a notification and on a server's error that names no request. */
  readonly id: RequestId | null | undefined;
  readonly idSpan: Span | undefined;
  readonly method: string | undefined;
  readonly params: ObjectView | undefined;
  readonly result: ObjectView | undefined;
  readonly error: ObjectView | undefined;
  /** `params._meta` or `result._meta`. */
  readonly meta: ObjectView | undefined;
  /** The message as an object, unknown members included. */
  readonly top: ObjectView;

  constructor(
    kind: MessageKind,
    id: RequestId | null | undefined,
    method: string | undefined,
    top: ObjectView,
    body: ObjectView | undefined,
    meta: ObjectView | undefined,
  ) {
    this.bytes = top.bytes;
    this.kind = kind;
    this.id = id;
    this.idSpan = id === undefined ? undefined : top.spanOf('id');
    this.method = method;
    this.params = method === undefined ? undefined : body;
    this.result = kind === 'result' ? body : undefined;
    this.error = kind === 'error' ? body : undefined;
    this.meta = meta;
    this.top = top;
  }
}

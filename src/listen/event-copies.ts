import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import { META_SUBSCRIPTION_ID } from '../protocol/classify.ts';

/** One event on its way to many listeners: a copy for each subscription id, and those whose ids are alike share theirs. */
export class EventCopies {
  readonly message: Message;
  private readonly copies = new Map<string, Buffer>();

  /** @param message carries a subscription id: the lane's */
  constructor(message: Message) {
    this.message = message;
  }

  /** @param id the listener's own id as a JSON token: `"1"` is not `1` */
  under(id: string): Buffer {
    let copy = this.copies.get(id);
    if (copy === undefined) {
      copy = this.edits(id).toBuffer();
      this.copies.set(id, copy);
    }
    return copy;
  }

  /** The same as edits, for a listener that has more to change. */
  edits(id: string): Edits {
    const edits = new Edits(this.message.bytes);
    const span = this.message.meta?.spanOf(META_SUBSCRIPTION_ID);
    return span === undefined ? edits : edits.replace(span, id);
  }
}

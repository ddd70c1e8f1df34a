import type { Message } from '../jsonrpc/message.ts';
import type { Lane, LaneIdentity } from '../upstream/lane.ts';
import type { Listener } from './listener.ts';
import { type Host, SharedSubscription } from './shared-subscription.ts';
import type { Topic } from './topics.ts';

/** Every subscription of the gateway with a server, by the identity it reaches the server under. Outlives a reload. */
export class SharedSubscriptions implements Host {
  private readonly open = new Set<SharedSubscription>();
  private readonly byIdentity = new Map<LaneIdentity, SharedSubscription[]>();
  private readonly onToolsChanged: (server: string) => void;

  /** @param onToolsChanged a server said, to whomever, that its list of tools is another */
  constructor(onToolsChanged: (server: string) => void) {
    this.onToolsChanged = onToolsChanged;
  }

  /** How many there are with all servers together, whoever listens. */
  get size(): number {
    return this.open.size;
  }

  /**
   * Lets a listener hear what the server says under the lane's identity. The lane is the callee's from here on.
   * @returns what the listener leaves again
   */
  join(lane: Lane, listener: Listener): SharedSubscription {
    const { identity } = lane;
    const known = identity === undefined ? undefined : this.byIdentity.get(identity);
    let shared = known?.find((candidate) => candidate.hasRoomFor(listener));
    if (shared === undefined) {
      shared = new SharedSubscription(lane, listener.server, this);
      this.open.add(shared);
      if (known !== undefined) known.push(shared);
      else if (identity !== undefined) this.byIdentity.set(identity, [shared]);
    } else {
      lane.release();
    }
    shared.join(listener);
    return shared;
  }

  /** Tells listeners of something the gateway itself did. The message carries a subscription id, whichever. */
  announce(topic: Topic, message: Message, concerns: (listener: Listener) => boolean): void {
    for (const shared of this.open) shared.announce(topic, message, concerns);
  }

  // Host

  emptied(empty: SharedSubscription): void {
    const { identity } = empty;
    this.open.delete(empty);
    if (identity === undefined) return;
    const left = this.byIdentity.get(identity)?.filter((shared) => shared !== empty) ?? [];
    if (left.length === 0) this.byIdentity.delete(identity);
    else this.byIdentity.set(identity, left);
  }

  heard(server: string, topic: Topic): void {
    if (topic === 'tools') this.onToolsChanged(server);
  }
}

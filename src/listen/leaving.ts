import { Handover } from './handover.ts';
import { intersection, type Topic } from './topics.ts';
import type { UpstreamSubscription } from './upstream-subscription.ts';

/**
 * Milliseconds both subscriptions are read when one takes over from the other on a connection of its own, and how long at most
 * until both have told the same.
 */
const HANDOVER_MS = 250;
const LONGEST_HANDOVER_MS = 1_000;

/** A subscription another has taken over from, while both are read. */
export class Leaving {
  readonly subscription: UpstreamSubscription;
  private readonly handover: Handover;
  private readonly onDue: () => void;
  private clock: NodeJS.Timeout;
  private isDue = false;

  /** @param onDue it may be closed: called inside `isFirst` too */
  constructor(subscription: UpstreamSubscription, next: UpstreamSubscription, onDue: () => void) {
    this.subscription = subscription;
    this.handover = new Handover(intersection(subscription.granted, next.granted));
    this.onDue = onDue;
    this.clock = setTimeout(timeUp, HANDOVER_MS, this).unref();
  }

  /** @returns true when nobody has told of this event yet */
  isFirst(topic: Topic, from: UpstreamSubscription): boolean {
    const isFirst = this.handover.isFirst(topic, from === this.subscription ? 'old' : 'new');
    if (this.isDue && this.handover.isLevel) this.onDue();
    return isFirst;
  }

  /** Time is up, unless one stream is just ahead of the other. */
  timeUp(): void {
    if (this.isDue || this.handover.isLevel) return this.onDue();
    this.isDue = true;
    this.clock = setTimeout(timeUp, LONGEST_HANDOVER_MS - HANDOVER_MS, this).unref();
  }

  close(): void {
    clearTimeout(this.clock);
    this.subscription.close('another subscription took over');
  }
}

function timeUp(leaving: Leaving): void {
  leaving.timeUp();
}

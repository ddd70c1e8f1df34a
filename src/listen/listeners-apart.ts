import type { Message } from '../jsonrpc/message.ts';
import type { Lane } from '../upstream/lane.ts';
import { EventCopies } from './event-copies.ts';
import type { Listener } from './listener.ts';
import { intersection, type Topic, tellsOf, writeTopics } from './topics.ts';
import { COMPLETE, type Ending, type SubscriptionOwner, UpstreamSubscription } from './upstream-subscription.ts';

/** Why a subscription is closed when its last listener has left. */
export const NOBODY = 'nobody listens any more';

/** What stands apart belongs to this. */
export interface ApartFrom {
  readonly lane: Lane;
  /** @returns true when the subscription and its listeners are no longer apart: it carries the others from now on */
  adopt(subscription: UpstreamSubscription, listeners: ReadonlySet<Listener>): boolean;
  heard(topic: Topic): void;
  /** Takes the listener out and tells it. */
  tell(listener: Listener, ending: Ending): void;
  /** Something has changed: does what is due. */
  proceed(): void;
}

/**
 * Listeners that cannot be asked for together with others, because the server is slow to acknowledge what somebody among them
 * wants, or refuses it. Those of one filter share a subscription: whatever becomes of it, all of them have asked for it.
 */
export class ListenersApart {
  private readonly groups = new Map<Listener, Group>();
  private readonly from: ApartFrom;

  constructor(from: ApartFrom) {
    this.from = from;
  }

  get size(): number {
    return this.groups.size;
  }

  /** Asks for each filter by itself. */
  ask(listeners: readonly Listener[]): void {
    for (const alike of byFilter(listeners)) {
      const group = this.group(alike);
      const subscription = new UpstreamSubscription(group.topics, group);
      group.subscription = subscription;
      subscription.open(this.from.lane, group.terms);
    }
  }

  /** Goes on waiting for one that was asked for already. @param listeners of one filter, which it covers */
  keep(listeners: readonly Listener[], subscription: UpstreamSubscription): void {
    if (listeners.length === 0) return subscription.close(NOBODY);
    const group = this.group(listeners);
    group.subscription = subscription;
    subscription.handTo(group);
  }

  /** Those whom the server has not answered yet. */
  unanswered(): Listener[] {
    return [...this.groups].flatMap(([listener, group]) => (group.isAcknowledged ? [] : [listener]));
  }

  /** @returns false when it is not here */
  remove(listener: Listener): boolean {
    const group = this.groups.get(listener);
    if (group === undefined) return false;
    this.release(listener);
    if (group.listeners.size === 0) group.subscription?.close(NOBODY);
    return true;
  }

  /** Takes it out and leaves its subscription as it is. */
  release(listener: Listener): void {
    this.groups.get(listener)?.listeners.delete(listener);
    this.groups.delete(listener);
  }

  announce(topic: Topic, event: EventCopies, concerns: (listener: Listener) => boolean): void {
    for (const [listener, group] of this.groups) {
      if (group.granted.has(topic) && concerns(listener)) listener.event(event);
    }
  }

  private group(listeners: readonly Listener[]): Group {
    const group = new Group(this.from, listeners);
    for (const listener of listeners) this.groups.set(listener, group);
    return group;
  }
}

/** Listeners of one filter, and the subscription that is theirs alone. */
class Group implements SubscriptionOwner {
  readonly listeners: Set<Listener>;
  readonly topics: ReadonlySet<Topic>;
  readonly terms: Listener['terms'];
  granted: ReadonlySet<Topic> = new Set();
  isAcknowledged = false;
  subscription: UpstreamSubscription | undefined;
  private readonly from: ApartFrom;

  constructor(from: ApartFrom, listeners: readonly Listener[]) {
    const [first] = listeners;
    if (first === undefined) throw new Error('a group of listeners without a listener');
    this.from = from;
    this.listeners = new Set(listeners);
    this.topics = first.topics;
    this.terms = first.terms;
  }

  acknowledged(subscription: UpstreamSubscription): void {
    this.isAcknowledged = true;
    if (this.from.adopt(subscription, new Set(this.listeners))) return;
    this.granted = intersection(this.topics, subscription.granted);
    for (const listener of this.listeners) {
      listener.acknowledged(this.granted);
      // There is nothing it could ever hear.
      if (this.granted.size === 0) this.from.tell(listener, COMPLETE);
    }
    this.from.proceed();
  }

  event(_subscription: UpstreamSubscription, topic: Topic, message: Message): void {
    this.from.heard(topic);
    if (!tellsOf(this.granted, topic)) return;
    const event = new EventCopies(message);
    for (const listener of this.listeners) listener.event(event);
  }

  ended(_subscription: UpstreamSubscription, ending: Ending): void {
    for (const listener of this.listeners) this.from.tell(listener, ending);
    this.from.proceed();
  }
}

/** Listeners that ask for the same, together. */
function byFilter(listeners: readonly Listener[]): readonly (readonly Listener[])[] {
  const alike = new Map<string, Listener[]>();
  for (const listener of listeners) {
    const filter = writeTopics(listener.topics);
    const others = alike.get(filter);
    if (others === undefined) alike.set(filter, [listener]);
    else others.push(listener);
  }
  return [...alike.values()];
}

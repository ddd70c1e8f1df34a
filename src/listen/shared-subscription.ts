import type { Message } from '../jsonrpc/message.ts';
import type { Lane, LaneIdentity } from '../upstream/lane.ts';
import { EventCopies } from './event-copies.ts';
import { Handover } from './handover.ts';
import { covers, intersection, type Topic } from './topics.ts';
import {
  COMPLETE,
  type Ending,
  type SubscriptionOwner,
  type SubscriptionTerms,
  UpstreamSubscription,
} from './upstream-subscription.ts';
import { Wanted } from './wanted.ts';

/** One client's subscription, as those who share a server with it see it. */
export interface Listener {
  readonly server: string;
  readonly topics: ReadonlySet<Topic>;
  readonly terms: SubscriptionTerms;
  /** Called once, before any event. */
  acknowledged(granted: ReadonlySet<Topic>): void;
  event(event: EventCopies): void;
  /** Called once. The listener has been taken out by then. */
  ended(ending: Ending): void;
}

/** Whoever keeps the shared subscriptions. */
export interface Host {
  /** The last listener has left; nothing may join afterwards. */
  emptied(shared: SharedSubscription): void;
  /** The server told of something, whoever listens. Once for each event. */
  heard(server: string, topic: Topic): void;
}

/**
 * Milliseconds both subscriptions are read when one takes over from the other on a connection of its own, and how long at most
 * until both have told the same.
 */
const HANDOVER_MS = 250;
const LONGEST_HANDOVER_MS = 1_000;
/**
 * Topics of one shared subscription, and their text; who would make it larger gets another. A server that refuses a request
 * for its size must never be a matter of what other listeners ask for.
 */
const MOST_TOPICS = 10_000;
const MOST_TEXT = 262_144;
/** A subscription is asked anew, narrower, when it asks for this many topics more than twice what is wanted. */
const SLACK = 16;
const NOTHING: ReadonlySet<Topic> = new Set();

/**
 * One upstream subscription under any number of listeners that reach the server by the same identity. It asks for the union
 * of what they ask for. When the union grows, the next subscription is acknowledged before the last one is closed, so that
 * no listener misses an event; one takes over after the other, and who comes meanwhile waits for the one after.
 */
export class SharedSubscription implements SubscriptionOwner {
  private readonly lane: Lane;
  private readonly server: string;
  private readonly host: Host;
  /** Those not yet acknowledged, oldest first. */
  private readonly waiting = new Set<Listener>();
  private readonly established = new Map<Listener, ReadonlySet<Topic>>();
  private readonly wanted = new Wanted();
  private readonly byTopic = new Map<Topic, Set<Listener>>();
  private current: UpstreamSubscription | undefined;
  private opening:
    | { readonly subscription: UpstreamSubscription; readonly candidates: readonly Listener[] }
    | undefined;
  private leaving:
    | { readonly subscription: UpstreamSubscription; readonly handover: Handover; isDue: boolean }
    | undefined;
  private clock: NodeJS.Timeout | undefined;
  /** Somebody among several was refused: from now on each is asked for alone, so that nobody is refused for another. */
  private oneByOne = false;
  private over = false;

  constructor(lane: Lane, server: string, host: Host) {
    this.lane = lane;
    this.server = server;
    this.host = host;
  }

  get identity(): LaneIdentity | undefined {
    return this.lane.identity;
  }

  get size(): number {
    return this.waiting.size + this.established.size;
  }

  hasRoomFor({ topics }: Listener): boolean {
    return !this.over && (this.size === 0 || this.wanted.hasRoomFor(topics, MOST_TOPICS, MOST_TEXT));
  }

  join(listener: Listener): void {
    this.waiting.add(listener);
    this.wanted.add(listener.topics);
    this.proceed();
  }

  /** The listener is gone. Idempotent. */
  leave(listener: Listener): void {
    if (!this.forget(listener)) return;
    if (this.size === 0) return this.close();
    const asked = this.current?.asked.size ?? 0;
    if (this.isSettled && asked > 2 * this.wanted.size + SLACK) this.open([]);
  }

  /** Tells those who listen to the topic of something the gateway itself did. */
  announce(topic: Topic, message: Message, concerns: (listener: Listener) => boolean): void {
    const event = new EventCopies(message);
    for (const listener of this.byTopic.get(topic) ?? []) if (concerns(listener)) listener.event(event);
  }

  // SubscriptionOwner

  acknowledged(subscription: UpstreamSubscription): void {
    const last = this.current;
    this.current = subscription;
    this.opening = undefined;
    if (last !== undefined) this.handOver(last);
    for (const [listener, granted] of [...this.established]) {
      // The server has thought better of it. Who was promised more hears so, and may ask again.
      if (!covers(subscription.granted, granted)) this.tell(listener, COMPLETE);
    }
    this.proceed();
  }

  event(subscription: UpstreamSubscription, topic: Topic, message: Message): void {
    const { leaving } = this;
    if (leaving !== undefined) {
      const from = subscription === leaving.subscription ? 'old' : 'new';
      const isFirst = leaving.handover.isFirst(topic, from);
      if (leaving.isDue && leaving.handover.isLevel) this.endHandover();
      if (!isFirst) return;
    }
    this.host.heard(this.server, topic);
    const listeners = this.byTopic.get(topic);
    if (listeners === undefined) return;
    const event = new EventCopies(message);
    for (const listener of listeners) listener.event(event);
  }

  ended(subscription: UpstreamSubscription, ending: Ending): void {
    if (subscription === this.opening?.subscription) return this.notOpened(this.opening.candidates, ending);
    if (subscription === this.leaving?.subscription) return this.endHandover();
    this.current = undefined;
    for (const listener of [...this.established.keys()]) this.tell(listener, ending);
    if (this.size === 0) this.close();
    else this.proceed();
  }

  /** Acknowledges whoever the subscription in force covers, and asks for the rest. */
  private proceed(): void {
    if (this.over) return;
    const { current } = this;
    if (current !== undefined) {
      for (const listener of this.waiting) if (this.isCovered(listener, current)) this.establish(listener, current);
    }
    if (this.waiting.size === 0) this.oneByOne = false;
    if (this.size === 0) this.close();
    else if (this.waiting.size > 0 && this.isSettled) {
      this.open(this.oneByOne ? [...this.waiting].slice(0, 1) : [...this.waiting]);
    }
  }

  /** Neither is one being opened nor one being left: the next may be asked for. */
  private get isSettled(): boolean {
    return this.opening === undefined && this.leaving === undefined;
  }

  /** By what is in force, and by what is about to be. */
  private isCovered({ topics }: Listener, current: UpstreamSubscription): boolean {
    const next = this.opening?.subscription;
    return covers(current.asked, topics) && (next === undefined || covers(next.asked, topics));
  }

  private establish(listener: Listener, { granted }: UpstreamSubscription): void {
    const own = intersection(listener.topics, granted);
    this.waiting.delete(listener);
    this.established.set(listener, own);
    for (const topic of own) {
      const others = this.byTopic.get(topic);
      if (others === undefined) this.byTopic.set(topic, new Set([listener]));
      else others.add(listener);
    }
    listener.acknowledged(own);
    // There is nothing it could ever hear.
    if (own.size === 0) this.tell(listener, COMPLETE);
  }

  private open(candidates: readonly Listener[]): void {
    const subscription = new UpstreamSubscription(this.unionFor(candidates), this);
    this.opening = { subscription, candidates };
    const terms = (candidates[0] ?? this.established.keys().next().value)?.terms;
    if (terms !== undefined) subscription.open(this.lane, terms);
  }

  private notOpened(candidates: readonly Listener[], ending: Ending): void {
    this.opening = undefined;
    const concerned = candidates.filter((listener) => this.waiting.has(listener));
    if (ending.kind === 'refused' && concerned.length > 1) this.oneByOne = true;
    else for (const listener of concerned) this.tell(listener, ending);
    this.proceed();
  }

  private handOver(last: UpstreamSubscription): void {
    // On one ordered channel all that is not in the old one's past is in the new one's future.
    if (this.lane.identity?.ordered === true) return last.close('another subscription took over');
    const inBoth = intersection(last.granted, this.current?.granted ?? new Set());
    this.leaving = { subscription: last, handover: new Handover(inBoth), isDue: false };
    this.clock = setTimeout(handoverDue, HANDOVER_MS, this).unref();
  }

  /** Time is up, unless one stream is just ahead of the other. */
  handoverDue(): void {
    const { leaving } = this;
    if (leaving === undefined) return;
    if (leaving.isDue || leaving.handover.isLevel) return this.endHandover();
    leaving.isDue = true;
    this.clock = setTimeout(handoverDue, LONGEST_HANDOVER_MS - HANDOVER_MS, this).unref();
  }

  private endHandover(): void {
    clearTimeout(this.clock);
    this.leaving?.subscription.close('another subscription took over');
    this.leaving = undefined;
    this.proceed();
  }

  private tell(listener: Listener, ending: Ending): void {
    if (this.forget(listener)) listener.ended(ending);
  }

  private forget(listener: Listener): boolean {
    const granted = this.established.get(listener) ?? NOTHING;
    if (!this.waiting.delete(listener) && !this.established.delete(listener)) return false;
    this.wanted.remove(listener.topics);
    for (const topic of granted) {
      const others = this.byTopic.get(topic);
      others?.delete(listener);
      if (others?.size === 0) this.byTopic.delete(topic);
    }
    return true;
  }

  /** What the established ask for, and these. */
  private unionFor(candidates: readonly Listener[]): Set<Topic> {
    if (candidates.length === this.waiting.size) return this.wanted.topics();
    const union = new Wanted();
    for (const listener of this.established.keys()) union.add(listener.topics);
    for (const listener of candidates) union.add(listener.topics);
    return union.topics();
  }

  private close(): void {
    if (this.over) return;
    this.over = true;
    this.endHandover();
    this.current?.close(NOBODY);
    this.opening?.subscription.close(NOBODY);
    this.current = undefined;
    this.opening = undefined;
    this.lane.release();
    this.host.emptied(this);
  }
}

const NOBODY = 'nobody listens any more';

function handoverDue(shared: SharedSubscription): void {
  shared.handoverDue();
}

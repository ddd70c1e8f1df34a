import type { Message } from '../jsonrpc/message.ts';
import type { ProblemCode } from '../problem/catalogue.ts';
import type { Lane, LaneIdentity } from '../upstream/lane.ts';
import { EventCopies } from './event-copies.ts';
import { Leaving } from './leaving.ts';
import type { Listener } from './listener.ts';
import { type ApartFrom, ListenersApart, NOBODY } from './listeners-apart.ts';
import { Opening } from './opening.ts';
import { covers, intersection, type Topic, widerTopics, writeTopics } from './topics.ts';
import { COMPLETE, type Ending, type SubscriptionOwner, UpstreamSubscription } from './upstream-subscription.ts';
import { Wanted } from './wanted.ts';

/** Whoever keeps the shared subscriptions. */
export interface Host {
  /** The last listener has left; nothing may join afterwards. */
  emptied(shared: SharedSubscription): void;
  /** The server told of something, whoever listens. At least once for each event. */
  heard(server: string, topic: Topic): void;
}

/** What keeps a subscription from being asked for at all, whatever it asks for. */
const NOBODYS_FAULT: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'SHUTTING_DOWN',
  'UPSTREAM_BUSY',
  'UPSTREAM_CRASH_LOOP',
  'UPSTREAM_REFUSED',
  'UPSTREAM_START',
]);
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
 * no listener misses an event; one takes over after the other, and who comes meanwhile waits for the one after. Those whose
 * next one is slow to be acknowledged, or is refused, are asked for apart, so that nobody pays for what another wants.
 */
export class SharedSubscription implements SubscriptionOwner, ApartFrom {
  readonly lane: Lane;
  private readonly server: string;
  private readonly host: Host;
  /** Those not yet acknowledged, oldest first. */
  private readonly waiting = new Set<Listener>();
  private readonly established = new Map<Listener, ReadonlySet<Topic>>();
  private readonly wanted = new Wanted();
  private readonly byTopic = new Map<Topic, Set<Listener>>();
  private current: UpstreamSubscription | undefined;
  private opening: Opening | undefined;
  private leaving: Leaving | undefined;
  private readonly apart = new ListenersApart(this);
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
    return this.waiting.size + this.established.size + this.apart.size;
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
    // All who are left stand apart.
    if (this.established.size === 0 && this.waiting.size === 0) return this.closeAll();
    const candidates = this.opening?.candidates ?? [];
    if (candidates.includes(listener) && !candidates.some((other) => this.waiting.has(other))) {
      this.takeOpening()?.subscription.close(NOBODY);
      this.proceed();
    }
    const asked = this.current?.asked.size ?? 0;
    if (this.isSettled && asked > 2 * this.wanted.size + SLACK) this.open([]);
  }

  /** Tells those who listen to the topic of something the gateway itself did. */
  announce(topic: Topic, message: Message, concerns: (listener: Listener) => boolean): void {
    const event = new EventCopies(message);
    for (const listener of this.byTopic.get(topic) ?? []) if (concerns(listener)) listener.event(event);
    this.apart.announce(topic, event, concerns);
  }

  // SubscriptionOwner

  acknowledged(subscription: UpstreamSubscription): void {
    const last = this.current;
    this.current = subscription;
    this.takeOpening();
    if (last !== undefined) this.handOver(last);
    for (const [listener, granted] of [...this.established]) {
      // The server has thought better of it. Who was promised more hears so, and may ask again.
      if (!covers(subscription.granted, granted)) this.tell(listener, COMPLETE);
    }
    this.proceed();
  }

  event(subscription: UpstreamSubscription, topic: Topic, message: Message): void {
    if (this.leaving?.isFirst(topic, subscription) === false) return;
    this.heard(topic);
    const event = new EventCopies(message);
    for (const listener of this.audience(topic)) listener.event(event);
  }

  ended(subscription: UpstreamSubscription, ending: Ending): void {
    if (subscription === this.opening?.subscription) return this.notOpened(this.opening, ending);
    if (subscription === this.leaving?.subscription) return this.endHandover();
    this.current = undefined;
    for (const listener of [...this.established.keys()]) this.tell(listener, ending);
    if (this.size === 0) this.close();
    else this.proceed();
  }

  /** Each once, also who asked for several of the resources that the one of this topic lies in. */
  private audience(topic: Topic): Iterable<Listener> {
    const listeners = this.byTopic.get(topic) ?? [];
    const wider = widerTopics(topic).flatMap((other) => [...(this.byTopic.get(other) ?? [])]);
    return wider.length === 0 ? listeners : new Set([...listeners, ...wider]);
  }

  // ApartFrom

  adopt(subscription: UpstreamSubscription, listeners: ReadonlySet<Listener>): boolean {
    if (this.current !== undefined || !this.isSettled) return false;
    this.current = subscription;
    subscription.handTo(this);
    for (const listener of listeners) {
      this.apart.release(listener);
      this.wanted.add(listener.topics);
      this.waiting.add(listener);
    }
    this.proceed();
    return true;
  }

  heard(topic: Topic): void {
    this.host.heard(this.server, topic);
  }

  tell(listener: Listener, ending: Ending): void {
    if (this.forget(listener)) listener.ended(ending);
  }

  /** Acknowledges whoever the subscription in force covers, and asks for the rest. */
  proceed(): void {
    if (this.over) return;
    const { current } = this;
    if (current !== undefined) {
      for (const listener of this.apart.unanswered()) {
        if (!this.isCovered(listener, current)) continue;
        this.apart.remove(listener);
        this.wanted.add(listener.topics);
        this.waiting.add(listener);
      }
      for (const listener of this.waiting) if (this.isCovered(listener, current)) this.establish(listener, current);
    }
    if (this.size === 0) this.close();
    else if (this.waiting.size > 0 && this.isSettled) this.open([...this.waiting]);
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

  /** @param candidates all who wait, or nobody when only a narrower one is wanted */
  private open(candidates: readonly Listener[]): void {
    const subscription = new UpstreamSubscription(this.wanted.topics(), this);
    this.opening = new Opening(subscription, candidates, () => this.setApart());
    const terms = (candidates[0] ?? this.established.keys().next().value)?.terms;
    if (terms !== undefined) subscription.open(this.lane, terms);
  }

  /** @returns what was being opened; nothing is any more */
  private takeOpening(): Opening | undefined {
    const { opening } = this;
    opening?.over();
    this.opening = undefined;
    return opening;
  }

  private notOpened(opening: Opening, ending: Ending): void {
    this.takeOpening();
    if (opening.filter !== undefined || (ending.kind === 'failed' && NOBODYS_FAULT.has(ending.problem.code))) {
      for (const listener of opening.candidates) if (this.waiting.has(listener)) this.tell(listener, ending);
    } else {
      this.apart.ask(this.takeOut(opening.candidates));
    }
    this.proceed();
  }

  /** The server is slow to acknowledge: who else is here shall not wait for it. */
  private setApart(): void {
    const slow = this.takeOpening();
    if (slow === undefined) return;
    const { candidates, filter, subscription } = slow;
    if (filter !== undefined) {
      // Who has come since and wants the same waits for the same.
      const alike = [...this.waiting].filter(({ topics }) => writeTopics(topics) === filter);
      this.apart.keep(this.takeOut(alike), subscription);
    } else {
      subscription.close('it was not acknowledged in time');
      this.apart.ask(this.takeOut(candidates));
    }
    this.proceed();
  }

  /** @returns those of them who still wait; they no longer do */
  private takeOut(candidates: readonly Listener[]): Listener[] {
    return candidates.filter((listener) => {
      if (!this.waiting.delete(listener)) return false;
      this.wanted.remove(listener.topics);
      return true;
    });
  }

  private handOver(last: UpstreamSubscription): void {
    // On one ordered channel all that is not in the old one's past is in the new one's future.
    if (this.lane.identity?.ordered === true) return last.close('another subscription took over');
    if (this.current !== undefined) this.leaving = new Leaving(last, this.current, () => this.endHandover());
  }

  private endHandover(): void {
    this.leaving?.close();
    this.leaving = undefined;
    this.proceed();
  }

  private forget(listener: Listener): boolean {
    if (this.apart.remove(listener)) return true;
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

  private close(): void {
    if (this.over) return;
    this.over = true;
    this.closeAll();
    this.lane.release();
    this.host.emptied(this);
  }

  private closeAll(): void {
    this.leaving?.close();
    this.current?.close(NOBODY);
    this.takeOpening()?.subscription.close(NOBODY);
    this.leaving = undefined;
    this.current = undefined;
  }
}

import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { writeRequest } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { META_CLIENT_CAPABILITIES, META_PROTOCOL_VERSION, META_SUBSCRIPTION_ID } from '../protocol/classify.ts';
import { TASKS_EXTENSION } from '../protocol/extensions.ts';
import { ACKNOWLEDGED, LISTEN } from '../protocol/methods.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { CallHandle, CallSink, Lane } from '../upstream/lane.ts';
import { intersection, readTopics, type Topic, taskOf, tellsOf, topicOf, writeTopics } from './topics.ts';

/**
 * Why a subscription is over. The server's own last word is in none of them: one request stands for many listeners, and what
 * it says of that request may tell one of them what another asked for.
 */
export type Ending =
  /** Properly: whoever listens gets a final result. */
  | { readonly kind: 'complete' }
  /** The server answered with an error. */
  | { readonly kind: 'refused'; readonly rpcCode: number }
  /** It was lost, or the server did not keep to the protocol. */
  | { readonly kind: 'failed'; readonly problem: Problem; readonly detail: string };

export const COMPLETE: Ending = { kind: 'complete' };

/** Whoever opened it. Nothing is called inside `open`, and nothing after `ended`. */
export interface SubscriptionOwner {
  acknowledged(subscription: UpstreamSubscription): void;
  event(subscription: UpstreamSubscription, topic: Topic, message: Message): void;
  ended(subscription: UpstreamSubscription, ending: Ending): void;
}

/** How long the server may take to acknowledge, in milliseconds, and the revision it is asked in. */
export interface SubscriptionTerms {
  readonly revision: Revision;
  readonly timeoutMs: number;
}

/**
 * One `subscriptions/listen` of the gateway's own with a server. It asks under the gateway's name and declares no capability
 * but that of hearing of tasks: no listener's `_meta` may speak for the others.
 */
export class UpstreamSubscription implements CallSink {
  readonly asked: ReadonlySet<Topic>;
  /** What the server agreed to; nothing before the acknowledgement. */
  granted: ReadonlySet<Topic> = new Set();
  private owner: SubscriptionOwner;
  private handle: CallHandle | undefined;
  private state: 'opening' | 'open' | 'over' = 'opening';

  constructor(asked: ReadonlySet<Topic>, owner: SubscriptionOwner) {
    this.asked = asked;
    this.owner = owner;
  }

  open(lane: Lane, { revision, timeoutMs }: SubscriptionTerms): void {
    const message = listenRequest(this.asked, revision);
    this.handle = lane.dispatch({ message, revision, decisionId: 'subscription', paramHeaders: [], timeoutMs }, this);
  }

  /** Somebody else hears what becomes of it from now on. */
  handTo(owner: SubscriptionOwner): void {
    this.owner = owner;
  }

  /** Ends it from this side: the server is told, and nothing more is heard. Idempotent. */
  close(reason: string): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.handle?.cancel(reason);
  }

  opened(): void {}

  /** Never holds the lane up: who listens is bounded, and cut, on the other side. */
  message(message: Message): boolean {
    if (this.state === 'over' || message.kind !== 'notification') return true;
    if (message.method === 'notifications/cancelled') this.cancelledByServer(message);
    else if (message.meta?.id(META_SUBSCRIPTION_ID) !== this.handle?.upstreamId) return true;
    else if (message.method === ACKNOWLEDGED) this.acknowledged(message);
    else if (this.state === 'open') this.event(message);
    return true;
  }

  settled(response: Message): void {
    this.end(response.kind === 'error' ? refusal(response) : this.lastResult(response));
  }

  failed(problem: Problem, detail: string): void {
    this.end({ kind: 'failed', problem, detail });
  }

  private acknowledged(message: Message): void {
    if (this.state !== 'opening') return;
    const filter = message.params?.object('notifications');
    const said = filter === undefined ? new Set<Topic>() : readTopics(filter, Number.MAX_SAFE_INTEGER);
    // More than was asked for is not believed.
    this.granted = said instanceof Set ? intersection(this.asked, said) : new Set();
    this.state = 'open';
    this.owner.acknowledged(this);
  }

  private event(message: Message): void {
    const topic = topicOf(message);
    if (topic !== undefined && tellsOf(this.granted, topic)) this.owner.event(this, topic, message);
  }

  /** Another way for a server to end it of its own accord (MCP 2026-07-28, patterns/cancellation). */
  private cancelledByServer(message: Message): void {
    if (message.params?.id('requestId') !== this.handle?.upstreamId) return;
    this.handle?.cancel('the server ended the subscription');
    this.end(this.properly());
  }

  private lastResult(response: Message): Ending {
    const type = response.result?.string('resultType');
    return type === 'complete' ? this.properly() : invalid('the final result of a subscription is not a complete one');
  }

  /** What was never acknowledged has not stood, so it cannot come to a proper end. */
  private properly(): Ending {
    return this.state === 'open' ? COMPLETE : invalid('the subscription was ended without an acknowledgement');
  }

  private end(ending: Ending): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.owner.ended(this, ending);
  }
}

/** HeaderMismatch and its kin: about the request as the gateway made it, which no client can mend. */
const ABOUT_OUR_REQUEST: ReadonlySet<number> = new Set([-32020, -32021, -32022]);

function refusal(response: Message): Ending {
  const code = response.error?.id('code');
  if (typeof code !== 'number') return invalid('an error without a code');
  if (!ABOUT_OUR_REQUEST.has(code)) return { kind: 'refused', rpcCode: code };
  return invalid(`JSON-RPC ${code}: the server objects to the subscription as this gateway asked for it`);
}

function invalid(detail: string): Ending {
  return { kind: 'failed', problem: PROBLEMS.UPSTREAM_INVALID, detail };
}

function listenRequest(topics: ReadonlySet<Topic>, revision: Revision): Message {
  // A server may tell of tasks only to a client that knows of them.
  const capabilities = [...topics].some((topic) => taskOf(topic) !== undefined)
    ? `{"extensions":{"${TASKS_EXTENSION}":{}}}`
    : '{}';
  const meta = `{"${META_PROTOCOL_VERSION}":"${revision}","${META_CLIENT_CAPABILITIES}":${capabilities}}`;
  const params = `{"notifications":${writeTopics(topics)},"_meta":${meta}}`;
  const message = scanMessage(writeRequest(0, LISTEN, params));
  if (isScanFailure(message)) throw new Error(`the gateway wrote a request it cannot read: ${message.detail}`);
  return message;
}

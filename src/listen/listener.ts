import type { EventCopies } from './event-copies.ts';
import type { Topic } from './topics.ts';
import type { Ending, SubscriptionTerms } from './upstream-subscription.ts';

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

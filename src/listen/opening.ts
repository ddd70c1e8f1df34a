import type { Listener } from './listener.ts';
import { writeTopics } from './topics.ts';
import type { UpstreamSubscription } from './upstream-subscription.ts';

/**
 * Milliseconds the server may take to acknowledge until those it concerns are set apart. From there on nobody waits for what
 * another wants, and they themselves wait for as long as their calls may take.
 */
const PATIENCE_MS = 2_000;

/** A subscription the server was asked for and has not acknowledged yet. */
export class Opening {
  readonly subscription: UpstreamSubscription;
  /** Who waits for it; nobody when only a narrower one is wanted. Some may have left. */
  readonly candidates: readonly Listener[];
  private readonly patience: NodeJS.Timeout;
  private readonly onSlow: () => void;
  private isOver = false;

  constructor(subscription: UpstreamSubscription, candidates: readonly Listener[], onSlow: () => void) {
    this.subscription = subscription;
    this.candidates = candidates;
    this.onSlow = onSlow;
    // What has arrived while this process was busy counts, so it is read first.
    this.patience = setTimeout(() => setImmediate(slow, this), PATIENCE_MS).unref();
  }

  /** What all candidates want alike, so that whatever becomes of it concerns each of them; undefined when they differ. */
  get filter(): string | undefined {
    const filters = new Set(this.candidates.map(({ topics }) => writeTopics(topics)));
    return filters.size === 1 ? [...filters][0] : undefined;
  }

  /** It is acknowledged, refused or given up. */
  over(): void {
    this.isOver = true;
    clearTimeout(this.patience);
  }

  /** Patience is at an end. */
  slow(): void {
    if (!this.isOver) this.onSlow();
  }
}

function slow(opening: Opening): void {
  opening.slow();
}

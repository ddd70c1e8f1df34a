export interface RestartSettings {
  readonly backoff_ms: number;
  readonly backoff_max_ms: number;
  readonly crash_loop_after: number;
  readonly stable_after_ms: number;
}

/** One start that was let through, to be handed back when the child has ended. */
export interface Attempt {
  readonly at: number;
  readonly trial: boolean;
}

/** How long one child that has yet to answer holds up the others, after a failure. What exits at once has exited by then. */
const PROOF_MS = 1_000;
/** How often those that wait for it look. */
const LOOK_MS = 25;

/**
 * When a child may be started again. After an exit before `stable_after_ms` the next start waits `backoff_ms`, twice as
 * long after each further one, up to `backoff_max_ms`. After `crash_loop_after` in a row nobody waits any more: starts
 * are refused until the pause is over, and then one is tried while the others are still refused.
 *
 * After a failure children are started one by one until one has answered or gone on for a second: a crowd of sessions must not make
 * a crowd of processes that all exit at once.
 *
 * An exit the gateway wished for says nothing. Children that were started before the last failure and die of the same
 * cause count as one failure, or ten sessions at once would make a loop of a single mishap.
 */
export class RestartGate {
  readonly #settings: RestartSettings;
  readonly #now: () => number;
  #failures = 0;
  #lastFailure = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #trial: Attempt | undefined;
  /** Started after the last failure, and has not answered. */
  #unproved: Attempt | undefined;
  /** A child answered since the last failure: it runs, though it has not lasted yet. */
  #proved = false;

  constructor(settings: RestartSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  get looping(): boolean {
    return this.#failures >= this.#settings.crash_loop_after && !this.#proved;
  }

  /** Something failed lately, so it is worth watching whether the next child lasts. */
  get suspicious(): boolean {
    return this.#failures > 0;
  }

  /** Milliseconds until the next start may happen, or until it is worth asking again; 0 is now. */
  get pauseMs(): number {
    const now = this.#now();
    const unproved = this.#unproved !== undefined && now - this.#unproved.at < PROOF_MS;
    return Math.max(unproved ? LOOK_MS : 0, this.#notBefore - now);
  }

  /** In a crash loop: true while starts are refused instead of delayed. */
  get refuses(): boolean {
    return this.looping && (this.#trial !== undefined || this.pauseMs > 0);
  }

  /** To be called for each start, when it is neither refused nor to be delayed. */
  begin(): Attempt {
    const attempt = { at: this.#now(), trial: this.looping };
    if (attempt.trial) this.#trial = attempt;
    if (this.#failures > 0 && !this.#proved) this.#unproved = attempt;
    return attempt;
  }

  /** The child answered. The loop is over, until the next early exit. */
  answered(): void {
    this.#proved = true;
    this.#trial = undefined;
    this.#unproved = undefined;
  }

  /** A child has lasted. What was before is forgotten. */
  lasted(): void {
    this.#failures = 0;
    this.#notBefore = Number.NEGATIVE_INFINITY;
    this.#trial = undefined;
    this.#unproved = undefined;
  }

  ended(attempt: Attempt, expected: boolean): void {
    if (this.#trial === attempt) this.#trial = undefined;
    if (this.#unproved === attempt) this.#unproved = undefined;
    const now = this.#now();
    if (expected) return;
    if (now - attempt.at >= this.#settings.stable_after_ms) {
      this.lasted();
      return;
    }
    if (attempt.at < this.#lastFailure) return;
    this.#failures += 1;
    this.#proved = false;
    this.#lastFailure = now;
    const doubled = this.#settings.backoff_ms * 2 ** Math.min(this.#failures - 1, 30);
    this.#notBefore = now + Math.min(doubled, this.#settings.backoff_max_ms);
  }
}

const MINUTE_MS = 60_000;

/** At most so many starts in any 60 seconds, whoever asks for them. */
export class SpawnRate {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #starts: number[] = [];

  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** Takes one start; false when none is left. */
  take(): boolean {
    const now = this.#now();
    while (this.#starts.length > 0 && now - this.#starts[0]! >= MINUTE_MS) this.#starts.shift();
    if (this.#starts.length >= this.#perMinute) return false;
    this.#starts.push(now);
    return true;
  }
}

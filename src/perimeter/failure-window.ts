/** Told apart at most. Beyond, those are forgotten that have not failed for longest: many addresses cannot fill the memory. */
export const MAX_WATCHED = 10_000;

/**
 * Counts what went wrong, by key, in a window that slides: exact, so that never more than `limit` failures lie in any window
 * without one of them having been told. Holds at most `limit` times for each key.
 */
export class FailureWindow {
  private readonly limit: number;
  private readonly windowMs: number;
  private readonly half: number;
  /** Two halves, for a map that lets its oldest go one by one searches for it ever longer. Whoever fails is in the young one. */
  private young = new Map<string, number[]>();
  private old = new Map<string, number[]>();

  constructor(limit: number, windowMs: number, most: number = MAX_WATCHED) {
    this.limit = limit;
    this.windowMs = windowMs;
    this.half = most / 2;
  }

  get size(): number {
    return this.young.size + this.old.size;
  }

  /**
   * One failure more, at `now` (milliseconds, never going back).
   * @returns whether it is the one too many: the count of this key then begins again
   */
  note(key: string, now: number): boolean {
    const times = this.young.get(key) ?? this.old.get(key) ?? [];
    // What has left the window never comes back into one.
    while (times.length > 0 && (times[0] as number) <= now - this.windowMs) times.shift();
    times.push(now);
    this.old.delete(key);
    if (times.length >= this.limit) {
      this.young.delete(key);
      return true;
    }
    this.young.set(key, times);
    if (this.young.size >= this.half) {
      this.old = this.young;
      this.young = new Map();
    }
    return false;
  }
}

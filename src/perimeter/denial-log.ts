import type { Log } from '../telemetry/log.ts';

/** Lines in one minute, all addresses together. */
export const LINES_PER_MINUTE = 20;
const MINUTE = 60_000;

/**
 * Denied addresses in the log: `Access denied for IP: 203.0.113.1`. One line for each address in a minute, a few in all, and
 * one that says how many more there were; the record has every one of them, as far as its own bound goes.
 */
export class DenialLog {
  private readonly log: Log;
  private readonly show: (address: string) => string;
  private readonly now: () => number;
  private readonly told = new Set<string>();
  private untold = 0;
  private since = Number.NEGATIVE_INFINITY;

  /**
   * @param show how an address is written
   * @param now milliseconds, monotonic
   */
  constructor(log: Log, show: (address: string) => string, now: () => number = () => performance.now()) {
    this.log = log;
    this.show = show;
    this.now = now;
  }

  /** @param address empty when nobody can tell it */
  denied(address: string, fields: Readonly<Record<string, string>>): void {
    const now = this.now();
    if (now - this.since >= MINUTE) this.begin(now);
    if (this.told.has(address) || this.told.size >= LINES_PER_MINUTE) {
      this.untold += 1;
      return;
    }
    this.told.add(address);
    const message =
      address === '' ? 'Unable to determine client IP address' : `Access denied for IP: ${this.show(address)}`;
    this.log.warn(message, fields);
  }

  private begin(now: number): void {
    if (this.untold > 0) this.log.warn('more requests from denied addresses', { count: this.untold });
    this.untold = 0;
    this.told.clear();
    this.since = now;
  }
}

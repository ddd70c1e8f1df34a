import type { Log } from '../telemetry/log.ts';

/** A page can send as many as it likes; the log must not be what it fills. */
const LINES = 10;
const WINDOW_MS = 60_000;
const KEPT = 256;

export interface BlockedPage {
  readonly decisionId: string;
  readonly route: string;
  readonly origin: string | undefined;
  /** Stable name of what happened. */
  readonly rule: string;
  /** The setting that would let it pass. */
  readonly setting: string | undefined;
}

/**
 * Says in the log which page was kept out and which setting would let it in: whoever configured it sees a browser's message
 * that names neither. So many lines a minute; of the others the number.
 */
export class BlockedPages {
  private readonly log: Log;
  private readonly now: () => number;
  private since = Number.NEGATIVE_INFINITY;
  private count = 0;

  /** @param now milliseconds, monotonic */
  constructor(log: Log, now: () => number = () => performance.now()) {
    this.log = log;
    this.now = now;
  }

  note({ decisionId, route, origin = '', rule, setting }: BlockedPage): void {
    const now = this.now();
    if (now - this.since >= WINDOW_MS) {
      const unsaid = this.count - LINES;
      if (unsaid > 0) this.log.warn('CORS policy blocked more requests', { requests: unsaid });
      this.since = now;
      this.count = 0;
    }
    this.count += 1;
    if (this.count > LINES) return;
    const page = origin.slice(0, KEPT);
    this.log.warn('CORS policy blocked request', { origin: page, rule, setting, route, decision_id: decisionId });
  }
}

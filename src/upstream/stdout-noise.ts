import type { Log } from '../telemetry/log.ts';
import type { ChildSecrets } from './child-secrets.ts';
import { LogQuota, printable } from './log-quota.ts';

const COMPLAINTS_PER_MINUTE = 5;
const SHOWN_BYTES = 4_096;
/** Lines without one message among them, after which a child is not noisy but broken: reading it would take all our time. */
const FLOOD = 10_000;

/** What a child writes to stdout that is no message: counted, shown to the operator within bounds, never passed on. */
export class StdoutNoise {
  readonly #log: Log;
  readonly #secrets: ChildSecrets;
  readonly #quota: LogQuota;
  #inARow = 0;

  constructor(log: Log, secrets: ChildSecrets, now: () => number) {
    this.#log = log;
    this.#secrets = secrets;
    this.#quota = new LogQuota(COMPLAINTS_PER_MINUTE, now);
  }

  get total(): number {
    return this.#quota.total;
  }

  /** A message came: whatever else the child prints, it also works. */
  heardMessage(): void {
    this.#inARow = 0;
  }

  /** @returns true when the child does nothing but make noise */
  hear(line: Buffer, why: string): boolean {
    this.#inARow += 1;
    if (this.#quota.take()) {
      const text = printable(Buffer.from(this.#secrets.hide(line.toString('utf8', 0, SHOWN_BYTES))));
      this.#log.warn('the server wrote a line to stdout that is no message; it was dropped', {
        why,
        text,
        lines: this.total,
      });
    }
    return this.#inARow >= FLOOD;
  }
}

import type { AuditRow } from './record.ts';

/**
 * The book of who came through.
 *
 * Rows may be reused by the caller as soon as a method returns. No row may hold a credential or a live session id.
 */
export interface Audit {
  /**
   * Records what is about to happen. The caller must await the promise, if one is returned, before it lets it
   * happen: then the record is as durable as configured.
   *
   * Rejects with `ProblemError` `AUDIT_UNAVAILABLE` when the record cannot be written; what it announces must then not
   * happen. The row is not in the file, except after a stall: a disk that did not answer in time may still write it.
   * A promise nobody awaits does not become an unhandled rejection.
   */
  write(row: AuditRow): void | Promise<void>;

  /**
   * Records what has happened: outcomes, denials, ends of streams. Never throws, never waits. The row is in the file
   * after `flush`; while the file cannot be written up to 10,000 rows are kept for it, and the rest are counted in a
   * `recovered` record.
   */
  note(row: AuditRow): void;

  /**
   * Records a refusal before authentication, within the quota those have. Never throws, never waits.
   * @param key what the quota counts by, and what the counted row names as `client`: the client address (for IPv6
   *   better its /64)
   */
  refusal(row: AuditRow, key: string): void;

  /** Everything recorded so far is in the file. Rejects as `write` does. */
  flush(): Promise<void>;

  /** Flushes, then lets the file go. Later rows are refused. Never rejects: what could not be written is logged. */
  close(): Promise<void>;

  /** False while records cannot be written; calls must then be refused and readiness must fail. */
  readonly healthy: boolean;
}

/** What `audit.enabled: false` asks for: nothing is recorded and nothing is refused for want of a record. */
export const disabledAudit: Audit = {
  write: () => undefined,
  note: () => undefined,
  refusal: () => undefined,
  flush: () => Promise.resolve(),
  close: () => Promise.resolve(),
  healthy: true,
};

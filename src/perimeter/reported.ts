/** What one policy would have refused for one reason, one address, origin or host at a time. */
export interface Reported {
  readonly policy: string;
  readonly reason: string;
  /** The address, origin or host; `(others)` for those beyond the limit. */
  readonly subject: string;
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly first: number;
  readonly last: number;
}

/** Told apart at most. What comes beyond is counted together, for each policy and reason. */
export const MOST_SUBJECTS = 1_000;
/** Most characters of a subject: callers write origins and hosts themselves. */
const LONGEST = 200;
const OTHERS = '(others)';

/** Counts what report-only mode let pass. Bounded, whatever callers send; begins anew with the process. */
export class ReportedRefusals {
  private readonly rows = new Map<string, Reported & { count: number; last: number }>();
  private subjects = 0;

  note(policy: string, reason: string, subject: string, now: number): void {
    const shown = subject.length > LONGEST ? `${subject.slice(0, LONGEST - 1)}…` : subject;
    const row = this.rows.get(keyOf(policy, reason, shown)) ?? this.newRow(policy, reason, shown, now);
    row.count += 1;
    row.last = now;
  }

  /** Most first. */
  summary(): Reported[] {
    return [...this.rows.values()].map((row) => ({ ...row })).sort((a, b) => b.count - a.count);
  }

  private newRow(policy: string, reason: string, subject: string, now: number) {
    const isFull = this.subjects >= MOST_SUBJECTS;
    const shown = isFull ? OTHERS : subject;
    const key = keyOf(policy, reason, shown);
    const existing = this.rows.get(key);
    if (existing !== undefined) return existing;
    if (!isFull) this.subjects += 1;
    const row = { policy, reason, subject: shown, count: 0, first: now, last: now };
    this.rows.set(key, row);
    return row;
  }
}

function keyOf(policy: string, reason: string, subject: string): string {
  return `${policy}\n${reason}\n${subject}`;
}

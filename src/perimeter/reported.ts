/** A refusal that is only reported. */
export interface OnPaper {
  readonly policy: string;
  readonly reason: string;
  /** The block of settings that objects: `security`, `mcps.crm.security`, `server`. */
  readonly place: string;
  /** What in it, as in the record; empty when that is not known. */
  readonly rule: string;
  /** The address, origin or host. */
  readonly subject: string;
}

/**
 * How often one rule would have refused one address, origin or host. For those beyond the limit the subject is `(others)` and
 * the rule empty.
 */
export interface Reported extends OnPaper {
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly first: number;
  readonly last: number;
}

/** Told apart at most. What comes beyond is counted together, for each policy, reason and place. */
export const MOST_SUBJECTS = 1_000;
/** Most characters of a subject or a rule: callers write origins and hosts themselves. */
const LONGEST = 200;
const OTHERS = '(others)';

/** Counts what report-only mode let pass. Bounded, whatever callers send; begins anew with the process. */
export class ReportedRefusals {
  private readonly rows = new Map<string, Reported & { count: number; last: number }>();
  private subjects = 0;

  note(refusal: OnPaper, now: number): void {
    const shown = { ...refusal, rule: cut(refusal.rule), subject: cut(refusal.subject) };
    const row = this.rows.get(keyOf(shown)) ?? this.newRow(shown, now);
    row.count += 1;
    row.last = now;
  }

  /** Most first. */
  summary(): Reported[] {
    return [...this.rows.values()].map((row) => ({ ...row })).sort((a, b) => b.count - a.count);
  }

  private newRow(refusal: OnPaper, now: number) {
    const isFull = this.subjects >= MOST_SUBJECTS;
    const shown = isFull ? { ...refusal, rule: '', subject: OTHERS } : refusal;
    const key = keyOf(shown);
    const existing = this.rows.get(key);
    if (existing !== undefined) return existing;
    if (!isFull) this.subjects += 1;
    const row = { ...shown, count: 0, first: now, last: now };
    this.rows.set(key, row);
    return row;
  }
}

function keyOf({ policy, reason, place, rule, subject }: OnPaper): string {
  return `${policy}\n${reason}\n${place}\n${rule}\n${subject}`;
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

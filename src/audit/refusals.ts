import type { AuditRow } from './record.ts';
import type { Timers } from './timers.ts';

export interface RefusalSettings {
  /** Refusals recorded in full per address and reason in one window, as long as there is room for them among those of all. */
  readonly per_window: number;
  readonly window_ms: number;
}

/** Told apart at most; beyond, refusals are counted together. */
const MAX_KEYS = 10_000;
/** Most rows in full, and most counted rows, all addresses together, in one window: many addresses cannot fill the disk. */
export const MAX_ROWS = 1000;

interface Tally {
  readonly key: string;
  readonly sample: AuditRow;
  written: number;
  counted: number;
}

/**
 * Keeps refusals before authentication, which cost their sender nothing, from filling the disk: the first of each
 * address and reason go through as they are, the rest become one `refusals` row with a count. No refusal is
 * unaccounted for: rows in full plus counts always add up.
 */
export class RefusalTable {
  readonly #settings: RefusalSettings;
  readonly #timers: Timers;
  readonly #record: (row: AuditRow) => void;
  readonly #tallies = new Map<string, Tally>();
  #written = 0;
  #overflow = 0;
  #window: unknown;

  /** @param record must not throw */
  constructor(settings: RefusalSettings, timers: Timers, record: (row: AuditRow) => void) {
    this.#settings = settings;
    this.#timers = timers;
    this.#record = record;
  }

  /** @param full false while nothing can be written: then it is counted only, and takes no memory per row */
  add(row: AuditRow, key: string, full: boolean): void {
    this.#window ??= this.#timers.setTimeout(() => this.#close(), this.#settings.window_ms);
    const tally = this.#tally(row, key);
    if (tally === undefined) {
      this.#overflow += 1;
    } else if (full && tally.written < this.#settings.per_window && this.#written < MAX_ROWS) {
      tally.written += 1;
      this.#written += 1;
      this.#record(row);
    } else {
      tally.counted += 1;
    }
  }

  /** Writes the counts so far. The window goes on: what was spent of it stays spent. */
  flush(): void {
    let rows = 0;
    for (const tally of this.#tallies.values()) {
      if (tally.counted === 0) continue;
      if (++rows > MAX_ROWS) this.#overflow += tally.counted;
      else this.#record(counted(tally));
      tally.counted = 0;
    }
    if (this.#overflow === 0) return;
    this.#record({
      type: 'refusals',
      verdict: 'deny',
      count: this.#overflow,
      detail: 'from more addresses than are told apart',
    });
    this.#overflow = 0;
  }

  stop(): void {
    if (this.#window !== undefined) this.#timers.clearTimeout(this.#window);
    this.#window = undefined;
  }

  #tally(row: AuditRow, key: string): Tally | undefined {
    const name = `${row.verdict} ${row.reason ?? ''}\n${key}`;
    const existing = this.#tallies.get(name);
    if (existing !== undefined) return existing;
    if (this.#tallies.size >= MAX_KEYS) return undefined;
    // The table outlives the request, so it keeps what the counted row needs and nothing the caller sent.
    const { verdict, policy, rule, reason, status } = row;
    const sample: AuditRow = { type: 'refusals', verdict, policy, rule, reason, status };
    const tally = { key, sample, written: 0, counted: 0 };
    this.#tallies.set(name, tally);
    return tally;
  }

  #close(): void {
    this.#window = undefined;
    this.flush();
    this.#tallies.clear();
    this.#written = 0;
  }
}

function counted({ key, sample, counted: count }: Tally): AuditRow {
  return { ...sample, client: key, count };
}

const MINUTE_MS = 60_000;
const LONGEST = 200;

/** Lets the first few lines of each minute into the log and counts the rest, so that a noisy child cannot fill a disk. */
export class LogQuota {
  /** All lines ever seen, logged or not. */
  total = 0;
  readonly #perMinute: number;
  readonly #now: () => number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #used = 0;

  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** True when this line may be logged. */
  take(): boolean {
    this.total += 1;
    const now = this.#now();
    if (now - this.#windowStart >= MINUTE_MS) {
      this.#windowStart = now;
      this.#used = 0;
    }
    if (this.#used >= this.#perMinute) return false;
    this.#used += 1;
    return true;
  }
}

/**
 * What a child wrote, for a person to read: at most 200 characters, control characters (a terminal would obey them) as `\xNN`.
 */
export function printable(bytes: Buffer, longest: number = LONGEST): string {
  const text = bytes.subarray(0, longest * 4).toString('utf8');
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return short.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}

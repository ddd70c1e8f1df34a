const UNITS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const MAX_MS = 100 * 366 * 86_400_000;

/** `90s`, `30m`, `24h`, `30d`, `2w`, or `0`, as milliseconds; undefined when it is none, or longer than a hundred years. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d{1,9})([smhdw])$/.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * UNITS[match[2]!]!;
  return ms <= MAX_MS ? ms : undefined;
}

/**
 * A moment as milliseconds since the epoch: a duration from `now`, a date (its first instant in UTC), or a date and time with
 * its zone. Undefined when it is none of these, or no real date.
 */
export function parseMoment(text: string, now: number): number | undefined {
  const duration = parseDuration(text);
  if (duration !== undefined) return now + duration;
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)) return undefined;
  const day = text.slice(0, 10);
  const firstInstant = Date.parse(day);
  if (Number.isNaN(firstInstant) || !new Date(firstInstant).toISOString().startsWith(day)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

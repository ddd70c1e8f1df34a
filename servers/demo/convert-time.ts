export interface ZonedTime {
  zone: string;
  /** ISO 8601 without offset, to the second. */
  local: string;
  /** `+01:00` */
  offset: string;
  weekday: string;
}

export interface ConvertedTime {
  [key: string]: unknown;
  /** ISO 8601 in UTC. */
  instant: string;
  note?: string;
  times: ZonedTime[];
}

const WALL_CLOCK = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?$/;
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const DAY = 86_400_000;

/**
 * Tells a wall-clock time of one zone in others.
 * @param now milliseconds since the epoch, used for the time `now`.
 * @throws RangeError for a time that is no date, and for a zone nobody knows.
 */
export function convertTime(time: string, from: string, to: readonly string[], now: number): ConvertedTime {
  const source = new Zone(from);
  const zones = to.map((name) => new Zone(name));
  const { instant, note } =
    time.trim().toLowerCase() === 'now' ? { instant: now, note: undefined } : resolve(time, source);
  return {
    instant: new Date(instant).toISOString(),
    ...(note === undefined ? {} : { note }),
    times: zones.map((zone) => zone.tell(instant)),
  };
}

/** The moment at which the clocks of a zone show a time; where they show it twice, the first; where never, as if they had not been turned. */
function resolve(time: string, zone: Zone): { instant: number; note: string | undefined } {
  const wall = parse(time);
  // The offsets in force a day before and a day after cover every way a clock is turned in between.
  const offsets = [...new Set([zone.offsetAt(wall - DAY), zone.offsetAt(wall + DAY)])];
  const instants = offsets
    .map((offset) => wall - offset)
    .filter((instant) => zone.offsetAt(instant) === wall - instant);
  const [first, second] = instants.sort((a, b) => a - b);
  if (first === undefined) {
    const note = `${time} does not exist in ${zone.name}: the clocks are turned forward over it.`;
    return { instant: wall - (offsets[0] as number), note };
  }
  const note = second === undefined ? undefined : `${time} happens twice in ${zone.name}; this is the first.`;
  return { instant: first, note };
}

/** Wall-clock text as milliseconds, read as if it were UTC. */
function parse(time: string): number {
  const match = WALL_CLOCK.exec(time.trim());
  if (match === null) throw new RangeError(`${JSON.stringify(time)} is not a time such as 2026-11-21T14:30, or "now"`);
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const wall = new Date(0);
  wall.setUTCFullYear(year, month - 1, day);
  wall.setUTCHours(hour, minute, second);
  // 31 February and 25:00 roll over instead of failing; a value that comes back different was no date.
  const same = wall.getUTCMonth() === month - 1 && wall.getUTCDate() === day && wall.getUTCHours() === hour;
  if (!same || minute > 59 || second > 59) throw new RangeError(`${JSON.stringify(time)} is not a date that exists`);
  return wall.getTime();
}

class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;

  constructor(name: string) {
    this.name = name;
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
        era: 'short',
      });
    } catch {
      throw new RangeError(`${JSON.stringify(name)} is not an IANA time zone such as Europe/Berlin`);
    }
  }

  /** What the clocks show at a moment, as milliseconds read as if they were UTC. */
  #wallAt(instant: number): number {
    const part: Record<string, string> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) part[type] = value;
    const year = part.era === 'BC' ? 1 - Number(part.year) : Number(part.year);
    const wall = new Date(0);
    wall.setUTCFullYear(year, Number(part.month) - 1, Number(part.day));
    wall.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second));
    return wall.getTime();
  }

  /** Milliseconds the zone is ahead of UTC at a moment. */
  offsetAt(instant: number): number {
    return this.#wallAt(instant) - Math.floor(instant / 1000) * 1000;
  }

  tell(instant: number): ZonedTime {
    const offset = this.offsetAt(instant);
    const wall = new Date(this.#wallAt(instant));
    return {
      zone: this.name,
      local: wall.toISOString().replace(/\.\d+Z$/, ''),
      offset: writeOffset(offset),
      weekday: WEEKDAYS[wall.getUTCDay()] as string,
    };
  }
}

function writeOffset(offset: number): string {
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

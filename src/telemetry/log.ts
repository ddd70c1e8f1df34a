import pino from 'pino';
import { safeFields } from './redact.ts';

/**
 * Where the gateway tells its operator what happens. Never the audit record, never standard output.
 *
 * Calls return at once and never throw. Fields whose key names a secret (authorization, token, secret, password,
 * api_key, cookie) are replaced; secrets in messages are not looked for, so none may be put there.
 * Nothing on the request path logs a line per request.
 */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** The same log with fields that every line carries. A line's own field of the same name stands in its place. */
  child(fields: Readonly<Record<string, unknown>>): Log;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogSettings {
  /** The least severe level written. */
  readonly level: LogLevel;
  /** `pretty`: one line for a person. `json`: one JSON object a line, for machines. */
  readonly format: 'pretty' | 'json';
  /** Takes whole lines, newline included. Default: standard error, written before the call returns. */
  readonly destination?: { write(line: string): void };
}

/** The default log: pino behind the port. */
export function createLog(settings: LogSettings): Log {
  const destination = settings.destination ?? pino.destination({ fd: 2, sync: true });
  const toLine = settings.format === 'json' ? safeLine : prettyLine;
  const backend = pino(
    {
      level: settings.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void destination.write(toLine(line)) },
  );
  return new PinoLog(backend, {});
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a child are kept here and not in pino, which would write a key of both the child and the line twice. */
class PinoLog implements Log {
  readonly #backend: pino.Logger;
  readonly #carried: Fields;

  constructor(backend: pino.Logger, carried: Fields) {
    this.#backend = backend;
    this.#carried = carried;
  }

  debug(message: string, fields?: Fields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: Fields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: Fields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: Fields): void {
    this.#write('error', message, fields);
  }

  child(fields: Fields): Log {
    return new PinoLog(this.#backend, { ...this.#carried, ...reserved(safeFields(fields)) });
  }

  #write(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: Fields | undefined): void {
    if (!this.#backend.isLevelEnabled(level)) return;
    const own = fields === undefined ? {} : reserved(safeFields(fields));
    this.#backend[level]({ ...this.#carried, ...own }, message);
  }
}

/** A field may not take the place of the line's own time, level or message: JSON with a key twice reads two ways. */
function reserved(fields: Record<string, unknown>): Record<string, unknown> {
  for (const key of ['time', 'level', 'message']) {
    if (!Object.hasOwn(fields, key)) continue;
    fields[`${key}_`] = fields[key];
    delete fields[key];
  }
  return fields;
}

/** What JSON leaves bare and a terminal or a line reader may act on: DEL, C1 controls, line and bidi separators. */
const UNSAFE = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function safeLine(line: string): string {
  return line.replace(UNSAFE, escaped);
}

/** `07:50:01.123 WARN  message key=value`: the local time of day, because a person reads it as it happens. */
function prettyLine(line: string): string {
  const { time, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = timeOfDay(new Date(String(time)));
  const pairs = Object.entries(fields).map(([key, value]) => ` ${plain(key)}=${prettyValue(value)}`);
  return `${clock} ${String(level).toUpperCase().padEnd(5)} ${plain(String(message ?? ''))}${pairs.join('')}\n`;
}

function timeOfDay(date: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

function plain(text: string): string {
  return text.replace(CONTROL, escaped);
}

const BARE = /^[^\s"=\\]+$/;

function prettyValue(value: unknown): string {
  if (typeof value === 'string' && BARE.test(value)) return plain(value);
  return safeLine(JSON.stringify(value));
}

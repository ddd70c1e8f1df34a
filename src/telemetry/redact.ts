/** Key names whose value is a secret whatever it holds: `token`, `clientSecret`, `X-Api-Key`, `set_cookie`, `passwords`. */
const SECRET_KEY = /(?:authorization|token|secret|password|apikey|cookie)s?$/;
const SEPARATORS = /[-_.\s]/g;

/** What stands in the log where a secret stood. */
export const REDACTED = '[redacted]';

const MAX_DEPTH = 6;
const MAX_TEXT = 8192;

/**
 * A copy of log fields that is safe to write: secrets replaced by their key's name, errors reduced to text,
 * cycles and depth bounded, values JSON cannot hold (bigint, function, symbol) as text. Never throws.
 *
 * It works on keys: a secret inside a message or under an innocent key is the caller's fault and is not found.
 */
export function safeFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return safeRecord(fields, 0);
}

function safeRecord(record: object, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const key of Object.keys(record)) {
    const value = read(record, key);
    if (value === undefined) continue;
    const hidden = isSecretKey(key) && value !== null && typeof value !== 'boolean';
    Object.defineProperty(safe, key, {
      value: hidden ? REDACTED : safeValue(value, depth + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return safe;
}

function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key.toLowerCase().replace(SEPARATORS, ''));
}

/** A getter that throws must not take the log line, or the request that wrote it, with it. */
function read(record: object, key: string): unknown {
  try {
    return (record as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}

function safeValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return value.length <= MAX_TEXT ? value : `${value.slice(0, MAX_TEXT)}...[${value.length} characters]`;
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : safeObject(value, depth);
    default:
      return String(value);
  }
}

function safeObject(value: object, depth: number): unknown {
  if (value instanceof Error) return errorText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL) return `${value.protocol}//${value.host}${value.pathname}`;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth > MAX_DEPTH) return '[...]';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => safeValue(item, depth + 1));
  // A class that says how it is written (a wrapped secret says "[secret]") is taken at its word.
  if ('toJSON' in value && typeof value.toJSON === 'function') return jsonForm(value as { toJSON(): unknown }, depth);
  return safeRecord(value, depth);
}

function jsonForm(value: { toJSON(): unknown }, depth: number): unknown {
  try {
    return safeValue(value.toJSON(), depth + 1);
  } catch {
    return '[unreadable]';
  }
}

function errorText(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  const cause = error.cause instanceof Error && error.cause !== error ? `; caused by ${error.cause.message}` : '';
  return `${error.name}: ${error.message}${code}${cause}`;
}

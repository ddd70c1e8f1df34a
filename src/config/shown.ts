import { isMapping, type Origin } from './layer.ts';
import { entryAt } from './outline.ts';
import type { Path } from './path.ts';

const MASK = '[secret]';
const LONGEST = 80;
/** Below this a masked text would blank out ordinary words. Secrets that short are refused anyway. */
const SHORTEST_SCRUBBED = 8;

export function valueAt(path: Path, root: unknown): unknown {
  let value = root;
  for (const key of path)
    value = isMapping(value) || Array.isArray(value) ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  return value;
}

/** True inside a group around secrets. */
export function isGuarded(path: Path, root: unknown): boolean {
  return path.some((_, index) => entryAt(path.slice(0, index), root)?.about?.guarded === true);
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** Credentials hide in the user part and the query of addresses; control characters would write their own lines. */
function withoutCredentials(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .replaceAll(/[^\s/]+@/g, `${MASK}@`)
    .replaceAll(/\?.+/g, '?…');
}

/**
 * The value at a path as it may be printed: cut, and masked where the setting, its neighbours or anything inside it may be secret.
 * A text that came from a template is shown as it stands in the file.
 */
export function shownValue(path: Path, root: unknown, origin: Origin | undefined): string | undefined {
  const value = valueAt(path, root);
  if (value === undefined || value === null) return undefined;
  const entry = entryAt(path, root);
  if (entry === undefined) return undefined;
  if (entry.holdsSecret || (typeof value === 'string' && isGuarded(path, root))) return MASK;
  // Inside a list or record that is marked as a whole.
  if (path.some((_, index) => entryAt(path.slice(0, index), root)?.about?.secret)) return MASK;
  if (Array.isArray(value)) return 'a list';
  if (isMapping(value)) return 'a mapping';
  if (typeof value !== 'string') return cut(String(value));
  return cut(JSON.stringify(withoutCredentials(origin?.written ?? value)));
}

/** Every text that stands where a secret belongs, so that no message repeats it by another way. */
export function secretTexts(root: unknown): string[] {
  const texts: string[] = [];
  const walk = (value: unknown, path: Path, within: boolean): void => {
    const secret = within || entryAt(path, root)?.about?.secret === true;
    if (typeof value === 'string' && secret) texts.push(value);
    else if (Array.isArray(value)) for (const [index, item] of value.entries()) walk(item, [...path, index], secret);
    else if (isMapping(value)) for (const [key, member] of Object.entries(value)) walk(member, [...path, key], secret);
  };
  walk(root, [], false);
  return texts;
}

/** The last line of defence: replaces any of the secrets in a text. */
export function scrub(text: string, secrets: readonly string[]): string {
  let result = text;
  for (const secret of secrets) {
    if (secret.length >= SHORTEST_SCRUBBED) result = result.replaceAll(secret, MASK);
  }
  return result;
}

/** Where a setting is, as the parser walked there. */
export type Path = readonly PropertyKey[];

/** `mcps[0].url`. The same text in origins, provenance and faults. */
export function pathText(path: Path): string {
  let text = '';
  for (const key of path) text += typeof key === 'number' ? `[${key}]` : `${text === '' ? '' : '.'}${String(key)}`;
  return text;
}

/** Stands for a key that is not printed. */
export const UNPRINTABLE = '[unprintable key]';

const PLAIN_KEY = /^[$A-Za-z_][\w-]{0,39}$/;

/** A key as it may be printed. What does not look like a key may be a value that slipped, perhaps a secret. */
export function printableKey(key: string): string {
  const doubtful = !PLAIN_KEY.test(key) || (key.length >= 16 && /\d/.test(key));
  return doubtful ? UNPRINTABLE : key;
}

/** The path with doubtful keys masked, for people. */
export function printablePath(path: Path): string {
  return pathText(path.map((key) => (typeof key === 'number' ? key : printableKey(String(key)))));
}

import type { Entry } from './outline.ts';

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  1: true,
  0: false,
  yes: true,
  no: false,
};

/** Text from the environment, a flag or a template as the type its setting has. What does not fit stays text, to be refused with its name. */
export function coerce(entry: Entry | undefined, text: string): unknown {
  if (entry?.kind === 'boolean') return BOOLEANS[text.trim().toLowerCase()] ?? text;
  if (entry?.kind === 'number' && /^-?\d{1,15}$/.test(text.trim())) return Number(text);
  return text;
}

/** A comma list; blanks around the parts do not count. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

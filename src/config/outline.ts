import type { z } from 'zod';
import { type About, about } from './about.ts';
import { settingsSchema } from './schema/settings.ts';

type Schema = z.core.$ZodType;

/** The parts of zod's definitions the outline reads. */
interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly in?: Schema;
  readonly defaultValue?: unknown;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly options?: readonly Schema[];
  readonly discriminator?: string;
  readonly entries?: Readonly<Record<string, string>>;
  readonly values?: readonly unknown[];
}

/** One setting, or group of settings, with the wrappers of its schema taken off. */
export interface Entry {
  readonly kind: 'object' | 'array' | 'record' | 'union' | 'string' | 'number' | 'boolean' | 'choice';
  readonly about: About | undefined;
  /** False when it may be left out. */
  readonly required: boolean;
  /** True when it may be left out and then stands for nothing at all. */
  readonly optional: boolean;
  /** The default; undefined when there is none. */
  readonly fallback: unknown;
  /** Words a choice allows. */
  readonly choices: readonly string[];
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly children: ReadonlyMap<string, Entry>;
  /** Of an array or record. */
  readonly item: Entry | undefined;
  readonly options: readonly Entry[];
  readonly discriminator: string | undefined;
  /** True when the value, or anything inside it, must not be printed. */
  readonly holdsSecret: boolean;
}

const KINDS: Readonly<Record<string, Entry['kind']>> = {
  object: 'object',
  array: 'array',
  record: 'record',
  union: 'union',
  string: 'string',
  number: 'number',
  boolean: 'boolean',
  enum: 'choice',
  literal: 'choice',
};

const definition = (schema: Schema): Definition => schema._zod.def as unknown as Definition;

const known = new WeakMap<Schema, Entry>();

function outline(schema: Schema): Entry {
  const seen = known.get(schema);
  if (seen !== undefined) return seen;
  const entry = describe(schema);
  known.set(schema, entry);
  return entry;
}

function describe(outer: Schema): Entry {
  let schema = outer;
  let facts: About | undefined;
  let required = true;
  let optional = false;
  let fallback: unknown;
  for (;;) {
    facts ??= about.get(schema);
    const { type, innerType, in: input, defaultValue } = definition(schema);
    if (type === 'optional' || type === 'default' || type === 'prefault') required = false;
    if (type === 'optional') optional = true;
    if (type === 'default') fallback = defaultValue;
    const next = innerType ?? input;
    if (next === undefined) break;
    schema = next;
  }
  const { type, shape, element, valueType, options, discriminator, entries, values } = definition(schema);
  const kind = KINDS[type];
  if (kind === undefined) throw new Error(`the settings schema uses a type the outline does not know: ${type}`);
  const children = new Map(Object.entries(shape ?? {}).map(([key, child]) => [key, outline(child)]));
  const inner = element ?? valueType;
  const item = inner === undefined ? undefined : outline(inner);
  const alternatives = (options ?? []).map(outline);
  const within = [...children.values(), ...alternatives, ...(item === undefined ? [] : [item])];
  const { minValue, maxValue } = schema as unknown as { minValue?: number | null; maxValue?: number | null };
  return {
    kind,
    about: facts,
    required,
    optional,
    fallback,
    choices: entries === undefined ? (values ?? []).map(String) : Object.values(entries),
    minimum: kind === 'number' ? (minValue ?? undefined) : undefined,
    maximum: kind === 'number' ? (maxValue ?? undefined) : undefined,
    children,
    item,
    options: alternatives,
    discriminator,
    holdsSecret: facts?.secret === true || within.some((part) => part.holdsSecret),
  };
}

/** The whole configuration as a tree. */
export const OUTLINE: Entry = outline(settingsSchema);

/** The keys a mapping may have; those of the alternative that fits `value` best where there are several. */
export function keysOf(entry: Entry, value: unknown): ReadonlyMap<string, Entry> {
  return entry.kind === 'union' ? (entry.options[alternative(entry, value)]?.children ?? new Map()) : entry.children;
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Index of the alternative a value was most likely meant as: its discriminator, else the most keys in common. */
export function alternative(entry: Entry, value: unknown): number {
  if (!isMapping(value)) return 0;
  const scores = entry.options.map((option) => {
    const named = entry.discriminator === undefined ? undefined : option.children.get(entry.discriminator);
    if (named?.choices.includes(String(value[entry.discriminator as string]))) return Number.POSITIVE_INFINITY;
    return Object.keys(value).filter((key) => option.children.has(key)).length;
  });
  return scores.indexOf(Math.max(...scores));
}

/** The entry at a path, with the value there deciding between alternatives; undefined where no setting is. */
export function entryAt(path: readonly PropertyKey[], root: unknown): Entry | undefined {
  let entry: Entry | undefined = OUTLINE;
  let value = root;
  for (const key of path) {
    if (entry === undefined) return undefined;
    entry = entry.item ?? keysOf(entry, value).get(String(key));
    value = isMapping(value) || Array.isArray(value) ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return entry;
}

/** Completes "expected …" for people who have not read the reference. */
export function expectation(entry: Entry): string {
  if (entry.about?.expected !== undefined) return entry.about.expected;
  const { kind, choices, minimum, maximum } = entry;
  if (kind === 'choice') return oneOf(choices);
  if (kind === 'boolean') return 'true or false';
  if (kind === 'number') return `a whole number from ${minimum ?? 0} to ${maximum ?? Number.MAX_SAFE_INTEGER}`;
  if (kind === 'string') return 'text';
  if (kind !== 'array') return 'a mapping (key: value lines)';
  return entry.item?.kind === 'string' || entry.item?.kind === 'choice'
    ? 'a list of text'
    : 'a list (lines that begin with "-")';
}

function oneOf(choices: readonly string[]): string {
  const words = choices.filter((choice) => choice !== '');
  const named = words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`;
  return words.length === choices.length ? named : `${named}, or "" for none`;
}

/** A setting that is one value, or a list of plain values, at a fixed path. These have environment names. */
export interface Setting {
  readonly path: string;
  readonly keys: readonly string[];
  readonly entry: Entry;
  readonly list: boolean;
}

/** A value, or a list of them, that may be written in more than one type. As text it is for its schema to read. */
export function isPlain(entry: Entry): boolean {
  if (entry.kind === 'union') return entry.options.every(isPlain);
  return entry.kind === 'array' ? entry.item !== undefined && isPlain(entry.item) : entry.children.size === 0;
}

/** An item that can be written as one word, whatever else it may be. */
function isWord(item: Entry | undefined): boolean {
  return item?.kind === 'string' || item?.kind === 'choice' || (item?.options.some(isWord) ?? false);
}

function settingsUnder(entry: Entry, keys: readonly string[]): Setting[] {
  if (entry.kind === 'object') {
    return [...entry.children].flatMap(([key, child]) =>
      key.startsWith('$') ? [] : settingsUnder(child, [...keys, key]),
    );
  }
  if (entry.kind === 'union' && isPlain(entry)) return [{ path: keys.join('.'), keys, entry, list: false }];
  const list = entry.kind === 'array' && isWord(entry.item);
  const scalar =
    entry.kind === 'string' || entry.kind === 'number' || entry.kind === 'boolean' || entry.kind === 'choice';
  return list || scalar ? [{ path: keys.join('.'), keys, entry, list }] : [];
}

/** Every setting at a fixed path, in schema order. */
export const SETTINGS: readonly Setting[] = settingsUnder(OUTLINE, []);

import type { z } from 'zod';
import type { FaultCode } from './fault.ts';
import { isMapping } from './layer.ts';
import { nearest } from './nearest.ts';
import { alternative, type Entry, entryAt, expectation, keysOf, SETTINGS } from './outline.ts';
import { type Path, pathText } from './path.ts';
import { settingsSchema } from './schema/settings.ts';
import { valueAt } from './shown.ts';

/** Something wrong at a path, not yet placed in its file. */
export interface Finding {
  readonly path: Path;
  readonly code: FaultCode;
  readonly problem: string;
  readonly suggestion?: string;
  readonly remedy?: string;
}

type Issue = z.core.$ZodIssue;

/** The keys of a mapping in words, few enough to read. */
function listed(keys: Iterable<string>): string {
  const all = [...keys].filter((key) => !key.startsWith('$'));
  return all.length > 14 ? `${all.slice(0, 14).join(', ')}, …` : all.join(', ');
}

/** Where a key that does not belong here would belong. */
function elsewhere(key: string): string | undefined {
  // Other systems' JSON writes `trustProxy`.
  const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const places = SETTINGS.filter(({ path, keys }) => path === name || keys.at(-1) === name);
  return places.length === 1 ? places[0]?.path : undefined;
}

function otherAlternative(entry: Entry, key: string, value: unknown): string | undefined {
  const { discriminator, options } = entry;
  if (discriminator === undefined) return undefined;
  const chosen = options[alternative(entry, value)];
  const other = options.find((option) => option !== chosen && option.children.has(key));
  const named = other?.children.get(discriminator)?.choices[0];
  if (named === undefined) return undefined;
  return `belongs to ${discriminator}: ${named}, and this entry is ${discriminator}: ${chosen?.children.get(discriminator)?.choices[0]}`;
}

/** What lists of addresses are called elsewhere: the name nearest by its letters may be the opposite. */
const MEANT: ReadonlyMap<string, string> = new Map(
  ['', 'ip_'].flatMap((prefix) => [
    ...['allowlist', 'allow_list', 'whitelist', 'allow', 'allowed'].map(
      (name) => [`${prefix}${name}`, 'ip_whitelist'] as const,
    ),
    ...['denylist', 'deny_list', 'blocklist', 'block_list', 'blacklist', 'deny', 'denied'].map(
      (name) => [`${prefix}${name}`, 'ip_blacklist'] as const,
    ),
  ]),
);

function unknownKey(parent: Path, key: string, root: unknown): Finding {
  const path = [...parent, key];
  const entry = entryAt(parent, root);
  if (entry === undefined) return { path, code: 'unknown-key', problem: 'is not a setting' };
  const value = valueAt(parent, root);
  const keys = keysOf(entry, value);
  const foreign = otherAlternative(entry, key, value);
  if (foreign !== undefined)
    return { path, code: 'unknown-key', problem: foreign, remedy: `Remove it, or change ${entry.discriminator}.` };
  if (entry.kind === 'union' && entry.options.some((option) => option.children.has(key))) {
    const beside = isMapping(value) ? Object.keys(value).filter((other) => keys.has(other)) : [];
    const problem = `cannot stand beside ${listed(beside)}`;
    return { path, code: 'unknown-key', problem, remedy: 'Keep one of them; what is left is another entry.' };
  }
  const meant = MEANT.get(key);
  const suggestion = meant !== undefined && keys.has(meant) ? meant : (nearest(key, keys.keys()) ?? elsewhere(key));
  if (suggestion !== undefined)
    return { path, code: 'unknown-key', problem: 'is not a setting', suggestion: `"${suggestion}"` };
  return { path, code: 'unknown-key', problem: 'is not a setting', remedy: `Known here: ${listed(keys.keys())}.` };
}

function wrongValue(issue: Issue, path: Path, root: unknown): Finding {
  const value = valueAt(path, root);
  const entry = entryAt(path, root);
  const expected = entry === undefined ? 'something else' : expectation(entry);
  if (value === undefined) return { path, code: 'missing', problem: 'is missing', remedy: `Expected ${expected}.` };
  if (value === null)
    return { path, code: 'empty-value', problem: 'is empty', remedy: `Remove it or write ${expected}.` };
  if (issue.code === 'too_small' && Array.isArray(value))
    return { path, code: 'invalid', problem: 'needs at least one item' };
  // Another number is no slip of the pen: "1.0" is not what "1.4" was to be.
  const isWord = typeof value === 'string' && /[a-z]/i.test(value);
  const near = isWord && entry?.kind === 'choice' ? nearest(value, entry.choices) : undefined;
  const isBare = typeof value === 'number' || typeof value === 'boolean';
  const quote = isBare && (entry?.kind === 'string' || entry?.choices.includes(String(value)) === true);
  return {
    path,
    code: 'invalid',
    problem: `expected ${expected}`,
    ...(near === undefined ? {} : { suggestion: `"${near}"` }),
    ...(quote ? { remedy: 'Put quotes around it.' } : {}),
  };
}

function translate(issue: Issue, prefix: Path, root: unknown): Finding[] {
  const path = [...prefix, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, root));
    case 'invalid_union': {
      const entry = entryAt(path, root);
      const within = entry?.kind === 'union' ? issue.errors[alternative(entry, valueAt(path, root))] : undefined;
      if (within === undefined || within.length === 0) return [wrongValue(issue, path, root)];
      return within.flatMap((inner) => translate(inner, path, root));
    }
    case 'invalid_key':
      return [{ path: [...path.slice(0, -1), '?'], code: 'invalid', problem: 'is not the name of a variable' }];
    case 'custom':
      return [{ path, code: 'invalid', problem: issue.message }];
    default:
      return [wrongValue(issue, path, root)];
  }
}

/** A copy of the settings in which every entry of unknown kind has the kind it was most likely meant to have. */
function withLikelyKinds(root: unknown, paths: readonly Path[]): unknown {
  const copy = structuredClone(root);
  for (const path of paths) {
    const parent = path.slice(0, -1);
    const mapping = valueAt(parent, copy);
    const entry = entryAt(parent, copy);
    if (!isMapping(mapping) || entry?.discriminator === undefined) continue;
    const kinds = entry.options.map((option) => option.children.get(entry.discriminator as string)?.choices[0] ?? '');
    const written = mapping[entry.discriminator];
    const near = typeof written === 'string' ? nearest(written, kinds) : undefined;
    mapping[entry.discriminator] = near ?? kinds[alternative(entry, mapping)];
  }
  return copy;
}

const isUnknownKind = (issue: Issue): boolean =>
  issue.code === 'invalid_union' &&
  'discriminator' in issue &&
  issue.discriminator !== undefined &&
  issue.errors.length === 0;

/** Leaves out what only follows from another finding, so that one mistake is one fault. */
function withoutConsequences(findings: readonly Finding[]): Finding[] {
  const parentOf = (path: Path): string => pathText(path.slice(0, -1));
  const unknown = findings.filter(({ code }) => code === 'unknown-key');
  const parents = new Set(unknown.map(({ path }) => parentOf(path)));
  const meant = new Set(unknown.map(({ path, suggestion }) => `${parentOf(path)} ${suggestion}`));
  const told = new Set<string>();
  return findings.filter(({ path, code, suggestion, problem }) => {
    const here = pathText(path);
    if (code === 'missing' && meant.has(`${parentOf(path)} "${String(path.at(-1))}"`)) return false;
    if (code === 'invalid' && parents.has(here)) return false;
    const key = `${here} ${problem} ${suggestion}`;
    const first = !told.has(key);
    told.add(key);
    return first;
  });
}

/** The schema's judgement of settings from all layers together. */
export function judge(root: unknown): {
  findings: readonly Finding[];
  parsed: z.output<typeof settingsSchema> | undefined;
} {
  const first = settingsSchema.safeParse(root);
  if (first.success) return { findings: [], parsed: first.data };
  const kinds = first.error.issues.filter(isUnknownKind);
  if (kinds.length === 0) {
    return {
      findings: withoutConsequences(first.error.issues.flatMap((issue) => translate(issue, [], root))),
      parsed: undefined,
    };
  }
  const likely = withLikelyKinds(
    root,
    kinds.map((issue) => issue.path),
  );
  const rest = settingsSchema.safeParse(likely).error?.issues.filter((issue) => !isUnknownKind(issue)) ?? [];
  const findings = [
    ...kinds.map((issue) => kindFinding(issue, root, likely)),
    ...rest.flatMap((issue) => translate(issue, [], likely)),
  ];
  return { findings: withoutConsequences(findings), parsed: undefined };
}

function kindFinding(issue: Issue, root: unknown, likely: unknown): Finding {
  const written = valueAt(issue.path, root);
  const entry = entryAt(issue.path.slice(0, -1), likely);
  const kinds = entry?.options.map((option) => option.children.get(String(issue.path.at(-1)))?.choices[0] ?? '') ?? [];
  const near = typeof written === 'string' ? nearest(written, kinds) : undefined;
  const suggestion = near === undefined ? {} : { suggestion: `"${near}"` };
  const expected = kinds.length === 1 ? `"${kinds[0]}"` : `one of ${kinds.join(', ')}`;
  if (written === undefined)
    return { path: issue.path, code: 'missing', problem: 'is missing', remedy: `Expected ${expected}.` };
  return { path: issue.path, code: 'invalid', problem: `expected ${expected}`, ...suggestion };
}

import type { Fault } from './fault.ts';
import { type Finding, judge } from './findings.ts';
import { isMapping, type Layer, type Origin } from './layer.ts';
import { type Path, pathText, printablePath, UNPRINTABLE } from './path.ts';
import type { Draft } from './rule.ts';
import { applyRules, DOUBTS, RULES } from './rules.ts';
import type { ParsedSettings } from './schema/settings.ts';
import { isGuarded, shownValue } from './shown.ts';

export interface Judgement {
  /** Undefined exactly when there is a fault. */
  readonly parsed: ParsedSettings | undefined;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** A copy without the values at the given paths; list items become undefined, so that the others keep their place. */
function without(value: unknown, path: Path, removed: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      removed.has(pathText([...path, index])) ? undefined : without(item, [...path, index], removed),
    );
  }
  if (!isMapping(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !removed.has(pathText([...path, key])));
  return Object.fromEntries(kept.map(([key, member]) => [key, without(member, [...path, key], removed)]));
}

/** Puts a finding where the operator can see it: the value's own place, or that of the nearest thing around it. */
function place({ path, code, problem, suggestion, remedy }: Finding, { value: root, origins }: Layer): Fault {
  let origin: Origin | undefined;
  for (let length = path.length; origin === undefined && length >= 0; length--)
    origin = origins.get(pathText(path.slice(0, length)));
  const aboutKey = code === 'unknown-key' || code === 'missing' || code === 'duplicate-key';
  const position = aboutKey ? (origin?.key ?? origin) : origin;
  // A key nobody knows, among secrets, may be one.
  const hidden = code === 'unknown-key' && suggestion === undefined && isGuarded(path, root);
  const value = aboutKey ? undefined : shownValue(path, root, origin);
  return {
    code,
    ...(origin === undefined ? {} : { source: origin.source }),
    ...(position?.line === undefined ? {} : { line: position.line }),
    ...(position?.column === undefined ? {} : { column: position.column }),
    path: printablePath(hidden ? [...path.slice(0, -1), UNPRINTABLE] : path),
    ...(value === undefined ? {} : { value }),
    problem,
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(remedy === undefined ? {} : { remedy }),
  };
}

/**
 * Judges the settings of all layers together, and tells everything that is wrong at once: rules over several settings
 * are applied to what is left when faulty values are taken away.
 *
 * @param broken paths already told, about which nothing more is said
 */
export function validate(layer: Layer, broken: ReadonlySet<string>): Judgement {
  const { findings: told, parsed } = judge(layer.value);
  const findings = told.filter(({ path, code }) => code === 'unknown-key' || !broken.has(pathText(path)));
  const removed = new Set([...broken, ...told.map(({ path }) => pathText(path))]);
  const draft = (removed.has('') ? {} : without(layer.value, [], removed)) as Draft;
  const faults = [...findings, ...applyRules(RULES, draft)].map((finding) => place(finding, layer));
  const warnings = applyRules(DOUBTS, draft).map((finding) => place(finding, layer));
  return { parsed: faults.length === 0 ? parsed : undefined, faults, warnings };
}

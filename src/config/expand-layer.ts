import { coerce } from './coerce.ts';
import type { Fault } from './fault.ts';
import { isMapping, type Layer, type Origin } from './layer.ts';
import { type Entry, entryAt } from './outline.ts';
import { type Path, pathText, printablePath } from './path.ts';
import { expand, type Lookup } from './template.ts';
import type { Variables } from './variables.ts';

export interface Expanded {
  readonly layer: Layer;
  readonly faults: readonly Fault[];
  /** Paths whose template failed: already told, so nothing more is said about the value there. */
  readonly broken: ReadonlySet<string>;
  /** Names the templates use. */
  readonly names: ReadonlySet<string>;
  /** True when a secret stands in the file as plain text. */
  readonly literalSecret: boolean;
}

class LayerExpander {
  readonly faults: Fault[] = [];
  readonly broken = new Set<string>();
  readonly names = new Set<string>();
  readonly origins: Map<string, Origin>;
  literalSecret = false;
  readonly #root: unknown;
  readonly #lookup: Lookup;

  constructor(layer: Layer, variables: Variables) {
    this.#root = layer.value;
    this.origins = new Map(layer.origins);
    this.#lookup = (name) => {
      this.names.add(name);
      const found = variables.withFile(name);
      if (found === undefined) return { problem: `the variable ${name} is not set` };
      if ('problem' in found) return found;
      return found.value === '' ? { problem: `the variable ${name} is empty` } : found;
    };
  }

  walk(value: unknown, path: Path): unknown {
    if (typeof value === 'string') return this.#text(value, path);
    if (Array.isArray(value)) return value.map((item, index) => this.walk(item, [...path, index]));
    if (!isMapping(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.walk(member, [...path, key])]));
  }

  #text(text: string, path: Path): unknown {
    const { text: result, problems, whole, expanded } = expand(text, this.#lookup);
    const entry = entryAt(path, this.#root);
    if (!expanded) {
      if (isLiteralSecret(entry, path)) this.literalSecret = true;
      return text;
    }
    const here = pathText(path);
    const origin = this.origins.get(here) as Origin;
    this.origins.set(here, { ...origin, written: text });
    for (const problem of problems) {
      const { source, line, column } = origin;
      const place = { source, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
      this.faults.push({ code: 'unset-variable', ...place, path: printablePath(path), problem, remedy: REMEDY });
    }
    if (problems.length > 0) this.broken.add(here);
    return problems.length > 0 ? text : whole ? coerce(entry, result) : result;
  }
}

const REMEDY = 'Set it in the environment or in .env, or name a file with NAME_FILE.';

/** A hash opens nothing. Of a child's variables and arguments only what calls itself a secret counts as one. */
function isLiteralSecret(entry: Entry | undefined, path: Path): boolean {
  const name = String(path.at(-1));
  if (entry?.about?.secret === true) return name !== 'hash';
  return path.at(-2) === 'env' && /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL/i.test(name);
}

/** Expands the templates in every text of a file's layer. Structure cannot change: each text stays one value. */
export function expandLayer(layer: Layer, variables: Variables): Expanded {
  const expander = new LayerExpander(layer, variables);
  const value = expander.walk(layer.value, []);
  const { faults, broken, names, literalSecret, origins } = expander;
  return { layer: { value, origins }, faults, broken, names, literalSecret };
}

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the signs are what is explained
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
    const { text: result, problems, malformed, whole, expanded } = expand(text, this.#lookup);
    const entry = entryAt(path, this.#root);
    if (!expanded) {
      if (isLiteralSecret(entry, path)) this.literalSecret = true;
      return text;
    }
    const here = pathText(path);
    this.origins.set(here, { ...(this.origins.get(here) as Origin), written: text });
    if (malformed) this.#fault('syntax', path, 'holds something that is not a template', SIGNS);
    for (const problem of problems) this.#fault('unset-variable', path, problem, VARIABLE);
    if (malformed || problems.length > 0) {
      this.broken.add(here);
      return text;
    }
    return whole ? coerce(entry, result) : result;
  }

  #fault(code: Fault['code'], path: Path, problem: string, remedy: string): void {
    const { source, line, column } = this.origins.get(pathText(path)) as Origin;
    const place = { source, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
    this.faults.push({ code, ...place, path: printablePath(path), problem, remedy });
  }
}

const VARIABLE = 'Set it in the environment or in .env, or name a file with NAME_FILE.';
const SIGNS = 'Write ${NAME} or {{ .env.NAME }}; for the signs themselves write $${…} and {{ "{{" }}.';

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

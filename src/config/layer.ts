import { type Path, pathText } from './path.ts';

/** Where one value was written. */
export interface Origin {
  /** File name, `environment PORT`, `flag --port`. */
  readonly source: string;
  readonly line?: number;
  readonly column?: number;
  /** Position of the key, for faults about the key itself. */
  readonly key?: { readonly line: number; readonly column: number };
  /** As written, before templates were expanded. Shown in place of the value, which may hold a secret. */
  readonly written?: string;
}

/** Settings from one place, not validated, with the origin of every value in them. */
export interface Layer {
  readonly value: unknown;
  readonly origins: ReadonlyMap<string, Origin>;
}

export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A plain value as a layer whose every part comes from one source. Undefined members count as not there. */
export function layerOf(value: unknown, source: string): Layer {
  const origins = new Map<string, Origin>();
  const copy = (part: unknown, path: Path): unknown => {
    origins.set(pathText(path), { source });
    if (Array.isArray(part)) return part.map((item, index) => copy(item, [...path, index]));
    if (!isMapping(part)) return part;
    const present = Object.entries(part).filter(([, member]) => member !== undefined);
    return Object.fromEntries(present.map(([key, member]) => [key, copy(member, [...path, key])]));
  };
  return { value: copy(value, []), origins };
}

/** One setting as a layer. */
export function layerAt(path: Path, value: unknown, origin: Origin): Layer {
  let whole = value;
  for (const key of [...path].reverse()) whole = { [key]: whole };
  const origins = new Map<string, Origin>();
  path.forEach((_, index) => {
    origins.set(pathText(path.slice(0, index + 1)), origin);
  });
  if (Array.isArray(value)) for (const index of value.keys()) origins.set(pathText([...path, index]), origin);
  return { value: whole, origins };
}

const isWithin = (path: string, parent: string): boolean =>
  parent === '' || (path.startsWith(parent) && (path.length === parent.length || '.['.includes(path[parent.length]!)));

/** Lays `upper` over `lower`: mappings are joined, anything else (a list too) is replaced as a whole. */
export function lay(lower: Layer, upper: Layer): Layer {
  const origins = new Map(lower.origins);
  const join = (below: unknown, above: unknown, path: Path): unknown => {
    const here = pathText(path);
    if (below !== undefined && isMapping(below) && isMapping(above)) {
      const joined: Record<string, unknown> = { ...below };
      for (const [key, value] of Object.entries(above)) {
        joined[key] = Object.hasOwn(below, key) ? join(below[key], value, [...path, key]) : value;
      }
      return joined;
    }
    for (const old of origins.keys()) if (isWithin(old, here)) origins.delete(old);
    return above;
  };
  const value = join(lower.value, upper.value, []);
  for (const [path, origin] of upper.origins) if (!origins.has(path)) origins.set(path, origin);
  return { value, origins };
}

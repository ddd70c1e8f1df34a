import { type Source, target } from './source.ts';

/**
 * The floors of ARCHITECTURE.md: a module imports only from lower floors, never from a module of its own floor.
 * `problem` lies under floor 0: everybody, the scanner too, names what is refused from one catalogue.
 * `app` is src/app.ts and the files beside it, the composition root. A module that is not here does not exist.
 */
export const FLOORS: Readonly<Record<string, number>> = {
  problem: -1,
  net: 0,
  crypto: 0,
  'in-flight': 0,
  jsonrpc: 0,
  config: 1,
  telemetry: 1,
  storage: 1,
  http: 1,
  protocol: 1,
  identity: 2,
  access: 2,
  perimeter: 2,
  throttle: 2,
  vault: 2,
  audit: 2,
  upstream: 2,
  session: 2,
  policy: 3,
  listen: 3,
  stream: 3,
  catalog: 3,
  proxy: 4,
  'oauth-server': 4,
  control: 4,
  admin: 4,
  selftest: 5,
  app: 5,
  cli: 6,
};

const ROOT_FILES: Readonly<Record<string, string>> = {
  'src/app.ts': 'app',
  'src/certificate-keeper.ts': 'app',
  'src/components.ts': 'app',
  'src/estate.ts': 'app',
  'src/generation.ts': 'app',
  'src/lifecycle.ts': 'app',
  'src/listeners.ts': 'app',
  'src/parts.ts': 'app',
  'src/reload.ts': 'app',
  'src/restart-needed.ts': 'app',
  'src/upstream-yard.ts': 'app',
  'src/version.ts': 'app',
};

/**
 * Types a module may take from its own floor. Every module of floor 2 speaks of principals and roles; the words live with
 * `identity/`, which makes them, and moving them down would leave a module of nothing but two types. Never a value.
 */
const SHARED_TYPES: readonly { readonly file: string; readonly floor: number }[] = [
  { file: 'src/identity/principal.ts', floor: 2 },
  { file: 'src/identity/roles.ts', floor: 2 },
];

/** The module a file of src/ belongs to; undefined when the table has no place for it. */
function moduleOf(path: string): string | undefined {
  const module = ROOT_FILES[path] ?? /^src\/([^/]+)\//.exec(path)?.[1];
  return module !== undefined && module in FLOORS ? module : undefined;
}

/** Imports that go up or sideways, leave src/, or touch a file the table does not know. */
export function floorViolations(sources: readonly Source[]): string[] {
  return sources.flatMap((from) => {
    const module = moduleOf(from.path);
    if (module === undefined) return [`${from.path} belongs to no module of the floors table`];
    return from.imports.flatMap(({ specifier, typeOnly }) => {
      const to = target(from, specifier);
      if (to === undefined) return [];
      if (!to.startsWith('src/')) return [`${from.path} imports ${to}, which is outside src/`];
      const complaint = judge(module, to, typeOnly);
      return complaint === undefined ? [] : [`${from.path} imports ${to}: ${complaint}`];
    });
  });
}

function judge(module: string, to: string, typeOnly: boolean): string | undefined {
  const other = moduleOf(to);
  if (other === undefined) return 'it belongs to no module of the floors table';
  if (other === module) return undefined;
  const [mine, theirs] = [FLOORS[module] as number, FLOORS[other] as number];
  if (theirs < mine) return undefined;
  if (typeOnly && theirs === mine && SHARED_TYPES.some((shared) => shared.file === to && shared.floor === mine))
    return undefined;
  return `${module} is on floor ${mine}, ${other} on floor ${theirs}; imports go down only`;
}

/** Each cycle of run-time imports once, as the path that closes it. Type imports are erased and close nothing. */
export function cycles(sources: readonly Source[]): string[] {
  const edges = new Map(
    sources.map((from) => [
      from.path,
      from.imports.flatMap((i) => (i.typeOnly ? [] : (target(from, i.specifier) ?? []))),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path);
    if (seen !== -1) found.push([...trail.slice(seen), path].join(' -> '));
    if (seen !== -1 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return found;
}

import { homedir } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { impliedByAddressVariables, judgeAddressVariables } from './address-variables.ts';
import { parseDotenv } from './dotenv.ts';
import { type EnvironmentLayer, FILE_VARIABLE, readEnvironment, unknownNames } from './environment.ts';
import { type Expanded, expandLayer } from './expand-layer.ts';
import { ConfigurationError, type Fault } from './fault.ts';
import { readFlags } from './flags.ts';
import { isMapping, type Layer, lay, layerOf, type Origin } from './layer.ts';
import { type Path, pathText } from './path.ts';
import { derive, type Settings } from './settings.ts';
import { scrub, secretTexts } from './shown.ts';
import { isFault, readSource } from './source-file.ts';
import { validate } from './validate.ts';
import { Variables } from './variables.ts';
import { readTree } from './yaml-tree.ts';

export interface LoadOptions {
  /** Named by the operator (`--config`), so trusted. Relative to `cwd`. */
  file?: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Values by flag name (`public-url`) or commander attribute (`publicUrl`). */
  flags: Readonly<Record<string, unknown>>;
  cwd: string;
  /** Settings laid under the file, e.g. the demo server or the command behind `--`. */
  overlay?: unknown;
}

export interface Loaded {
  readonly settings: Settings;
  readonly warnings: readonly Fault[];
  /** Setting path → `flag --port`, `environment PORT`, `sallyport.yaml:3`, `.env:2`, `start-up` (the overlay) or `default`. */
  readonly provenance: ReadonlyMap<string, string>;
  /** Absolute; undefined when there is no file. */
  readonly file: string | undefined;
  /** Absolute. Not made here: loading has no side effects. */
  readonly stateDir: string;
  /** The environment and `.env`, for the variables children are allowed. */
  readonly environment: Readonly<Record<string, string>>;
}

const FILE_NAMES = ['sallyport.yaml', 'sallyport.yml', 'sallyport.json'];
const NOTHING: Layer = { value: {}, origins: new Map() };

interface FoundFile {
  readonly path: string;
  readonly shown: string;
  readonly text: string;
  readonly mode: number;
}

/** Reads the configuration file: the one named, else the only one lying in the working folder. */
function findFile({ file, env, cwd }: LoadOptions, faults: Fault[]): FoundFile | undefined {
  const named = file ?? env[FILE_VARIABLE];
  if (named === '')
    faults.push({
      code: 'empty-value',
      source: `environment ${FILE_VARIABLE}`,
      problem: `${FILE_VARIABLE} is set but empty`,
    });
  const candidates = named ? [resolve(cwd, named)] : FILE_NAMES.map((name) => join(cwd, name));
  const found: FoundFile[] = [];
  for (const path of candidates) {
    const shown = shownName(path, cwd);
    const remedy = `Make it yours and run chmod go-w ${shown}, or name it with --config ${shown} if you trust it.`;
    const reading = readSource(path, shown, !named, remedy);
    if (reading === undefined) continue;
    if (isFault(reading)) faults.push(reading);
    else found.push({ path, shown, ...reading });
  }
  if (named && found.length === 0 && faults.length === 0) {
    faults.push({ code: 'file', source: shownName(candidates[0] as string, cwd), problem: 'does not exist' });
  }
  if (found.length > 1) {
    const names = found.map(({ shown }) => shown).join(' and ');
    faults.push({
      code: 'conflict',
      problem: `${names} lie side by side`,
      remedy: 'Keep one, or name one with --config.',
    });
  }
  return found[0];
}

function shownName(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near === '' || near.startsWith('..') || isAbsolute(near) ? path : near;
}

/** `.env` beside the configuration file, or in the working folder when there is none. Nobody names it, so it must be ours. */
function findDotenv(folder: string, cwd: string, faults: Fault[]): ReturnType<typeof parseDotenv> & { source: string } {
  const path = join(folder, '.env');
  const source = shownName(path, cwd);
  const reading = readSource(path, source, true, `Make it yours and run chmod go-w ${source}, or remove it.`);
  if (reading !== undefined && isFault(reading)) faults.push(reading);
  const parsed =
    reading === undefined || isFault(reading) ? { variables: [], faults: [] } : parseDotenv(reading.text, source);
  faults.push(...parsed.faults);
  return { ...parsed, source };
}

function readFileLayer(
  file: FoundFile | undefined,
  variables: Variables,
  faults: Fault[],
): Expanded & { usable: boolean } {
  const nothing = {
    layer: NOTHING,
    faults: [],
    broken: new Set<string>(),
    names: new Set<string>(),
    literalSecret: false,
  };
  if (file === undefined) return { ...nothing, usable: true };
  const { layer, faults: syntax } = readTree(file.text, file.shown);
  faults.push(...syntax);
  if (layer === undefined) return { ...nothing, usable: false };
  const expanded = expandLayer(layer, variables);
  faults.push(...expanded.faults);
  return { ...expanded, usable: true };
}

/** Adds the environment's tokens behind the file's methods, in a method of their own so that no other roles rub off on them. */
function withTokens(layer: Layer, { tokens }: EnvironmentLayer): Layer {
  if (tokens.length === 0) return layer;
  const { auth } = layer.value as { auth?: { methods?: unknown } };
  const methods = isMapping(auth) ? (auth.methods ?? []) : [];
  if ((auth !== undefined && !isMapping(auth)) || !Array.isArray(methods)) return layer;
  const added = { type: 'token', tokens: tokens.map(({ entry }) => entry) };
  const origins = new Map<string, Origin>(layer.origins);
  tokens.forEach(({ variable }, index) => {
    origins.set(pathText(['auth', 'methods', methods.length, 'tokens', index]), variable.origin);
  });
  return { value: { ...(layer.value as object), auth: { ...auth, methods: [...methods, added] } }, origins };
}

function exposedSecret(file: FoundFile | undefined, literalSecret: boolean): Fault[] {
  if (file === undefined || !literalSecret || process.platform === 'win32' || (file.mode & 0o044) === 0) return [];
  const problem = 'holds secrets as plain text and can be read by other users';
  return [
    {
      code: 'exposed-secret',
      source: file.shown,
      problem,
      remedy: `Run chmod 600 ${file.shown}, or use {{ .env.NAME }}.`,
    },
  ];
}

function originText({ source, line }: Origin): string {
  return line === undefined ? source : `${source}:${line}`;
}

/** Tokens become hashes and the short form of a server's `auth` a list, so their parts come from where the whole does. */
const isReshaped = (path: Path): boolean =>
  (path[0] === 'auth' && path[1] === 'methods') || (path[0] === 'mcps' && path[2] === 'auth');

/** Where each value in force came from. */
function provenanceOf(settings: Settings, { origins }: Layer): Map<string, string> {
  const provenance = new Map<string, string>();
  const walk = (value: unknown, path: Path, around: string): void => {
    const origin = origins.get(pathText(path));
    const here = origin === undefined ? around : originText(origin);
    if (Array.isArray(value) && value.length > 0) {
      for (const [index, item] of value.entries()) walk(item, [...path, index], here);
    } else if (isMapping(value) && Object.getPrototypeOf(value) === Object.prototype) {
      for (const [key, member] of Object.entries(value))
        walk(member, [...path, key], isReshaped(path) ? here : 'default');
    } else provenance.set(pathText(path), here);
  };
  walk(settings, [], 'default');
  const stateDir = origins.get('state_dir');
  return provenance.set('state_dir', stateDir === undefined ? 'default' : originText(stateDir));
}

function defaultStateDir(folder: string | undefined, env: LoadOptions['env']): string {
  if (folder !== undefined) return join(folder, '.sallyport');
  const data = env.XDG_DATA_HOME;
  // A relative XDG_DATA_HOME must be ignored (XDG Base Directory specification).
  return join(
    data !== undefined && isAbsolute(data) ? data : join(env.HOME || homedir(), '.local', 'share'),
    'sallyport',
  );
}

/** In the order of the places, so that a file's faults read from top to bottom. */
function ordered(faults: readonly Fault[]): Fault[] {
  const sources = [...new Set(faults.map(({ source }) => source))];
  const rank = ({ source, line = 0, column = 0 }: Fault): number[] => [sources.indexOf(source), line, column];
  return faults.toSorted((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    return left.map((part, index) => part - right[index]!).find((difference) => difference !== 0) ?? 0;
  });
}

/** No fault leaves with a secret in it, whatever way the secret took into the text. */
function clean(faults: readonly Fault[], secrets: readonly string[]): Fault[] {
  return faults.map(
    (fault) =>
      Object.fromEntries(
        Object.entries(fault).map(([key, part]) => [
          key,
          typeof part === 'string' && key !== 'code' ? scrub(part, secrets) : part,
        ]),
      ) as unknown as Fault,
  );
}

/**
 * Finds, reads, layers and judges the configuration: flag over environment over file over overlay over default.
 * Touches nothing: no file is made, no name is resolved, nothing listens.
 *
 * @throws ConfigurationError with every fault found
 */
export function loadConfiguration(options: LoadOptions): Loaded {
  const { env, cwd, overlay } = options;
  const faults: Fault[] = [];
  const file = findFile(options, faults);
  const folder = file === undefined ? undefined : dirname(file.path);
  const base = folder ?? cwd;
  const found = faults.length === 0;
  const variables = new Variables(env, findDotenv(base, cwd, faults), { environment: cwd, file: base });
  const fromFile = readFileLayer(file, variables, faults);
  const environment = readEnvironment(variables);
  faults.push(...environment.faults);
  const lowest = lay(
    impliedByAddressVariables(variables),
    overlay === undefined ? NOTHING : layerOf(overlay, 'start-up'),
  );
  const beneath = lay(lowest, fromFile.layer);
  const whole = lay(withTokens(lay(beneath, environment.layer), environment), readFlags(options.flags));
  const judgement = validate(whole, fromFile.broken);
  const addresses = judgeAddressVariables(variables, isMapping(whole.value) ? whole.value : {});
  faults.push(...addresses.faults);
  // Without the file, what the environment says can still be misspelt, but how it all fits together is unknown.
  faults.push(...judgement.faults.filter(({ code }) => (found && fromFile.usable) || code === 'invalid'));
  const secrets = [...secretTexts(whole.value), ...environment.tokens.map(({ entry }) => entry.token)];
  if (faults.length > 0 || judgement.parsed === undefined)
    throw new ConfigurationError(ordered(clean(faults, secrets)));
  const { parsed } = judgement;
  const locate = (setting: string, path: string): string => {
    const { source } = whole.origins.get(setting) ?? { source: '' };
    return resolve(/^(environment|flag|start-up)/.test(source) ? cwd : base, path);
  };
  const { state_dir: ownStateDir } = parsed;
  const stateDir = ownStateDir === undefined ? defaultStateDir(folder, env) : locate('state_dir', ownStateDir);
  const allowed = parsed.mcps.flatMap((entry) => (entry.transport === 'stdio' ? entry.env_allow : []));
  const warnings = [
    // What a flag overrides means nothing.
    ...environment.warnings.filter(({ path, source }) => whole.origins.get(path ?? '')?.source === source),
    ...judgement.warnings,
    ...addresses.warnings,
    ...exposedSecret(file, fromFile.literalSecret),
    ...unknownNames(variables, new Set([...fromFile.names, ...allowed])),
  ];
  const settings = derive(parsed, stateDir, locate);
  return {
    settings,
    warnings: clean(warnings, secrets),
    provenance: provenanceOf(settings, whole),
    file: file?.path,
    stateDir,
    environment: variables.plain(),
  };
}

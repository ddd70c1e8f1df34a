import { ADDRESS_SWITCHES, addressDialect, mayBeEmpty } from './address-variables.ts';
import { coerce, splitList } from './coerce.ts';
import type { Fault } from './fault.ts';
import { type Layer, lay, layerAt } from './layer.ts';
import { nearest } from './nearest.ts';
import { SETTINGS, type Setting } from './outline.ts';
import { TOKEN_VARIABLES } from './schema/auth.ts';
import { withBothLoopbacks } from './schema/trust.ts';
import type { Variable, Variables } from './variables.ts';

/** `server.port` is also `SALLYPORT_SERVER_PORT`. */
export function environmentName(setting: Setting): string {
  return `SALLYPORT_${setting.keys.join('_').toUpperCase()}`;
}

/** Names the configuration file. Only the real environment counts: `.env` is found through the file. */
export const FILE_VARIABLE = 'SALLYPORT_CONFIG';

/** A service manager that wants to know when the gateway is ready names a file descriptor here. */
export const READY_VARIABLE = 'SALLYPORT_READY_FD';

/** Every environment name of a setting: the one derived from its path and its aliases. */
export const ENVIRONMENT: ReadonlyMap<string, Setting> = new Map(
  SETTINGS.flatMap((setting) =>
    [environmentName(setting), ...(setting.entry.about?.aliases ?? [])].map((name) => [name, setting]),
  ),
);

const OUR_NAMES: ReadonlySet<string> = new Set([
  FILE_VARIABLE,
  READY_VARIABLE,
  ...ADDRESS_SWITCHES,
  ...ENVIRONMENT.keys(),
  ...TOKEN_VARIABLES.flatMap(({ name }) => [name, `${name}_FILE`]),
]);

/** `DEBUG=twenty-mcp:*` is how older instructions ask to see the addresses of clients. */
const ASKS_FOR_ADDRESSES = /(?:^|[\s,])(?:twenty-mcp|sallyport):(?:\*|addresses)(?:$|[\s,])/;

/** Names that are near one of ours by chance and mean something else to everybody. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'HOST',
  'PATH',
  'TERM',
  'HOME',
  'USER',
  'SHELL',
  'EDITOR',
  'LANG',
  'SORT',
  'PWD',
  'OAUTH_TOKEN',
]);

/** What people call settings of ours though no name is near: an address rule that silently counts for nothing is the worst kind. */
const MEANT: ReadonlyMap<string, string> = new Map([
  ['IP_WHITELIST', 'IP_ALLOWLIST'],
  ['ALLOWED_IP_LIST', 'IP_ALLOWLIST'],
  ['IP_BLACKLIST', 'SALLYPORT_SECURITY_IP_BLACKLIST'],
  ['IP_DENYLIST', 'SALLYPORT_SECURITY_IP_BLACKLIST'],
  ['IP_BLOCKLIST', 'SALLYPORT_SECURITY_IP_BLACKLIST'],
  ['BLOCKED_IPS', 'SALLYPORT_SECURITY_IP_BLACKLIST'],
  ['IP_PROTECTION', 'IP_PROTECTION_ENABLED'],
  ['TRUST_PROXY', 'TRUSTED_PROXIES'],
  ['TRUSTED_PROXY', 'TRUSTED_PROXIES'],
  ['TRUSTED_PROXY_IPS', 'TRUSTED_PROXIES'],
]);

/** Switch on, in other programs, what this release does not have. */
const NOT_HERE: ReadonlyMap<string, string> = new Map([
  ['RATE_LIMIT_WINDOW_MS', 'no rate limit'],
  ['RATE_LIMIT_MAX_REQUESTS', 'no rate limit'],
  ['SESSION_SECRET', 'no session cookie'],
]);

/** What the environment says, with the tokens it makes kept apart: they are added to the file's, not laid over them. */
export interface EnvironmentLayer {
  readonly layer: Layer;
  readonly tokens: readonly {
    readonly entry: { name: string; token: string; roles: string[] };
    readonly variable: Variable;
  }[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

function emptyFault({ name, origin }: Variable): Fault {
  return {
    code: 'empty-value',
    ...origin,
    problem: `${name} is set but empty`,
    remedy: 'Give it a value or remove it.',
  };
}

function typedValue(setting: Setting, text: string): unknown {
  return setting.list ? splitList(text) : coerce(setting.entry, text);
}

function widenedWarning({ origin }: Variable, { path }: Setting): Fault {
  return {
    code: 'rule',
    ...origin,
    path,
    problem: `names 127.0.0.1, and a proxy that connects to "localhost" may come from ::1, so ::1 is trusted as well`,
    remedy: `Set ${path}: loopback to say so, or SALLYPORT_SERVER_TRUST_PROXY to trust 127.0.0.1 alone.`,
  };
}

/** Settings from one place (`.env` or the real environment). Two names of one setting must agree there. */
function settingsFrom(from: Variable['from'], variables: Variables, faults: Fault[], warnings: Fault[]): Layer {
  let layer: Layer = { value: {}, origins: new Map() };
  const taken = new Map<Setting, { variable: Variable; value: unknown }>();
  for (const [name, setting] of ENVIRONMENT) {
    const variable = variables.get(name);
    if (variable?.from !== from) continue;
    if (variable.value.trim() === '' && !mayBeEmpty(name)) {
      faults.push(emptyFault(variable));
      continue;
    }
    const dialect = addressDialect(name, variable.value, variables);
    const value = dialect === undefined ? typedValue(setting, variable.value) : dialect.value;
    if (value === undefined) continue;
    const earlier = taken.get(setting);
    if (earlier === undefined) {
      taken.set(setting, { variable, value });
      const widened = withBothLoopbacks(name, variable.value);
      if (widened !== undefined) warnings.push(widenedWarning(variable, setting));
      layer = lay(layer, layerAt(setting.keys, widened ?? value, variable.origin));
    } else if (JSON.stringify(earlier.value) !== JSON.stringify(value)) {
      const problem = `${name} and ${earlier.variable.name} both set ${setting.path}, to different values`;
      faults.push({ code: 'conflict', ...variable.origin, path: setting.path, problem, remedy: 'Keep one of them.' });
    }
  }
  return layer;
}

function tokensFrom(variables: Variables, faults: Fault[]): EnvironmentLayer['tokens'] {
  const tokens = new Map<string, EnvironmentLayer['tokens'][number]>();
  for (const { name, role, list } of TOKEN_VARIABLES) {
    const variable = variables.withFile(name);
    if (variable === undefined) continue;
    if ('problem' in variable) {
      faults.push(variable);
      continue;
    }
    const texts = list ? splitList(variable.value) : [variable.value];
    if (texts.length === 0 || texts.includes('')) faults.push(emptyFault({ ...variable, name }));
    texts.forEach((token, index) => {
      const entry = { name: list && texts.length > 1 ? `${name} ${index + 1}` : name, token, roles: [role] };
      // The same token under two names of one role is one token, not a clash.
      if (token !== '' && !tokens.has(`${role} ${token}`)) tokens.set(`${role} ${token}`, { entry, variable });
    });
  }
  return [...tokens.values()];
}

/** Reads every environment name of ours. */
export function readEnvironment(variables: Variables): EnvironmentLayer {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const file = settingsFrom('file', variables, faults, warnings);
  const fromNames = lay(file, settingsFrom('environment', variables, faults, warnings));
  const tokens = tokensFrom(variables, faults);
  const debug = variables.get('DEBUG');
  const asked = debug !== undefined && ASKS_FOR_ADDRESSES.test(debug.value);
  const pointer = variables.get(FILE_VARIABLE);
  if (pointer?.from === 'file') {
    const problem = `${FILE_VARIABLE} cannot be set here, for this file is found through the configuration file`;
    faults.push({
      code: 'forbidden-variable',
      ...pointer.origin,
      problem,
      remedy: 'Set it in the real environment, or use --config.',
    });
  }
  // Under the settings' own names: those say it better.
  const layer = asked ? lay(layerAt(['log', 'addresses'], true, debug.origin), fromNames) : fromNames;
  return { layer, tokens, faults, warnings };
}

/**
 * Warns about names that look like ours and are not: a security setting that is silently not applied is the worst kind.
 *
 * @param expected names used on purpose elsewhere (templates, `env_allow`)
 */
export function unknownNames(variables: Variables, expected: ReadonlySet<string>): Fault[] {
  const warnings: Fault[] = [];
  for (const { name, origin } of variables.all()) {
    if (OUR_NAMES.has(name) || ELSEWHERE.has(name) || expected.has(name) || expected.has(name.replace(/_FILE$/, '')))
      continue;
    const absent = NOT_HERE.get(name);
    if (absent !== undefined) {
      const problem = `${name} has no effect: this release has ${absent}, and none is in force`;
      warnings.push({ code: 'unknown-variable', ...origin, problem, remedy: 'Remove it.' });
      continue;
    }
    const ours = name.startsWith('SALLYPORT_');
    const near = MEANT.get(name) ?? nearest(name, OUR_NAMES, ours ? 4 : name.length < 6 ? 1 : 2);
    if (near === undefined && !ours) continue;
    const suggestion = near === undefined ? {} : { suggestion: near };
    warnings.push({
      code: 'unknown-variable',
      ...origin,
      problem: `${name} is not a name of ours and is ignored`,
      ...suggestion,
    });
  }
  return warnings;
}

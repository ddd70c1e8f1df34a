import { splitList } from './coerce.ts';
import type { Fault } from './fault.ts';
import { type Layer, lay, layerAt } from './layer.ts';
import type { Draft } from './rule.ts';
import type { Variable, Variables } from './variables.ts';

/** Switches the list of `IP_ALLOWLIST` on, and with it the gateway's address filter. */
const SWITCH = 'IP_PROTECTION_ENABLED';
/** Says that everybody is meant where `ALLOWED_IPS=0.0.0.0` runs in production. */
const EVERYBODY = 'ALLOW_ALL_IPS';
const MEANT = 'i-understand';

/** Variables that say how others are read, and are settings themselves in no way. */
export const ADDRESS_SWITCHES: readonly string[] = [SWITCH, EVERYBODY];

const ON = new Set(['true', '1', 'yes']);
const OFF = new Set(['false', '0', 'no']);

function switchOf(variables: Variables): boolean | undefined {
  const text = variables.get(SWITCH)?.value.trim().toLowerCase() ?? '';
  return ON.has(text) ? true : OFF.has(text) ? false : undefined;
}

/** Read as what they mean in place of what they say: the value, undefined when it counts for nothing. */
const DIALECTS: ReadonlyMap<string, (text: string, variables: Variables) => unknown> = new Map<
  string,
  (text: string, variables: Variables) => unknown
>([
  ['IP_ALLOWLIST', (text, variables) => (switchOf(variables) === true ? splitList(text) : undefined)],
  ['ALLOWED_IPS', (text) => splitList(text).flatMap((part) => (part === '0.0.0.0' ? ['0.0.0.0/0', '::/0'] : [part]))],
  // What it is not is told by the name it was given under.
  ['IP_BLOCK_UNKNOWN', (text) => blockOrAllow(text.trim().toLowerCase())],
]);

function blockOrAllow(text: string): string | undefined {
  if (ON.has(text)) return 'block';
  if (OFF.has(text)) return 'allow';
  return text === 'block' || text === 'allow' ? text : undefined;
}

/** Whether an address variable means something else than its setting would; then `value` is what. */
export function addressDialect(name: string, text: string, variables: Variables): { value: unknown } | undefined {
  const dialect = DIALECTS.get(name);
  return dialect === undefined ? undefined : { value: dialect(text, variables) };
}

/** Empty lists are a mistake where they would mean "everybody else"; `IP_ALLOWLIST` says "this machine alone". */
export function mayBeEmpty(name: string): boolean {
  return name === 'IP_ALLOWLIST';
}

/** What the switch makes the default: below the file, which may say otherwise. */
export function impliedByAddressVariables(variables: Variables): Layer {
  let layer: Layer = { value: {}, origins: new Map() };
  const add = (path: readonly string[], value: unknown, { origin }: Variable): void => {
    layer = lay(layer, layerAt(path, value, origin));
  };
  const on = variables.get(SWITCH);
  if (on !== undefined && switchOf(variables) === true) {
    add(['security', 'ip_localhost'], 'always', on);
    add(['security', 'ip_whitelist'], [], on);
  }
  const named = [SWITCH, 'IP_ALLOWLIST', 'IP_BLOCK_UNKNOWN'].map((name) => variables.get(name)).find(Boolean);
  // The health answer clients of those variables were written for.
  if (named !== undefined) add(['health', 'service'], 'twenty-mcp-server', named);
  return layer;
}

/** What is wrong, or doubtful, with the address variables beside what each says by itself. */
export function judgeAddressVariables(
  variables: Variables,
  whole: Draft,
): { faults: readonly Fault[]; warnings: readonly Fault[] } {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const on = variables.get(SWITCH);
  const state = switchOf(variables);
  if (on !== undefined && state === undefined)
    faults.push(fault(on, 'invalid', 'expected true or false', `${SWITCH}=true switches the list of IP_ALLOWLIST on.`));
  if (on !== undefined && state === false && hasActiveList(whole))
    faults.push(
      fault(
        on,
        'conflict',
        'switches the address filter off while another setting has a list of addresses',
        'Remove the list (ALLOWED_IPS, ip_whitelist, ip_blacklist), or the switch.',
      ),
    );
  const list = variables.get('IP_ALLOWLIST');
  if (list !== undefined && (on === undefined || state === false))
    warnings.push(
      fault(list, 'rule', `has no effect without ${SWITCH}=true`, `Set ${SWITCH}=true, or remove IP_ALLOWLIST.`),
    );
  const unknown = variables.get('IP_BLOCK_UNKNOWN');
  if (
    unknown !== undefined &&
    unknown.value.trim() !== '' &&
    blockOrAllow(unknown.value.trim().toLowerCase()) === undefined
  )
    faults.push(
      fault(unknown, 'invalid', 'expected true or false', 'true refuses callers whose address nobody can tell.'),
    );
  const everybody = variables.get('ALLOWED_IPS');
  if (everybody !== undefined) judgeEverybody(everybody, variables, faults, warnings);
  return { faults, warnings };
}

/** `0.0.0.0` among `ALLOWED_IPS` means every address, of both families; nowhere else does it. */
function judgeEverybody(everybody: Variable, variables: Variables, faults: Fault[], warnings: Fault[]): void {
  const parts = splitList(everybody.value);
  const production = variables.get('NODE_ENV')?.value === 'production';
  const whole = parts.find((part) => part === '0.0.0.0/0' || part === '::/0');
  if (!parts.includes('0.0.0.0')) {
    // Written out it is meant; whether it is meant there is worth a question.
    const problem = `${whole} lets every address of its family in while NODE_ENV is production`;
    if (production && whole !== undefined)
      warnings.push(fault(everybody, 'rule', problem, 'List the addresses that may come.'));
    return;
  }
  const means = 'means every address, IPv4 and IPv6: nobody is kept out by address';
  if (production && variables.get(EVERYBODY)?.value !== MEANT) {
    const remedy = `List the addresses that may come. If everybody is meant, set ${EVERYBODY}=${MEANT}.`;
    faults.push(fault(everybody, 'rule', `0.0.0.0 ${means}, which is refused while NODE_ENV is production`, remedy));
  } else warnings.push(fault(everybody, 'rule', `0.0.0.0 ${means}`, 'List the addresses that may come.'));
}

function hasActiveList({ security, mcps }: Draft): boolean {
  const blocks = [security, ...(Array.isArray(mcps) ? mcps : []).map((entry) => entry?.security)];
  return blocks.some((block) => block?.ip_whitelist !== undefined || block?.ip_blacklist !== undefined);
}

function fault({ name, origin }: Variable, code: Fault['code'], problem: string, remedy: string): Fault {
  return { code, ...origin, path: name, problem, remedy };
}

/** A list is written down in the environment, and nobody is asked whether they are on it. */
export function ignoresAllowList(loaded: {
  readonly environment: Readonly<Record<string, string>>;
  readonly settings: { readonly security: { readonly ip_whitelist?: unknown } };
}): boolean {
  return loaded.environment.IP_ALLOWLIST !== undefined && loaded.settings.security.ip_whitelist === undefined;
}

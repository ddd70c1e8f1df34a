import { readFileSync } from 'node:fs';
import type { Settings } from '../config/settings.ts';
import { addressRuleOf, allowListOf } from '../config/trust-rules.ts';
import { Cidr, parseCidr } from '../net/cidr.ts';
import { Trust } from '../net/trust.ts';
import { isEverybody } from '../net/trust-breadth.ts';
import { isTrustFault, parseTrust, type TrustSpec, type TrustValue } from '../net/trust-grammar.ts';

/** Whose word about the client is taken, and why. For the operator: both are printed. */
export interface TrustInForce {
  readonly value: TrustValue;
  readonly why: string;
}

/**
 * What holds where `server.trust_proxy` says nothing: a proxy on this machine is believed, until addresses decide anything. From
 * then on a tunnel that ends on loopback, or a program here, could let everybody forge their way past a list or a ban, and have
 * others banned.
 */
export function trustInForce(settings: Settings): TrustInForce {
  const { trust_proxy: configured } = settings.server;
  if (configured !== undefined) return { value: configured, why: 'server.trust_proxy' };
  const rule = addressRuleOf(settings);
  return rule === undefined
    ? { value: 'loopback', why: 'server.trust_proxy is not set, and no setting goes by addresses' }
    : { value: false, why: `server.trust_proxy is not set, and ${rule} is` };
}

/**
 * Compiles the trust in force for the main listener.
 * @throws Error naming the setting, the file and the line that cannot be used
 */
export function compileTrust(settings: Settings): Trust {
  return compiled(trustInForce(settings).value, settings);
}

/** For the admin listener, which nothing stands in front of unless somebody says so. @throws as `compileTrust` */
export function compileAdminTrust(settings: Settings): Trust {
  return compiled(settings.server.trust_proxy ?? false, settings);
}

function compiled(value: TrustValue, settings: Settings): Trust {
  const spec = parseTrust(value);
  // The schema has judged it: this holds what only a mistake of ours could let through.
  if (isTrustFault(spec)) throw new Error(`server.trust_proxy ${spec.fault}. ${spec.remedy}`);
  const sets = [...setsOf(spec, settings)].map(([name, file]) => [name, readTrustSet(name, file, settings)] as const);
  return new Trust(spec, new Map(sets));
}

/** The files of `server.trust_proxy_sets` that are read, by name. */
export function trustSetsInForce(settings: Settings): ReadonlyMap<string, string> {
  const spec = parseTrust(trustInForce(settings).value);
  return isTrustFault(spec) ? new Map() : setsOf(spec, settings);
}

function setsOf(spec: TrustSpec, { server }: Settings): ReadonlyMap<string, string> {
  const files = server.trust_proxy_sets ?? {};
  const named = spec.mode === 'list' ? spec.sets.filter((name) => Object.hasOwn(files, name)) : [];
  return new Map(named.map((name) => [name, files[name] as string]));
}

/** @throws Error naming the setting, the file and the line that cannot be used */
export function readTrustSet(name: string, file: string, settings: Settings): readonly Cidr[] {
  // A network of everybody would make an allow list worthless.
  const list = settings.server.trust_proxy_spoofable ? undefined : allowListOf(settings);
  const setting = `server.trust_proxy_sets.${name}`;
  const networks: Cidr[] = [];
  for (const [index, line] of textOf(setting, file).split('\n').entries()) {
    const text = line.replace(/#.*/, '').trim();
    if (text === '') continue;
    const cidr = parseCidr(text);
    if (!(cidr instanceof Cidr))
      throw new Error(`${setting}: ${file}:${index + 1}: "${text.slice(0, 80)}" ${cidr.fault}. ${cidr.remedy}`);
    if (list !== undefined && isEverybody(cidr))
      throw new Error(
        `${setting}: ${file}:${index + 1}: ${cidr.text} believes anybody about where they come from, so anybody could forge an address of ${list}. Write the addresses of your proxies.`,
      );
    networks.push(cidr);
  }
  // Missing must not mean "nobody", silently: the proxies it was to name would be taken for clients.
  if (networks.length === 0) throw new Error(`${setting}: ${file} holds no address and no CIDR. Write one a line.`);
  return networks;
}

function textOf(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(
      `${setting}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}). Name a file that can.`,
    );
  }
}

import type { Settings } from '../config/settings.ts';
import { Cidr, parseCidr } from '../net/cidr.ts';
import { AddressList, type ListedEntry } from './address-list.ts';
import { ListFile } from './list-file.ts';
import type { LiveEntries } from './live-entries.ts';
import { Layer, NetworkRules } from './network-rules.ts';

type Block = Settings['security'];
type Written = NonNullable<Block['ip_whitelist']>;
type ServerBlock = Settings['mcps'][number]['security'];

/**
 * Compiles who may come to the main listener, and to the admin listener, where nothing is ever only reported. Files are read here, whole, before any of it is in
 * force.
 * @throws Error naming the setting, the file and the line
 */
export async function compileNetworkRules(
  { security, mcps, admin }: Pick<Settings, 'security' | 'mcps' | 'admin'>,
  live: LiveEntries,
): Promise<{ readonly data: NetworkRules; readonly admin: NetworkRules }> {
  const { ip_localhost: localhost, ip_unknown: unknown, mode } = security;
  const deny = await compileList('security.ip_blacklist', security.ip_blacklist);
  const allow = await compileList('security.ip_whitelist', security.ip_whitelist);
  const servers = new Map<string, Layer>();
  for (const { id, security: own } of mcps) {
    const layer = own === undefined ? undefined : await serverLayer(id, own, security);
    if (layer !== undefined) servers.set(id, layer);
  }
  const adminAllow = await compileList('admin.ip_whitelist', admin.ip_whitelist);
  const main = new Layer({ place: 'security', allow, deny, localhost, unknown, mode }, live);
  const operators = new Layer({ place: 'admin', allow: adminAllow, deny, localhost, unknown, mode: 'enforce' }, live);
  const enforcing = new Set(mcps.filter((server) => server.security?.mode === 'enforce').map((server) => server.id));
  return {
    data: new NetworkRules(main, servers, live, enforcing),
    admin: new NetworkRules(operators, new Map(), live),
  };
}

/** Undefined when the server's block says nothing about addresses. What it leaves open is as the gateway has it. */
async function serverLayer(id: string, own: NonNullable<ServerBlock>, gateway: Block): Promise<Layer | undefined> {
  const { ip_whitelist, ip_blacklist, ip_unknown } = own;
  if (ip_whitelist === undefined && ip_blacklist === undefined && ip_unknown === undefined) return undefined;
  const place = `mcps.${id}.security`;
  return new Layer({
    place,
    allow: await compileList(`${place}.ip_whitelist`, ip_whitelist),
    deny: await compileList(`${place}.ip_blacklist`, ip_blacklist),
    localhost: own.ip_localhost ?? gateway.ip_localhost,
    unknown: ip_unknown ?? gateway.ip_unknown,
    mode: own.mode ?? gateway.mode,
  });
}

async function compileList(setting: string, written: Written | undefined): Promise<AddressList | undefined> {
  if (written === undefined) return undefined;
  const entries: ListedEntry[] = [];
  const files: ListFile[] = [];
  for (const [index, entry] of written.entries()) {
    const place = `${setting}[${index}]`;
    if (typeof entry === 'string') entries.push(listed(entry, place));
    else if ('file' in entry) files.push(await ListFile.read(`${place}.file`, entry.file));
    else entries.push({ ...listed(entry.cidr, place), note: entry.note, expiresAt: entry.expires?.getTime() });
  }
  return new AddressList(entries, files);
}

function listed(text: string, place: string): ListedEntry {
  const cidr = parseCidr(text);
  if (!(cidr instanceof Cidr)) throw new Error(`${place} = "${text}" ${cidr.fault}. ${cidr.remedy}`);
  return { cidr, place, note: undefined, expiresAt: undefined };
}

import type { PerimeterInForce } from './in-force.ts';
import type { TrustInForce } from './trust.ts';

/** What is in force, for people who wonder whether their configuration counts. */
export interface PerimeterSummary {
  readonly mode: 'enforce' | 'report';
  /** Servers on whose routes it is the other mode: enforced there after all, or their own lists reported only. */
  readonly otherwise: readonly string[];
  /** Each list that is set, and how many entries it has, those in files among them. */
  readonly lists: readonly { readonly setting: string; readonly entries: number }[];
  /** Whose word about addresses is taken. */
  readonly trust_proxy: TrustInForce;
  readonly forwarded_header: string;
}

export function summaryOf(data: PerimeterInForce, admin: PerimeterInForce): PerimeterSummary {
  const { network, trusted, believed } = data;
  // The admin listener has the deny list of the gateway.
  const own = { ...admin.network.gateway.rules, deny: undefined };
  const lists = [...network.layers().map(({ rules }) => rules), own].flatMap(({ place, allow, deny }) => [
    ...(allow === undefined ? [] : [{ setting: `${place}.ip_whitelist`, entries: allow.size }]),
    ...(deny === undefined ? [] : [{ setting: `${place}.ip_blacklist`, entries: deny.size }]),
  ]);
  const { mode } = network.gateway.rules;
  return { mode, otherwise: network.otherwise(), lists, trust_proxy: trusted, forwarded_header: believed };
}

/** `security.ip_whitelist (3 entries), mcps.crm.security.ip_blacklist (1 entry)`. */
export function listsText(lists: PerimeterSummary['lists']): string {
  const text = lists.map(({ setting, entries }) => `${setting} (${entries} ${entries === 1 ? 'entry' : 'entries'})`);
  return text.length === 0 ? 'none' : text.join(', ');
}

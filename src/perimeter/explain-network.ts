import type { Cidr } from '../net/cidr.ts';
import type { AddressRecord } from '../storage/storage.ts';
import { touches } from './address-list.ts';
import { entryOf } from './book-entry.ts';
import type { NetworkRules } from './network-rules.ts';
import { type ShownNetwork, type ShownRule, shownListed, shownLive, shownNetwork } from './shown-rule.ts';

/** An entry that has an address in common with the network. */
export interface TouchingRule extends ShownRule {
  readonly list: 'deny' | 'allow';
  /** The entry is the same network, holds all of it, or lies in it. */
  readonly relation: 'same' | 'covers' | 'inside';
}

export interface ExplainedNetwork extends ShownNetwork {
  readonly rules: readonly TouchingRule[];
  /** How many there are; `rules` has the first hundred. */
  readonly rule_count: number;
  readonly hints: readonly string[];
}

const SHOWN = 100;

/** What a network is, and which entries hold it or parts of it. */
export function explainNetwork(
  network: Cidr,
  rules: NetworkRules,
  server: string | undefined,
  live: readonly AddressRecord[],
): ExplainedNetwork {
  const found: TouchingRule[] = [];
  const now = Date.now();
  for (const record of live) {
    const entry = entryOf(record);
    if (entry.expiresAt !== undefined && entry.expiresAt <= now) continue;
    if (touches(entry.network, network))
      found.push({ ...shownLive(entry), list: record.verdict, relation: relationOf(entry.network, network) });
  }
  let isWhole = true;
  const own = rules.layerOf(server);
  for (const { deny, allow } of [rules.gateway.rules, ...(own === undefined ? [] : [own.rules])]) {
    for (const [list, addresses] of [
      ['deny', deny],
      ['allow', allow],
    ] as const) {
      const touching = addresses?.touching(network);
      if (touching === undefined) continue;
      isWhole &&= touching.isWhole;
      for (const entry of touching.entries)
        found.push({ ...shownListed(entry), list, relation: relationOf(entry.cidr, network) });
    }
  }
  const hints = ['The first and the last address match like all between them (.0 and .255 of a /24 too).'];
  if (!isWhole) hints.push('Of lists in files only the entry for the first address is shown.');
  return { ...shownNetwork(network), rules: found.slice(0, SHOWN), rule_count: found.length, hints };
}

function relationOf(entry: Cidr, network: Cidr): TouchingRule['relation'] {
  if (entry.prefix === network.prefix) return 'same';
  return entry.prefix < network.prefix ? 'covers' : 'inside';
}

import type { FirewallEntry } from './firewall-read.ts';

export interface Overtaken {
  readonly allow: FirewallEntry;
  readonly deny: FirewallEntry;
}

/** One network and the places its entries have in the list. */
interface Place {
  readonly entry: FirewallEntry;
  readonly allowedAt: number[];
  /** The last denial of this network or of one it is in; -1 for none. */
  deniedAround: number;
  /** The last denial of this network or of one in it. */
  deniedWithin: number;
}

/**
 * Allow entries that came before a deny entry which overlaps them. A firewall takes the first rule that fits and lets them in;
 * here a denial beats every allowance. Of several denials the last is named.
 *
 * Networks hold one another or have nothing in common. In the order of their bases each comes behind those that hold it, so one
 * walk with the path to the present one is enough, however long the list is.
 */
export function overtaken(entries: readonly FirewallEntry[]): readonly Overtaken[] {
  if (!entries.some(({ action }) => action === 'deny')) return [];
  const pairs: { readonly at: number; readonly deniedAt: number }[] = [];
  const path: Place[] = [];
  const leave = ({ allowedAt, deniedAround, deniedWithin }: Place): void => {
    const deniedAt = Math.max(deniedAround, deniedWithin);
    for (const at of allowedAt) if (deniedAt > at) pairs.push({ at, deniedAt });
    const around = path.at(-1);
    if (around !== undefined) around.deniedWithin = Math.max(around.deniedWithin, deniedWithin);
  };
  const order = Array.from(entries, (_, at) => at).sort((a, b) => byPlace(entries[a]!, entries[b]!));
  for (const at of order) {
    const entry = entries[at]!;
    while (path.length > 0 && !holds(path.at(-1)!.entry, entry)) leave(path.pop()!);
    let place = path.at(-1);
    if (place === undefined || byPlace(place.entry, entry) !== 0) {
      place = { entry, allowedAt: [], deniedAround: place?.deniedAround ?? -1, deniedWithin: -1 };
      path.push(place);
    }
    if (entry.action === 'allow') place.allowedAt.push(at);
    else {
      place.deniedAround = Math.max(place.deniedAround, at);
      place.deniedWithin = Math.max(place.deniedWithin, at);
    }
  }
  while (path.length > 0) leave(path.pop()!);
  return pairs
    .sort((a, b) => a.at - b.at)
    .map(({ at, deniedAt }) => ({ allow: entries[at]!, deny: entries[deniedAt]! }));
}

/** By family and base, wide networks first. 0 for the same network. */
function byPlace(
  { cidr: { base: a, prefix: wide } }: FirewallEntry,
  { cidr: { base: b, prefix } }: FirewallEntry,
): number {
  return a.family - b.family || a.w0 - b.w0 || a.w1 - b.w1 || a.w2 - b.w2 || a.w3 - b.w3 || wide - prefix;
}

/** Behind it in that order, and in it. */
const holds = (outer: FirewallEntry, inner: FirewallEntry): boolean => outer.cidr.contains(inner.cidr.base);

import { type Cidr, cleared } from '../net/cidr.ts';
import type { IpAddress } from '../net/ip-address.ts';

/** What a table holds: a network, and until when. */
export interface Expiring {
  readonly network: Cidr;
  /** Milliseconds since the epoch; undefined when it stays. */
  readonly expiresAt: number | undefined;
}

interface Level<Key, T> {
  readonly prefix: number;
  readonly entries: Map<Key, T[]>;
}

/**
 * Networks that come and go one by one. Adding and removing cost a look-up in a map; finding costs one for each different
 * prefix length there is, and nothing while there is none. Many networks that stay as they are belong in a compiled set.
 */
export class EntryTable<T extends Expiring> {
  /** The longest prefix first: what says most about an address is found first. */
  private readonly ipv4: Level<number, T>[] = [];
  private readonly ipv6: Level<string, T>[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(entry: T): void {
    const { base, prefix } = entry.network;
    if (base.family === 4) append(this.ipv4, prefix, base.w3, entry);
    else append(this.ipv6, prefix, ipv6Key(base, prefix), entry);
    this.count += 1;
  }

  delete(entry: T): void {
    const { base, prefix } = entry.network;
    const gone =
      base.family === 4
        ? take(this.ipv4, prefix, base.w3, entry)
        : take(this.ipv6, prefix, ipv6Key(base, prefix), entry);
    if (gone) this.count -= 1;
  }

  /** The entry of the longest prefix that covers the address and has not run out by `now`. */
  find(address: IpAddress, now: number): T | undefined {
    if (this.count === 0) return undefined;
    return address.family === 4 ? this.findIpv4(address.w3, now) : this.findIpv6(address, now);
  }

  private findIpv4(bits: number, now: number): T | undefined {
    for (const { prefix, entries } of this.ipv4) {
      const found = lasting(entries.get(cleared(bits, prefix)), now);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private findIpv6(address: IpAddress, now: number): T | undefined {
    for (const { prefix, entries } of this.ipv6) {
      const found = lasting(entries.get(ipv6Key(address, prefix)), now);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function append<Key, T>(levels: Level<Key, T>[], prefix: number, key: Key, entry: T): void {
  let level = levels.find((one) => one.prefix === prefix);
  if (level === undefined) {
    level = { prefix, entries: new Map() };
    levels.push(level);
    levels.sort((a, b) => b.prefix - a.prefix);
  }
  const same = level.entries.get(key);
  if (same === undefined) level.entries.set(key, [entry]);
  else same.push(entry);
}

function take<Key, T>(levels: Level<Key, T>[], prefix: number, key: Key, entry: T): boolean {
  const at = levels.findIndex((one) => one.prefix === prefix);
  const level = levels[at];
  const same = level?.entries.get(key);
  const place = same?.indexOf(entry) ?? -1;
  if (level === undefined || same === undefined || place === -1) return false;
  same.splice(place, 1);
  if (same.length === 0) level.entries.delete(key);
  if (level.entries.size === 0) levels.splice(at, 1);
  return true;
}

function lasting<T extends Expiring>(entries: readonly T[] | undefined, now: number): T | undefined {
  if (entries === undefined) return undefined;
  for (const entry of entries) if (entry.expiresAt === undefined || entry.expiresAt > now) return entry;
  return undefined;
}

function ipv6Key({ w0, w1, w2, w3 }: IpAddress, prefix: number): string {
  const [a, b] = [cleared(w0, prefix), cleared(w1, prefix - 32)];
  return prefix <= 64 ? `${a}:${b}` : `${a}:${b}:${cleared(w2, prefix - 64)}:${cleared(w3, prefix - 96)}`;
}

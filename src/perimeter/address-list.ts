import type { Cidr } from '../net/cidr.ts';
import { type CidrSet, compileCidrSet } from '../net/cidr-set.ts';
import type { IpAddress } from '../net/ip-address.ts';

/** One entry of a list, where it stands and what it says. */
export interface ListedEntry {
  readonly cidr: Cidr;
  /** Its place: `security.ip_whitelist[2]`, `office.txt:17`. */
  readonly place: string;
  readonly note: string | undefined;
  /** Milliseconds since the epoch; undefined when it stays. */
  readonly expiresAt: number | undefined;
}

/** Some entries, compiled. */
export interface ListPart {
  readonly size: number;
  /** The most specific entry that holds the address. */
  find(address: IpAddress): ListedEntry | undefined;
  /** Entries that have an address in common with the network. Undefined where single entries are not kept. */
  touching?(network: Cidr): readonly ListedEntry[];
}

class Part implements ListPart {
  readonly size: number;
  private readonly entries: readonly ListedEntry[];
  private readonly set: CidrSet;

  constructor(entries: readonly ListedEntry[]) {
    this.entries = entries;
    this.size = entries.length;
    this.set = compileCidrSet(entries);
  }

  hasWhole(family: 4 | 6): boolean {
    return this.entries.some(({ cidr }) => cidr.prefix === 0 && cidr.family === family);
  }

  touching(network: Cidr): readonly ListedEntry[] {
    return this.entries.filter(({ cidr }) => touches(cidr, network));
  }

  find(address: IpAddress): ListedEntry | undefined {
    const index = this.set.find(address);
    return index === -1 ? undefined : this.entries[index];
  }
}

/**
 * A list of addresses in force. An entry whose end has come counts for nothing from that moment on; nothing has to run for
 * that: who asks compiles anew what is left, once for each end.
 */
export class AddressList {
  /** How many entries there are, those whose end has come among them. */
  readonly size: number;
  private readonly lasting: readonly ListPart[];
  private ending: readonly ListedEntry[];
  private endingPart: Part | undefined;
  private nextEnd: number;
  private readonly now: () => number;

  /**
   * @param files entries read from files, which never end
   * @param now milliseconds since the epoch, as `Date.now`
   */
  constructor(entries: readonly ListedEntry[], files: readonly ListPart[] = [], now: () => number = Date.now) {
    this.size = files.reduce((sum, { size }) => sum + size, entries.length);
    this.now = now;
    this.lasting = [new Part(entries.filter(({ expiresAt }) => expiresAt === undefined)), ...files];
    this.ending = entries.filter(({ expiresAt }) => expiresAt !== undefined);
    this.nextEnd = Number.NEGATIVE_INFINITY;
    this.dropEnded();
  }

  /** Every address of both families is on it by an entry that never ends. */
  get isEverybody(): boolean {
    const [everyone] = this.lasting;
    return everyone instanceof Part && everyone.hasWhole(4) && everyone.hasWhole(6);
  }

  /** When the next entry ends, in milliseconds since the epoch: what was found before may not hold then. */
  get until(): number {
    this.dropEnded();
    return this.nextEnd;
  }

  /** The entry that holds the address now. */
  find(address: IpAddress): ListedEntry | undefined {
    for (const part of this.lasting) {
      const found = part.find(address);
      if (found !== undefined) return found;
    }
    if (this.endingPart === undefined) return undefined;
    this.dropEnded();
    return this.endingPart?.find(address);
  }

  /**
   * The entries that have an address in common with the network. Of a file only the one that holds its first address is
   * known: `isWhole` is false then.
   */
  touching(network: Cidr): { readonly entries: readonly ListedEntry[]; readonly isWhole: boolean } {
    this.dropEnded();
    const parts = this.endingPart === undefined ? this.lasting : [...this.lasting, this.endingPart];
    const entries: ListedEntry[] = [];
    for (const part of parts) {
      const first = part.touching === undefined ? part.find(network.first) : undefined;
      entries.push(...(part.touching?.(network) ?? (first === undefined ? [] : [first])));
    }
    return {
      entries,
      isWhole: parts.every((part) => part.touching !== undefined),
    };
  }

  private dropEnded(): void {
    if (this.nextEnd === Number.POSITIVE_INFINITY) return;
    const now = this.now();
    if (now < this.nextEnd) return;
    this.ending = this.ending.filter(({ expiresAt }) => (expiresAt as number) > now);
    this.endingPart = this.ending.length === 0 ? undefined : new Part(this.ending);
    this.nextEnd = this.ending.reduce((next, { expiresAt }) => Math.min(next, expiresAt as number), Infinity);
  }
}

/** Two networks have an address in common only where one holds the other. */
export function touches(one: Cidr, other: Cidr): boolean {
  return one.contains(other.base) || other.contains(one.base);
}

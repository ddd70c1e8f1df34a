import type { AddressRecord } from '../storage/storage.ts';

/** A ban is remembered for as long as it lasted, and for an hour at least. */
const REMEMBERED_MS = 3_600_000;

function forgottenAt({ createdAt, expiresAt }: AddressRecord): number {
  const end = expiresAt ?? createdAt;
  return end + Math.max(end - createdAt, REMEMBERED_MS);
}

/** Bans that are over, by network, so that the next one of the same is longer. Bounded: the oldest is forgotten first. */
export class PastBans {
  private readonly most: number;
  private readonly byCidr = new Map<string, AddressRecord>();

  constructor(most: number) {
    this.most = most;
  }

  strikesOf(cidr: string, now: number): number {
    const record = this.byCidr.get(cidr);
    return record === undefined || forgottenAt(record) <= now ? 0 : record.strikes;
  }

  /** @returns ids of those that are forgotten for it */
  add(record: AddressRecord, now: number): string[] {
    if (forgottenAt(record) <= now) return [record.id];
    const forgotten = this.take(record.cidr);
    this.byCidr.set(record.cidr, record);
    if (this.byCidr.size > this.most) forgotten.push(...this.take(this.byCidr.keys().next().value as string));
    return forgotten;
  }

  /** @returns the id of the one that was known */
  take(cidr: string): string[] {
    const record = this.byCidr.get(cidr);
    if (record === undefined) return [];
    this.byCidr.delete(cidr);
    return [record.id];
  }

  /** @returns ids of those whose time has come */
  sweep(now: number): string[] {
    const due = [...this.byCidr.values()].filter((record) => forgottenAt(record) <= now);
    return due.flatMap(({ cidr }) => this.take(cidr));
  }
}

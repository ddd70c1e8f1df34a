import type { IpAddress } from '../net/ip-address.ts';

/** An entry made while the gateway runs, by a command or as a ban. */
export interface LiveEntry {
  /** Names the entry in records and to commands. */
  readonly id: string;
  /** The canonical CIDR. */
  readonly cidr: string;
  /** `ban`: made by the gateway itself. */
  readonly origin: 'command' | 'ban';
  readonly reason: string | undefined;
  /** Milliseconds since the epoch; undefined when it stays until it is removed. */
  readonly expiresAt: number | undefined;
}

/** Entries that come and go while the gateway runs, as a request sees them. Synchronous, and never half changed. */
export interface LiveEntries {
  /** Grows with every change, and within a quarter of a second of an expiry: verdicts of another epoch are stale. */
  readonly epoch: number;
  /** The entry that denies the address now, if one does. */
  denial(address: IpAddress): LiveEntry | undefined;
  /** The entry that allows it now. Adds to the gateway's allow list; means nothing where there is none. */
  allowance(address: IpAddress): LiveEntry | undefined;
}

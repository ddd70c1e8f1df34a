import { uuid } from '../crypto/random.ts';
import type { Cidr } from '../net/cidr.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { AddressRecord } from '../storage/storage.ts';
import type { CallerNetworks } from './caller-networks.ts';
import { FailureWindow } from './failure-window.ts';
import type { LiveEntry } from './live-entries.ts';

export interface BanSettings {
  readonly enabled: boolean;
  /** How many failures within `window_ms` make a ban. */
  readonly failures: number;
  readonly window_ms: number;
  /** Of the first ban; each further one is twice as long as the one before. */
  readonly duration_ms: number;
  readonly max_duration_ms: number;
  /** Leading bits of an IPv6 address that count as one caller. */
  readonly ipv6_prefix: number;
}

/** Where bans are kept. */
export interface BanBook {
  denial(address: IpAddress): LiveEntry | undefined;
  strikesOf(network: Cidr): number;
  ban(record: AddressRecord, network: Cidr): void;
}

/** A ban as it is reported. */
export interface Ban {
  readonly record: AddressRecord;
  /** Whose failure was the one too many. */
  readonly client: IpAddress;
  readonly failures: number;
  readonly windowMs: number;
  readonly durationMs: number;
  /** It was made; otherwise it would have been, had the gateway been told to enforce. */
  readonly isEnforced: boolean;
}

interface InForce {
  readonly settings: BanSettings;
  readonly callers: CallerNetworks;
  readonly isEnforced: boolean;
  readonly window: FailureWindow;
}

/**
 * Bans addresses whose requests fail again and again. It believes what it is told about addresses: whoever reports a failure
 * must be sure that the address is the caller's own, and neither a proxy's nor one a header merely claims.
 */
export class BanWatch {
  private readonly book: BanBook;
  private readonly report: (ban: Ban) => void;
  private inForce: InForce | undefined = undefined;

  constructor(book: BanBook, report: (ban: Ban) => void) {
    this.book = book;
    this.report = report;
  }

  get isOn(): boolean {
    return this.inForce !== undefined;
  }

  /** Other settings. What was counted under the same ones stays counted. */
  configure(settings: BanSettings, callers: CallerNetworks, isEnforced: boolean): void {
    const before = this.inForce;
    if (!settings.enabled) this.inForce = undefined;
    else if (before !== undefined && JSON.stringify(before.settings) === JSON.stringify(settings))
      this.inForce = { ...before, callers, isEnforced };
    else
      this.inForce = {
        settings,
        callers,
        isEnforced,
        window: new FailureWindow(settings.failures, settings.window_ms),
      };
  }

  /**
   * A request of this client failed.
   * @param reason that of the refusal, as in the record
   */
  failed(client: IpAddress, reason: string): void {
    const { inForce, book } = this;
    if (inForce === undefined || client.isLoopback) return;
    // Requests that were under way when the ban was made change nothing.
    if (book.denial(client) !== undefined) return;
    const network = inForce.callers.of(client);
    if (inForce.window.note(network.text, performance.now())) this.ban(inForce, network, client, reason);
  }

  private ban({ settings, isEnforced }: InForce, network: Cidr, client: IpAddress, reason: string): void {
    const { failures, window_ms: windowMs, duration_ms: first, max_duration_ms: most } = settings;
    const strikes = this.book.strikesOf(network) + 1;
    const durationMs = Math.min(first * 2 ** (strikes - 1), Math.max(first, most));
    const now = Date.now();
    const record: AddressRecord = {
      id: uuid(),
      verdict: 'deny',
      cidr: network.text,
      origin: 'ban',
      reason: `${failures} failed requests in ${windowMs / 1000} s, the last: ${reason}`,
      owner: null,
      createdAt: now,
      expiresAt: now + durationMs,
      strikes,
    };
    if (isEnforced) this.book.ban(record, network);
    this.report({ record, client, failures, windowMs, durationMs, isEnforced });
  }
}

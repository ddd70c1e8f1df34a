import { describe, expect, it } from 'vitest';
import type { Cidr } from '../net/cidr.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { parseAddress } from '../net/parse-address.ts';
import type { AddressRecord } from '../storage/storage.ts';
import { type Ban, type BanSettings, BanWatch } from './bans.ts';
import { CallerNetworks } from './caller-networks.ts';
import type { LiveEntry } from './live-entries.ts';

const SETTINGS: BanSettings = {
  enabled: true,
  failures: 3,
  window_ms: 600_000,
  duration_ms: 900_000,
  max_duration_ms: 2_000_000,
  ipv6_prefix: 64,
};
const at = (text: string) => parseAddress(text) as IpAddress;

/** A book that keeps bans and can be told to forget them, as if their time were over. */
class Book {
  readonly bans: { record: AddressRecord; network: Cidr }[] = [];
  private readonly strikes = new Map<string, number>();

  denial(address: IpAddress): LiveEntry | undefined {
    return this.bans.find(({ network }) => network.contains(address)) as LiveEntry | undefined;
  }

  strikesOf(network: Cidr): number {
    return this.strikes.get(network.text) ?? 0;
  }

  ban(record: AddressRecord, network: Cidr): void {
    this.bans.push({ record, network });
    this.strikes.set(network.text, record.strikes);
  }

  end(): void {
    this.bans.length = 0;
  }
}

/** Everybody by their /64, unless something else is said. */
const callers = (prefix = SETTINGS.ipv6_prefix) => new CallerNetworks(prefix, []);

function watch(settings: Partial<BanSettings> = {}, isEnforced = true) {
  const book = new Book();
  const told: Ban[] = [];
  const bans = new BanWatch(book, (ban) => told.push(ban));
  bans.configure({ ...SETTINGS, ...settings }, callers(settings.ipv6_prefix), isEnforced);
  const fails = (client: string, times: number) => {
    for (let i = 0; i < times; i++) bans.failed(at(client), 'token.unknown');
  };
  return { book, bans, told, fails };
}

describe('a ban', () => {
  it('comes with the failure that is one too many, and not before', () => {
    const { book, told, fails } = watch();
    fails('203.0.113.7', 2);
    expect(told).toEqual([]);
    fails('203.0.113.7', 1);
    expect(told).toMatchObject([{ failures: 3, durationMs: 900_000, isEnforced: true }]);
    expect(book.bans[0]?.record).toMatchObject({
      cidr: '203.0.113.7',
      verdict: 'deny',
      origin: 'ban',
      strikes: 1,
      reason: '3 failed requests in 600 s, the last: token.unknown',
    });
  });

  it('is of one address: its neighbour has a count of its own', () => {
    const { book, fails } = watch();
    fails('203.0.113.7', 2);
    fails('203.0.113.8', 2);
    expect(book.bans).toEqual([]);
  });

  it('is twice as long each time, up to the longest', () => {
    const { book, told, fails } = watch();
    for (let i = 0; i < 4; i++) {
      fails('203.0.113.7', 3);
      book.end();
    }
    expect(told.map(({ durationMs }) => durationMs)).toEqual([900_000, 1_800_000, 2_000_000, 2_000_000]);
  });

  it('is not made again by requests that were under way', () => {
    const { told, fails } = watch();
    fails('203.0.113.7', 30);
    expect(told).toHaveLength(1);
  });

  it('is of the whole network an IPv6 caller may have, or of as much as is said', () => {
    const shared = watch();
    for (let i = 1; i <= 3; i++) shared.fails(`2001:db8:0:7::${i}`, 1);
    expect(shared.book.bans[0]?.record.cidr).toBe('2001:db8:0:7::/64');
    const single = watch({ ipv6_prefix: 128 });
    for (let i = 1; i <= 3; i++) single.fails(`2001:db8:0:7::${i}`, 1);
    expect(single.book.bans).toEqual([]);
  });

  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('never comes to loopback: %s', (client) => {
    const { told, fails } = watch();
    fails(client, 10);
    expect(told).toEqual([]);
  });

  it('never takes loopback with it', () => {
    const { book, fails } = watch();
    fails('::2', 3);
    expect(book.bans[0]?.record.cidr).toBe('::2');
  });

  it('is only reported where nothing is enforced', () => {
    const { book, told, fails } = watch({}, false);
    fails('203.0.113.7', 3);
    expect(told).toMatchObject([{ isEnforced: false }]);
    expect(book.bans).toEqual([]);
  });

  it('does not come while bans are off, nor of what failed before they were', () => {
    const { bans, told, fails } = watch({ enabled: false });
    fails('203.0.113.7', 10);
    bans.configure(SETTINGS, callers(), true);
    fails('203.0.113.7', 2);
    expect(told).toEqual([]);
    bans.configure({ ...SETTINGS }, callers(), true);
    fails('203.0.113.7', 1);
    expect(told).toHaveLength(1);
  });
});

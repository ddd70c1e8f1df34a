import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { uuid } from '../crypto/random.ts';
import { type Cidr, parseCidr } from '../net/cidr.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { parseAddress } from '../net/parse-address.ts';
import { openSqlite } from '../storage/sqlite.ts';
import type { AddressRecord, Storage } from '../storage/storage.ts';
import { AddressBook, MAX_BANS } from './address-book.ts';

const START = Date.parse('2026-09-01T00:00:00Z');
const MINUTE = 60_000;
const TICK = 250;

let folder: string;
let storage: Storage;
let other: Storage;
let book: AddressBook;
let faults: unknown[];

const onError = (error: unknown) => void faults.push(error);
const at = (text: string) => parseAddress(text) as IpAddress;
const network = (text: string) => parseCidr(text) as Cidr;

function record(cidr: string, changes: Partial<AddressRecord> = {}): AddressRecord {
  const facts = { verdict: 'deny', origin: 'command', reason: null, owner: 'cli:ada', strikes: 0 } as const;
  return { id: uuid(), cidr, ...facts, createdAt: Date.now(), expiresAt: null, ...changes };
}

function ban(cidr: string, changes: Partial<AddressRecord> = {}): AddressRecord {
  return record(cidr, { origin: 'ban', owner: null, strikes: 1, expiresAt: Date.now() + 15 * MINUTE, ...changes });
}

beforeEach(async () => {
  vi.useFakeTimers({ now: START, toFake: ['Date', 'setInterval', 'clearInterval'] });
  folder = mkdtempSync(join(tmpdir(), 'sallyport-book-'));
  storage = openSqlite(folder);
  other = openSqlite(folder);
  faults = [];
  book = await AddressBook.open(storage.addresses, { onError });
});
afterEach(async () => {
  await book.close();
  await Promise.all([storage.close(), other.close()]);
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

async function reopen(): Promise<void> {
  await book.close();
  book = await AddressBook.open(storage.addresses, { onError });
}

describe('the address book', () => {
  it('denies and allows addresses in whatever spelling, networks and single ones, at once', async () => {
    await book.put([record('203.0.113.0/24'), record('2001:db8::1')], []);
    await book.put([record('198.51.100.7', { verdict: 'allow' })], []);
    expect(book.denial(at('::ffff:203.0.113.9'))).toMatchObject({ cidr: '203.0.113.0/24', origin: 'command' });
    expect(book.denial(at('2001:DB8:0:0::1'))).toBeDefined();
    expect(book.denial(at('2001:db8::2'))).toBeUndefined();
    expect(book.denial(at('198.51.100.7'))).toBeUndefined();
    expect(book.allowance(at('198.51.100.7'))).toBeDefined();
  });

  it('says of each change that older verdicts are stale', async () => {
    const told: number[] = [];
    book.onChange(() => told.push(book.epoch));
    const entry = record('203.0.113.7', { expiresAt: START + MINUTE });
    await book.put([entry], []);
    await book.put([record('203.0.113.8')], []);
    await book.remove([entry.id]);
    expect(new Set(told).size).toBe(3);
  });

  it('lets an entry run out by the clock, tells so, and drops it from the store', async () => {
    await book.put([record('203.0.113.7', { expiresAt: START + 100 }), record('203.0.113.8')], []);
    const { epoch } = book;
    vi.setSystemTime(START + 100);
    expect(book.denial(at('203.0.113.7'))).toBeUndefined();
    expect(book.epoch).toBe(epoch);
    await vi.advanceTimersByTimeAsync(TICK);
    expect(book.epoch).toBeGreaterThan(epoch);
    await vi.waitFor(async () => expect(await other.addresses.list()).toHaveLength(1));
    expect(await book.list()).toHaveLength(1);
  });

  it('keeps what is left of a time over a restart', async () => {
    await book.put([record('203.0.113.7', { expiresAt: START + MINUTE })], []);
    vi.setSystemTime(START + MINUTE - 1);
    await reopen();
    expect(book.denial(at('203.0.113.7'))).toBeDefined();
    vi.setSystemTime(START + MINUTE);
    await reopen();
    expect(await book.list()).toEqual([]);
  });

  it('notices what another process changes', async () => {
    const entry = record('203.0.113.7');
    await other.addresses.put([entry], []);
    await vi.advanceTimersByTimeAsync(2 * TICK);
    expect(book.denial(at('203.0.113.7'))).toBeDefined();
    await other.addresses.remove([entry.id]);
    await vi.advanceTimersByTimeAsync(2 * TICK);
    expect(book.denial(at('203.0.113.7'))).toBeUndefined();
  });

  it('will not start on an entry it cannot read, nor let go of the others for one', async () => {
    await book.put([record('203.0.113.7')], []);
    await other.addresses.put([record('203.0.113.0/255.255.255.0')], []);
    await vi.advanceTimersByTimeAsync(2 * TICK);
    await vi.advanceTimersByTimeAsync(8 * TICK);
    expect(faults.map(String)).toEqual([expect.stringContaining('203.0.113.0/255.255.255.0')]);
    expect(book.denial(at('203.0.113.7'))).toBeDefined();
    await expect(AddressBook.open(storage.addresses, { onError })).rejects.toThrow('has a netmask');
  });

  it('has a ban in force before the store knows of it, and keeps it over a restart', async () => {
    book.ban(ban('203.0.113.7'), network('203.0.113.7'));
    expect(book.denial(at('203.0.113.7'))).toMatchObject({ origin: 'ban' });
    expect(await other.addresses.list()).toEqual([]);
    await reopen();
    expect(book.denial(at('203.0.113.7'))).toMatchObject({ origin: 'ban' });
  });

  it('remembers a ban after its end, over a restart too, and forgets it in the end', async () => {
    book.ban(ban('203.0.113.7', { strikes: 2 }), network('203.0.113.7'));
    vi.setSystemTime(START + 16 * MINUTE);
    await reopen();
    expect(book.denial(at('203.0.113.7'))).toBeUndefined();
    expect(await book.list()).toEqual([]);
    expect(book.strikesOf(network('203.0.113.7'))).toBe(2);
    vi.setSystemTime(START + 75 * MINUTE);
    expect(book.strikesOf(network('203.0.113.7'))).toBe(0);
    await vi.advanceTimersByTimeAsync(2 * TICK);
    await vi.waitFor(async () => expect(await other.addresses.list()).toEqual([]));
  });

  it('forgets a ban that was lifted by hand, be it stored yet or not', async () => {
    const [first, second] = [ban('203.0.113.7'), ban('203.0.113.8')];
    book.ban(first, network('203.0.113.7'));
    await vi.advanceTimersByTimeAsync(2 * TICK);
    book.ban(second, network('203.0.113.8'));
    expect(await book.remove([first.id, second.id])).toBe(2);
    await reopen();
    expect(await book.list()).toEqual([]);
    expect(book.strikesOf(network('203.0.113.7'))).toBe(0);
  });

  it('holds no more bans than its bound: the oldest ends for the newest', async () => {
    for (let i = 0; i <= MAX_BANS; i++) {
      const cidr = `10.1.${i >> 8}.${i & 255}`;
      book.ban(ban(cidr), network(cidr));
    }
    expect(await book.list()).toHaveLength(MAX_BANS);
    expect(book.denial(at('10.1.0.0'))).toBeUndefined();
    expect(book.denial(at('10.1.0.1'))).toBeDefined();
    expect(book.denial(at('10.1.39.16'))).toBeDefined();
  });

  it('goes on when a listener throws', async () => {
    book.onChange(() => {
      throw new Error('careless');
    });
    const told = vi.fn();
    book.onChange(told);
    await book.put([record('203.0.113.7')], []);
    expect(told).toHaveBeenCalledOnce();
    expect(faults).toHaveLength(1);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfiguration } from '../config/load.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { parseAddress } from '../net/parse-address.ts';
import { AddressBook } from '../perimeter/address-book.ts';
import { compilePerimeter, type PerimeterInForce } from '../perimeter/in-force.ts';
import { openSqlite } from '../storage/sqlite.ts';
import type { AddressRecord, Storage } from '../storage/storage.ts';
import { MAX_ENTRIES } from './address-commands.ts';
import type { ControlEvent, ControlServices } from './command.ts';
import { type CommandInput, type CommandName, type CommandResult, runCommand } from './commands.ts';

const START = Date.parse('2026-09-01T00:00:00Z');

let folder: string;
let storage: Storage;
let book: AddressBook;
let records: ControlEvent[];
let services: ControlServices;
let hasAllowList: boolean;
let isEnforced: boolean;
let perimeter: PerimeterInForce;
/** Whether the entry was in force when its record was written. */
let deniedAtRecord: boolean[];

const at = (text: string) => parseAddress(text) as IpAddress;
const run = <C extends CommandName>(name: C, input: CommandInput<C>): Promise<CommandResult<C>> =>
  runCommand(name, input, services);
const listed = async () =>
  (await run('ip.list', {})).entries.map(({ origin, verdict, cidr }) => `${origin} ${verdict} ${cidr}`);

beforeEach(async () => {
  vi.useFakeTimers({ now: START, toFake: ['Date', 'setInterval', 'clearInterval'] });
  folder = mkdtempSync(join(tmpdir(), 'sallyport-addresses-'));
  storage = openSqlite(folder);
  book = await AddressBook.open(storage.addresses, { onError: () => undefined });
  records = [];
  deniedAtRecord = [];
  hasAllowList = true;
  isEnforced = true;
  const { settings } = loadConfiguration({ env: {}, flags: {}, cwd: folder });
  perimeter = (await compilePerimeter(settings, book)).data;
  services = {
    storage,
    registry: undefined,
    perimeter: {
      addresses: book,
      endDenied: () => 3,
      hasAllowList: () => hasAllowList,
      isEnforced: () => isEnforced,
      explaining: () => ({ perimeter, isListIgnored: false }),
      reported: () => [],
    },
    status: undefined,
    serverIds: undefined,
    record: (event) => {
      records.push(event);
      deniedAtRecord.push(book.denial(at('203.0.113.7')) !== undefined);
    },
  };
});
afterEach(async () => {
  await book.close();
  await storage.close();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

describe('ip.deny', () => {
  it('denies at once, for as long as it was told, and says what it ended', async () => {
    const { entry, ended, warnings } = await run('ip.deny', {
      cidr: '::ffff:203.0.113.7',
      for: '2h',
      reason: 'too many questions',
      by: 'cli:ada',
    });
    expect(entry).toMatchObject({
      verdict: 'deny',
      cidr: '203.0.113.7',
      origin: 'command',
      reason: 'too many questions',
      by: 'cli:ada',
      expires_at: '2026-09-01T02:00:00.000Z',
    });
    expect([ended, warnings]).toEqual([3, []]);
    expect(book.denial(at('203.0.113.7'))).toMatchObject({ id: entry.id });
    expect(records).toEqual([
      {
        command: 'ip.deny',
        ids: [entry.id],
        summary: 'deny 203.0.113.7 until 2026-09-01T02:00:00.000Z (too many questions), by cli:ada',
      },
    ]);
  });

  it('puts a newer entry for the same addresses in the place of the older', async () => {
    await run('ip.deny', { cidr: '203.0.113.0/24', for: '1m' });
    expect(await run('ip.deny', { cidr: '203.0.113.0/24', for: '1h' })).toMatchObject({ replaced: true });
    await run('ip.allow', { cidr: '203.0.113.0/24' });
    expect(await listed()).toEqual(['command deny 203.0.113.0/24', 'command allow 203.0.113.0/24']);
    vi.setSystemTime(START + 120_000);
    expect(book.denial(at('203.0.113.7'))).toBeDefined();
  });

  it('says so where denials are only reported', async () => {
    isEnforced = false;
    const { warnings } = await run('ip.deny', { cidr: '203.0.113.7' });
    expect(warnings).toEqual([expect.stringContaining('security.mode is report')]);
  });

  it('is in force although the record cannot be written, and says so', async () => {
    services = { ...services, record: () => Promise.reject(new Error('disk full')) };
    const { warnings } = await run('ip.deny', { cidr: '203.0.113.7' });
    expect(book.denial(at('203.0.113.7'))).toBeDefined();
    expect(warnings).toEqual(['Done, but the audit record could not be written.']);
  });

  it.each([
    ['0.0.0.0/0', /every IPv4 address.*--yes/],
    ['::/0', /every IPv6 address.*--yes/],
    ['127.0.0.1', /this machine's own.*--yes/],
    ['127.0.0.0/8', /this machine's own.*--yes/],
    ['112.0.0.0/4', /this machine's own.*--yes/],
    ['::1', /this machine's own.*--yes/],
    ['::/64', /this machine's own.*--yes/],
  ])('%s is refused unless it is said to be meant', async (cidr, why) => {
    await expect(run('ip.deny', { cidr })).rejects.toThrow(why);
    expect(await listed()).toEqual([]);
    await run('ip.deny', { cidr, confirmed: true });
    expect(await listed()).toEqual([`command deny ${cidr}`]);
  });

  it.each([
    [{ cidr: '203.0.113.77/24' }, /Did you mean 203\.0\.113\.0\/24/],
    [{ cidr: 'office' }, /is no address and no CIDR/],
    [{ cidr: '203.0.113.7', for: 'soon' }, /"soon" is not a time such as 90s/],
    [{ cidr: '203.0.113.7', for: '0' }, /not a time/],
    [{ cidr: '203.0.113.7', reason: 'a\nb' }, /reason: no control characters/],
    [{ cidr: '203.0.113.7', reason: '\u202e' }, /reason: no control characters/],
  ])('%j is refused with what to write', async (input, remedy) => {
    await expect(run('ip.deny', input)).rejects.toThrow(remedy);
    expect(await listed()).toEqual([]);
  });

  it('takes no more entries than there may be', async () => {
    const full: AddressRecord[] = Array.from({ length: MAX_ENTRIES }, (_, i) => ({
      id: `id-${i}`,
      verdict: 'deny',
      cidr: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
      origin: 'command',
      reason: null,
      owner: null,
      createdAt: START,
      expiresAt: null,
      strikes: 0,
    }));
    await book.put(full, []);
    await expect(run('ip.deny', { cidr: '203.0.113.7' })).rejects.toThrow(/50000 entries already.*ip_blacklist/);
    expect(await run('ip.deny', { cidr: '10.0.0.1' })).toMatchObject({ replaced: true });
    expect(book.denial(at('10.0.195.79'))).toBeDefined();
  });
});

describe('ip.allow', () => {
  it('allows at once, recorded before', async () => {
    await run('ip.allow', { cidr: '203.0.113.7', for: '8h' });
    expect(book.allowance(at('203.0.113.7'))).toBeDefined();
    expect(records[0]).toMatchObject({ command: 'ip.allow' });
    services = { ...services, record: () => Promise.reject(new Error('disk full')) };
    await expect(run('ip.allow', { cidr: '203.0.113.8' })).rejects.toThrow('disk full');
    expect(book.allowance(at('203.0.113.8'))).toBeUndefined();
  });

  it('warns where it means nothing: no allow list, or a denial that beats it', async () => {
    hasAllowList = false;
    await run('ip.deny', { cidr: '203.0.113.0/24' });
    const { warnings } = await run('ip.allow', { cidr: '203.0.113.7' });
    expect(warnings).toEqual([
      expect.stringContaining('denies 203.0.113.0/24'),
      expect.stringContaining('No allow list'),
    ]);
  });

  it('of everybody is refused unless it is said to be meant', async () => {
    await expect(run('ip.allow', { cidr: '0.0.0.0/0' })).rejects.toThrow('--yes');
    await run('ip.allow', { cidr: '0.0.0.0/0', confirmed: true });
    expect(await listed()).toEqual(['command allow 0.0.0.0/0']);
  });
});

describe('ip.remove', () => {
  it('takes back by address, by the id that lists show, or by the whole id', async () => {
    const { entry } = await run('ip.deny', { cidr: '203.0.113.7' });
    await run('ip.allow', { cidr: '203.0.113.7' });
    await run('ip.deny', { cidr: '2001:db8::/32' });
    expect((await run('ip.remove', { entry: entry.id.slice(0, 8) })).removed).toEqual([entry]);
    expect(book.denial(at('203.0.113.7'))).toBeUndefined();
    await run('ip.remove', { entry: '2001:DB8::/32' });
    expect(await listed()).toEqual(['command allow 203.0.113.7']);
    await run('ip.remove', { entry: (await run('ip.list', {})).entries[0]!.id });
    expect(await listed()).toEqual([]);
  });

  it('records what lets callers in before it happens, and keeps them out whatever becomes of the record', async () => {
    await run('ip.deny', { cidr: '203.0.113.7' });
    await run('ip.remove', { entry: '203.0.113.7' });
    expect(deniedAtRecord.at(-1)).toBe(true);
    await run('ip.allow', { cidr: '203.0.113.7' });
    services = { ...services, record: () => Promise.reject(new Error('disk full')) };
    const { ended, warnings } = await run('ip.remove', { entry: '203.0.113.7' });
    expect([ended, warnings.length]).toEqual([3, 1]);
    expect(book.allowance(at('203.0.113.7'))).toBeUndefined();
  });

  it('says where an address is when no entry is for exactly it', async () => {
    await run('ip.deny', { cidr: '203.0.113.0/24' });
    await expect(run('ip.remove', { entry: '203.0.113.7' })).rejects.toThrow(/it is in 203\.0\.113\.0\/24 \(deny, /);
    await expect(run('ip.remove', { entry: '198.51.100.1' })).rejects.toThrow('sallyport ip list');
    await expect(run('ip.remove', { entry: 'deadbeef' })).rejects.toThrow('No entry has the id');
    await expect(run('ip.remove', { entry: '203.0.113.7/24' })).rejects.toThrow('Did you mean');
  });
});

describe('ip.list', () => {
  it('shows what is in force, and nothing that has run out', async () => {
    await run('ip.deny', { cidr: '203.0.113.7', for: '1m' });
    await run('ip.allow', { cidr: '203.0.113.8' });
    vi.setSystemTime(START + 60_000);
    expect(await listed()).toEqual(['command allow 203.0.113.8']);
  });

  it('works on the store alone, when no gateway runs', async () => {
    services = { ...services, perimeter: undefined };
    await run('ip.deny', { cidr: '203.0.113.7' });
    expect(await listed()).toEqual(['command deny 203.0.113.7']);
    await run('ip.remove', { entry: '203.0.113.7' });
    expect(await listed()).toEqual([]);
  });
});

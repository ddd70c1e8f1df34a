import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { uuid } from '../crypto/random.ts';
import { hashToken, newToken } from '../crypto/token.ts';
import { openSqlite } from './sqlite.ts';
import type { AddressRecord, Storage, TokenRecord } from './storage.ts';

/** What every driver promises. `open` may be called several times for one place: each call is another connection. */
const DRIVERS: readonly { name: string; open(folder: string): Storage }[] = [{ name: 'sqlite', open: openSqlite }];

function record(name: string, changes: Partial<TokenRecord> = {}): TokenRecord {
  const secret = newToken();
  return {
    id: uuid(),
    principalId: uuid(),
    name,
    hash: hashToken(secret),
    prefix: secret.slice(0, 6),
    roles: ['user'],
    servers: null,
    createdAt: 1_000,
    expiresAt: null,
    revokedAt: null,
    replacedBy: null,
    graceUntil: null,
    lastUsedAt: null,
    ...changes,
  };
}

function entry(changes: Partial<AddressRecord> = {}): AddressRecord {
  return {
    id: uuid(),
    verdict: 'deny',
    cidr: '203.0.113.0/24',
    origin: 'command',
    reason: null,
    owner: 'cli:ada',
    createdAt: 1_000,
    expiresAt: null,
    strikes: 0,
    ...changes,
  };
}

describe.each(DRIVERS)('the $name store', ({ open }) => {
  let folder: string;
  let storage: Storage;
  let other: Storage;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-storage-'));
    storage = open(folder);
    other = open(folder);
  });
  afterEach(async () => {
    await Promise.all([storage.close(), other.close()]);
    rmSync(folder, { recursive: true });
  });

  it('gives back exactly what was stored, oldest first, also after it was closed and opened again', async () => {
    const late = record('late', { createdAt: 2_000, servers: [], roles: [] });
    const full = record('Ünï "name"; --', {
      roles: ['user', 'admin'],
      servers: ['crm', 'search'],
      expiresAt: 4_102_444_800_000,
      lastUsedAt: 1_791_199_999_999,
    });
    await storage.tokens.insert(late);
    await storage.tokens.insert(full);
    await storage.close();
    await storage.close();
    storage = open(folder);
    expect(await storage.tokens.list()).toEqual([full, late]);
  });

  it('refuses a second current token of the same name, but takes the name once the first is revoked', async () => {
    const first = record('ci');
    await storage.tokens.insert(first);
    await expect(other.tokens.insert(record('ci'))).rejects.toMatchObject({ fault: 'conflict' });
    await storage.tokens.revoke([first.id], 5_000);
    await other.tokens.insert(record('ci'));
    expect(await storage.tokens.list()).toHaveLength(2);
  });

  it('refuses the same secret twice', async () => {
    const first = record('a');
    await storage.tokens.insert(first);
    await expect(storage.tokens.insert(record('b', { hash: first.hash }))).rejects.toMatchObject({ fault: 'conflict' });
  });

  it('revokes once, and keeps the time it first happened', async () => {
    const token = record('ci');
    await storage.tokens.insert(token);
    expect(await storage.tokens.revoke([token.id, uuid()], 5_000)).toBe(1);
    expect(await other.tokens.revoke([token.id], 6_000)).toBe(0);
    expect((await other.tokens.list())[0]?.revokedAt).toBe(5_000);
  });

  it('replaces a token at once, or after a time of grace', async () => {
    const first = record('ci');
    const second = record('ci', { principalId: first.principalId, createdAt: 5_000 });
    const third = record('ci', { principalId: first.principalId, createdAt: 6_000 });
    await storage.tokens.insert(first);
    await storage.tokens.replace(first.id, second, 9_000);
    await other.tokens.replace(second.id, third, null);
    expect(await storage.tokens.list()).toEqual([
      { ...first, replacedBy: second.id, graceUntil: 9_000 },
      { ...second, replacedBy: third.id, revokedAt: 6_000 },
      third,
    ]);
  });

  it('lets only one of two replacements of the same token happen, and nothing of the other', async () => {
    const first = record('ci');
    await storage.tokens.insert(first);
    const results = await Promise.allSettled([
      storage.tokens.replace(first.id, record('ci'), null),
      other.tokens.replace(first.id, record('ci'), null),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await storage.tokens.list()).toHaveLength(2);
  });

  it('changes nothing when the successor cannot be stored', async () => {
    const [first, bystander] = [record('ci'), record('bystander')];
    await storage.tokens.insert(first);
    await storage.tokens.insert(bystander);
    await expect(storage.tokens.replace(first.id, record('bystander'), null)).rejects.toMatchObject({
      fault: 'conflict',
    });
    expect(await storage.tokens.list()).toEqual([first, bystander]);
  });

  it('notes the last use, never an earlier one', async () => {
    const token = record('ci');
    await storage.tokens.insert(token);
    await storage.tokens.touch([
      { id: token.id, at: 7_000 },
      { id: uuid(), at: 7_000 },
    ]);
    await storage.tokens.touch([{ id: token.id, at: 6_000 }]);
    expect((await storage.tokens.list())[0]?.lastUsedAt).toBe(7_000);
  });

  it('says when another connection changed it, and is silent about its own changes', async () => {
    const before = await storage.tokens.revision();
    await storage.tokens.insert(record('mine'));
    expect(await storage.tokens.revision()).toBe(before);
    await other.tokens.insert(record('theirs'));
    expect(await storage.tokens.revision()).not.toBe(before);
  });

  it('refuses to be used after it was closed', async () => {
    await storage.close();
    await expect(storage.tokens.list()).rejects.toMatchObject({ fault: 'unusable' });
    await expect(storage.tokens.insert(record('late'))).rejects.toMatchObject({ fault: 'unusable' });
    expect(await other.tokens.list()).toEqual([]);
  });

  it('keeps address entries as they were given, oldest first, also after it was closed and opened again', async () => {
    const late = entry({ createdAt: 2_000, origin: 'ban', owner: null, strikes: 3, expiresAt: 4_102_444_800_000 });
    const full = entry({ verdict: 'allow', cidr: '2001:db8::/32', reason: 'Bürö; "x" --', owner: 'ada' });
    await storage.addresses.put([late, full], []);
    await storage.close();
    storage = open(folder);
    expect(await storage.addresses.list()).toEqual([full, late]);
  });

  it('puts an address entry in the place of others, whole or not at all', async () => {
    const [first, second, third] = [entry(), entry(), entry()];
    await storage.addresses.put([first, second], []);
    await expect(other.addresses.put([third, second], [first.id])).rejects.toMatchObject({ fault: 'conflict' });
    expect(await storage.addresses.list()).toEqual([first, second]);
    await other.addresses.put([third], [first.id, uuid()]);
    expect(await storage.addresses.list()).toEqual([second, third]);
  });

  it('removes address entries once, and says how many there were', async () => {
    const [first, second] = [entry(), entry()];
    await storage.addresses.put([first, second], []);
    expect(await other.addresses.remove([first.id, uuid()])).toBe(1);
    expect(await storage.addresses.remove([first.id])).toBe(0);
    expect(await storage.addresses.list()).toEqual([second]);
  });

  it('says when another connection changed an address entry', async () => {
    const before = await storage.addresses.revision();
    await storage.addresses.put([entry()], []);
    expect(await storage.addresses.revision()).toBe(before);
    await other.addresses.put([entry()], []);
    expect(await storage.addresses.revision()).not.toBe(before);
  });

  it('refuses address entries after it was closed', async () => {
    await storage.close();
    await expect(storage.addresses.list()).rejects.toMatchObject({ fault: 'unusable' });
    await expect(storage.addresses.put([entry()], [])).rejects.toMatchObject({ fault: 'unusable' });
    expect(await other.addresses.list()).toEqual([]);
  });

  it('gives a configured name one identity for ever, whoever asks first', async () => {
    const [a, b] = await Promise.all([
      storage.configuredPrincipals.idFor('ci'),
      other.configuredPrincipals.idFor('ci'),
    ]);
    expect(a).toBe(b);
    expect(await storage.configuredPrincipals.idFor('CI')).not.toBe(a);
    await storage.close();
    storage = open(folder);
    expect(await storage.configuredPrincipals.idFor('ci')).toBe(a);
  });
});

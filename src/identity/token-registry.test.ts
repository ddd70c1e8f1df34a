import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { uuid } from '../crypto/random.ts';
import { hashToken, newToken } from '../crypto/token.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { openSqlite } from '../storage/sqlite.ts';
import type { Storage, TokenRecord } from '../storage/storage.ts';
import { isAccepted } from './authentication.ts';
import type { ConfiguredToken } from './token-entry.ts';
import { type AcceptedTokens, TokenRegistry } from './token-registry.ts';

const START = Date.parse('2026-09-01T00:00:00Z');

let folder: string;
let storage: Storage;
let registry: TokenRegistry;
let gateway: AcceptedTokens;
let ended: string[];
let errors: unknown[];

function stored(name: string, changes: Partial<TokenRecord> = {}): { secret: string; record: TokenRecord } {
  const secret = newToken();
  const record = {
    id: uuid(),
    principalId: uuid(),
    name,
    hash: hashToken(secret),
    prefix: secret.slice(0, 6),
    roles: ['user'],
    servers: null,
    createdAt: START,
    expiresAt: null,
    revokedAt: null,
    replacedBy: null,
    graceUntil: null,
    lastUsedAt: null,
    ...changes,
  };
  return { secret, record };
}

function configured(name: string, changes: Partial<ConfiguredToken> = {}): { secret: string; token: ConfiguredToken } {
  const secret = newToken();
  return { secret, token: { name, hash: hashToken(secret), roles: ['user'], ...changes } };
}

const present = (secret: string, accepted = gateway) => registry.authenticate([`Bearer ${secret}`], accepted);
const opens = (secret: string, accepted = gateway) => isAccepted(present(secret, accepted));

function principalOf(secret: string, accepted = gateway) {
  const result = present(secret, accepted);
  if (!isAccepted(result)) throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.principal;
}

beforeEach(async () => {
  vi.useFakeTimers({ now: START, toFake: ['Date', 'setInterval', 'clearInterval'] });
  folder = mkdtempSync(join(tmpdir(), 'sallyport-registry-'));
  storage = openSqlite(folder);
  errors = [];
  ended = [];
  registry = await TokenRegistry.open(storage, { onError: (error) => errors.push(error) });
  registry.onEnded((principal, reason) => ended.push(`${principal} ${reason}`));
  gateway = await registry.gatewayTokens([]);
});
afterEach(async () => {
  await registry.close();
  await storage.close();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

describe('a stored token', () => {
  it('names its principal by a uuid of its own, with its roles and servers, as one object for every request', async () => {
    const { secret, record } = stored('ci', { roles: ['user', 'owner-of-a-later-release'], servers: ['crm'] });
    await storage.tokens.insert(record);
    await registry.refresh();
    const principal = principalOf(secret);
    expect(principal).toEqual({
      id: `token:${record.principalId}`,
      name: 'ci',
      method: 'token',
      roles: ['user'],
      servers: new Set(['crm']),
      expiresAt: undefined,
    });
    await registry.refresh();
    expect(principalOf(secret)).toBe(principal);
  });

  it('gives one answer to every bad token, whatever is wrong with it', async () => {
    const [revoked, expired, good] = [
      stored('revoked', { revokedAt: START }),
      stored('old', { expiresAt: START }),
      stored('good'),
    ];
    for (const { record } of [revoked, expired, good]) await storage.tokens.insert(record);
    await registry.refresh();
    for (const secret of [
      revoked.secret,
      expired.secret,
      newToken(),
      'x',
      `${good.secret}x`,
      good.secret.toUpperCase(),
    ]) {
      expect(present(secret)).toMatchObject({ rejected: PROBLEMS.INVALID_TOKEN });
    }
    expect(opens(good.secret)).toBe(true);
  });

  it('is not opened by its hash, nor without a secret', async () => {
    const { secret, record } = stored('ci');
    await storage.tokens.insert(record);
    await registry.refresh();
    expect(opens(record.hash)).toBe(false);
    expect(opens(record.hash.slice(7))).toBe(false);
    expect(registry.authenticate([], gateway)).toBe('not-responsible');
    expect(registry.authenticate([`Basic ${secret}`], gateway)).toBe('not-responsible');
    expect(registry.authenticate([`Bearer ${secret}`, `Bearer ${secret}`], gateway)).toMatchObject({
      rejected: PROBLEMS.AMBIGUOUS_CREDENTIALS,
    });
    expect(opens(secret)).toBe(true);
  });

  it('stops opening anything once a revocation has been read, and its end is announced once', async () => {
    const { secret, record } = stored('ci');
    await storage.tokens.insert(record);
    await registry.refresh();
    const { id } = principalOf(secret);
    expect(registry.accepts(id, gateway)).toBe(true);
    await storage.tokens.revoke([record.id], START);
    await registry.refresh();
    await registry.refresh();
    expect(opens(secret)).toBe(false);
    expect(registry.accepts(id, gateway)).toBe(false);
    expect(ended).toEqual([`${id} token-revoked`]);
  });

  it('revoked by another process is refused within a second', async () => {
    const { secret, record } = stored('ci');
    await storage.tokens.insert(record);
    await registry.refresh();
    const other = openSqlite(folder);
    await other.tokens.revoke([record.id], START);
    await other.close();
    expect(opens(secret)).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(opens(secret)).toBe(false);
    expect(ended).toHaveLength(1);
  });

  it('expires to the millisecond, and its end is announced within a second', async () => {
    const { secret, record } = stored('ci', { expiresAt: START + 60_000 });
    await storage.tokens.insert(record);
    await registry.refresh();
    vi.setSystemTime(START + 59_999);
    expect(opens(secret)).toBe(true);
    vi.setSystemTime(START + 60_000);
    expect(opens(secret)).toBe(false);
    expect(ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    await registry.refresh();
    expect(ended).toEqual([`token:${record.principalId} token-expired`]);
  });

  it('that was revoked is not announced a second time when it would have expired', async () => {
    const { record } = stored('ci', { expiresAt: START + 2_000 });
    await storage.tokens.insert(record);
    await registry.refresh();
    await storage.tokens.revoke([record.id], START);
    await registry.refresh();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ended).toEqual([`token:${record.principalId} token-revoked`]);
  });

  it('replaced with a time of grace opens until then, beside its successor, for the same principal', async () => {
    const first = stored('ci');
    const second = stored('ci', { principalId: first.record.principalId });
    await storage.tokens.insert(first.record);
    await registry.refresh();
    await storage.tokens.replace(first.record.id, second.record, START + 10_000);
    await registry.refresh();
    expect(principalOf(first.secret).id).toBe(principalOf(second.secret).id);
    expect(principalOf(first.secret).expiresAt).toBe(START + 10_000);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(opens(first.secret)).toBe(false);
    expect(opens(second.secret)).toBe(true);
    expect(ended).toEqual([`token:${first.record.principalId} token-expired`]);
  });

  it('has its use written in the background, at most once a minute', async () => {
    const { secret, record } = stored('ci');
    await storage.tokens.insert(record);
    await registry.refresh();
    const lastUse = async () => (await storage.tokens.list())[0]?.lastUsedAt;
    opens(secret);
    expect(await lastUse()).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await lastUse()).toBe(START);
    opens(secret);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await lastUse()).toBe(START);
    vi.setSystemTime(START + 61_000);
    opens(secret);
    await registry.close();
    expect(await lastUse()).toBe(START + 61_000);
  });
});

describe('a configured token', () => {
  it('opens the gateway beside the stored ones, and keeps its identity when its secret changes', async () => {
    const [before, after] = [configured('ci', { servers: ['crm'] }), configured('ci')];
    const view = await registry.gatewayTokens([before.token]);
    const reloaded = await registry.gatewayTokens([after.token]);
    expect(principalOf(before.secret, view)).toMatchObject({ name: 'ci', servers: new Set(['crm']) });
    expect(principalOf(after.secret, reloaded).id).toBe(principalOf(before.secret, view).id);
    expect(opens(before.secret, reloaded)).toBe(false);
  });

  it('of a server replaces every other: stored and gateway tokens do not open that route, nor it theirs', async () => {
    const [mine, gatewayToken, kept] = [configured('ci'), configured('ci'), stored('ci')];
    await storage.tokens.insert(kept.record);
    await registry.refresh();
    const route = await registry.serverTokens('crm', [mine.token]);
    const everywhere = await registry.gatewayTokens([gatewayToken.token]);
    expect([mine, gatewayToken, kept].map(({ secret }) => opens(secret, route))).toEqual([true, false, false]);
    expect([mine, gatewayToken, kept].map(({ secret }) => opens(secret, everywhere))).toEqual([false, true, true]);
    expect(principalOf(mine.secret, route).id).not.toBe(principalOf(gatewayToken.secret, everywhere).id);
    expect(registry.accepts(principalOf(kept.secret, everywhere).id, route)).toBe(false);
  });

  it('expires, and its end is announced once however often the settings were loaded', async () => {
    const { secret, token } = configured('ci', { expires: new Date(START + 2_000) });
    const view = await registry.gatewayTokens([token]);
    await registry.gatewayTokens([token]);
    expect(opens(secret, view)).toBe(true);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(opens(secret, view)).toBe(false);
    expect(ended).toHaveLength(1);
  });

  it('is refused at start when its hash is none, or two names share one secret', async () => {
    const { token } = configured('a');
    await expect(registry.gatewayTokens([token, { ...token, name: 'b' }])).rejects.toThrow(
      '"a" and "b" are the same secret',
    );
    await expect(registry.gatewayTokens([{ ...token, hash: 'sha256:' }])).rejects.toThrow('"a"');
    await registry.gatewayTokens([token]);
  });
});

describe('when something fails', () => {
  it('a listener that throws is reported and the others are still told', async () => {
    const { record } = stored('ci');
    const later: string[] = [];
    registry.onEnded(() => {
      throw new Error('listener');
    });
    const stop = registry.onEnded((principal) => later.push(principal));
    await storage.tokens.insert(record);
    await registry.refresh();
    await storage.tokens.revoke([record.id], START);
    await registry.refresh();
    expect(later).toHaveLength(1);
    expect(errors).toEqual([new Error('listener')]);
    stop();
  });

  it('a store that cannot be read is reported, and known tokens stay what they were', async () => {
    const { secret, record } = stored('ci');
    await storage.tokens.insert(record);
    await registry.refresh();
    await storage.close();
    await vi.advanceTimersByTimeAsync(600);
    expect(errors).toHaveLength(1);
    expect(opens(secret)).toBe(true);
    await expect(registry.refresh()).rejects.toThrow();
    await expect(TokenRegistry.open(storage, { onError: () => undefined })).rejects.toThrow();
  });
});

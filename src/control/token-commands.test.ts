import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isToken } from '../crypto/token.ts';
import { isAccepted } from '../identity/authentication.ts';
import { type AcceptedTokens, TokenRegistry } from '../identity/token-registry.ts';
import { openSqlite } from '../storage/sqlite.ts';
import type { Storage } from '../storage/storage.ts';
import type { ControlEvent, ControlServices } from './command.ts';
import { type CommandInput, type CommandName, type CommandResult, runCommand } from './commands.ts';

const START = Date.parse('2026-09-01T00:00:00Z');
const HOUR = 3_600_000;

let folder: string;
let storage: Storage;
let registry: TokenRegistry;
let accepted: AcceptedTokens;
let records: ControlEvent[];
let services: ControlServices;

const run = <C extends CommandName>(name: C, input: CommandInput<C>): Promise<CommandResult<C>> =>
  runCommand(name, input, services);
const opens = (secret: string) => isAccepted(registry.authenticate([`Bearer ${secret}`], accepted));
const states = async () => (await run('token.list', {})).tokens.map(({ name, state }) => `${name} ${state}`);

beforeEach(async () => {
  vi.useFakeTimers({ now: START, toFake: ['Date', 'setInterval', 'clearInterval'] });
  folder = mkdtempSync(join(tmpdir(), 'sallyport-commands-'));
  storage = openSqlite(folder);
  registry = await TokenRegistry.open(storage, { onError: () => undefined });
  accepted = await registry.gatewayTokens([]);
  records = [];
  services = {
    storage,
    registry,
    perimeter: undefined,
    status: undefined,
    serverIds: () => ['crm', 'search'],
    record: (event) => void records.push(event),
  };
});
afterEach(async () => {
  await registry.close();
  await storage.close();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

describe('token.create', () => {
  it('makes a token that opens the running gateway at once, and tells the secret this once', async () => {
    const { secret, token, warnings } = await run('token.create', { name: 'ci', expires: '30d', servers: ['crm'] });
    expect(isToken(secret)).toBe(true);
    expect(opens(secret)).toBe(true);
    expect(warnings).toEqual([]);
    expect(token).toMatchObject({
      name: 'ci',
      prefix: secret.slice(0, 6),
      state: 'active',
      roles: ['user'],
      servers: ['crm'],
      created_at: '2026-09-01T00:00:00.000Z',
      expires_at: '2026-10-01T00:00:00.000Z',
      last_used_at: null,
    });
    expect(JSON.stringify(await run('token.list', {}))).not.toContain(secret);
    expect(JSON.stringify(records)).not.toContain(secret);
    expect(records).toEqual([{ command: 'token.create', ids: [token.id], summary: 'create token "ci"' }]);
  });

  it('names a token itself when nobody does', async () => {
    expect((await run('token.create', {})).token.name).toMatch(/^token-[0-9a-f]{8}$/);
  });

  it('takes a date, and holds until its first instant', async () => {
    const { token, secret } = await run('token.create', { expires: '2026-09-03' });
    expect(token.expires_at).toBe('2026-09-03T00:00:00.000Z');
    vi.setSystemTime(Date.parse('2026-09-03'));
    expect(opens(secret)).toBe(false);
  });

  it('warns of a server that is not configured', async () => {
    const { warnings } = await run('token.create', { servers: ['crmm'] });
    expect(warnings).toEqual([expect.stringMatching(/"crmm".*crm, search/)]);
  });

  it.each([
    [{ name: '' }, 'name'],
    [{ name: 'a\nb' }, 'name'],
    [{ name: '0b5d3f0e-6a3c-4a58-9d43-0c2b4f1a7e55' }, 'id'],
    [{ name: 'sp_x' }, 'secret'],
    [{ roles: [] }, 'role'],
    [{ roles: ['root'] as never }, 'roles'],
    [{ servers: [] }, 'servers'],
    [{ servers: ['no/such'] }, 'servers'],
    [{ expires: 'soon' }, '30d'],
    [{ expires: '2026-02-30' }, '2026-02-30'],
    [{ expires: '2026-08-31' }, 'past'],
    [{ expires: '0' }, 'past'],
    [{ scope: 'x' } as never, 'scope'],
  ])('refuses %j and makes nothing', async (input, word) => {
    await expect(run('token.create', input)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(word),
    });
    expect(await states()).toEqual([]);
    expect(records).toEqual([]);
  });

  it('refuses a name in use, and takes it again after revocation', async () => {
    await run('token.create', { name: 'ci' });
    await expect(run('token.create', { name: 'ci' })).rejects.toMatchObject({ code: 'conflict' });
    await run('token.revoke', { token: 'ci' });
    await run('token.create', { name: 'ci' });
    expect(await states()).toEqual(['ci revoked', 'ci active']);
  });

  it('makes nothing when it cannot be recorded', async () => {
    services = { ...services, record: () => Promise.reject(new Error('disk full')) };
    await expect(run('token.create', { name: 'ci' })).rejects.toThrow('disk full');
    expect(await states()).toEqual([]);
  });
});

describe('token.revoke', () => {
  it.each(['name', 'id'] as const)('ends access at once, by %s', async (by) => {
    const { secret, token } = await run('token.create', { name: 'ci' });
    expect(opens(secret)).toBe(true);
    const { revoked } = await run('token.revoke', { token: token[by] });
    expect(opens(secret)).toBe(false);
    expect(revoked).toEqual([expect.objectContaining({ id: token.id, state: 'revoked' })]);
    expect(records.at(-1)).toMatchObject({ command: 'token.revoke', ids: [token.id] });
  });

  it('says so when there is nothing left to revoke, and when there never was', async () => {
    await run('token.create', { name: 'ci' });
    await run('token.revoke', { token: 'ci' });
    expect(await run('token.revoke', { token: 'ci' })).toMatchObject({
      revoked: [],
      warnings: [expect.stringContaining('before')],
    });
    await expect(run('token.revoke', { token: 'cj' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('by name also ends a secret still in its time of grace; by id only that one', async () => {
    const first = await run('token.create', { name: 'ci' });
    const second = await run('token.rotate', { token: 'ci', grace: '24h' });
    await run('token.revoke', { token: first.token.id });
    expect([opens(first.secret), opens(second.secret)]).toEqual([false, true]);
    const third = await run('token.rotate', { token: 'ci', grace: '24h' });
    await run('token.revoke', { token: 'ci' });
    expect([opens(second.secret), opens(third.secret)]).toEqual([false, false]);
  });

  it('happens even when it cannot be recorded, and says so', async () => {
    const { secret } = await run('token.create', { name: 'ci' });
    services = { ...services, record: () => Promise.reject(new Error('disk full')) };
    expect((await run('token.revoke', { token: 'ci' })).warnings).toEqual([expect.stringContaining('audit')]);
    expect(opens(secret)).toBe(false);
  });

  it('does not take a secret, which would stay in the history of the shell', async () => {
    const { secret } = await run('token.create', { name: 'ci' });
    const refusal = await run('token.revoke', { token: secret }).catch((error: Error) => error.message);
    expect(refusal).toContain('secret');
    expect(refusal).not.toContain(secret);
  });
});

describe('token.rotate', () => {
  it('gives the same principal a new secret and ends the old one at once', async () => {
    const first = await run('token.create', { name: 'ci', roles: ['admin'], servers: ['crm'], expires: '30d' });
    const second = await run('token.rotate', { token: 'ci' });
    expect([opens(first.secret), opens(second.secret)]).toEqual([false, true]);
    const { name, principal, roles, servers, expires_at } = first.token;
    expect(second.token).toMatchObject({ name, principal, roles, servers, expires_at, state: 'active' });
    expect(second.token.id).not.toBe(first.token.id);
    expect(second.replaced).toMatchObject({ id: first.token.id, state: 'replaced', replaced_by: second.token.id });
    expect(records.at(-1)).toMatchObject({ command: 'token.rotate', ids: [first.token.id, second.token.id] });
  });

  it('lets the old secret live for a time of grace', async () => {
    const first = await run('token.create', { name: 'ci' });
    const second = await run('token.rotate', { token: 'ci', grace: '24h' });
    expect(second.replaced).toMatchObject({ state: 'grace', grace_until: '2026-09-02T00:00:00.000Z' });
    vi.setSystemTime(START + 24 * HOUR - 1);
    expect(opens(first.secret)).toBe(true);
    vi.setSystemTime(START + 24 * HOUR);
    expect([opens(first.secret), opens(second.secret)]).toEqual([false, true]);
    expect(await states()).toEqual(['ci replaced', 'ci active']);
  });

  it('never lengthens a life by grace', async () => {
    const first = await run('token.create', { name: 'ci', expires: '1h' });
    await run('token.rotate', { token: 'ci', grace: '24h', expires: '30d' });
    vi.setSystemTime(START + HOUR);
    expect(opens(first.secret)).toBe(false);
  });

  it('of an expired token needs a new expiry', async () => {
    await run('token.create', { name: 'ci', expires: '1h' });
    vi.setSystemTime(START + HOUR);
    expect(await states()).toEqual(['ci expired']);
    await expect(run('token.rotate', { token: 'ci' })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('--expires'),
    });
    expect(opens((await run('token.rotate', { token: 'ci', expires: '1h' })).secret)).toBe(true);
  });

  it('refuses a token that is gone, and a time of grace that is none', async () => {
    await run('token.create', { name: 'ci' });
    await expect(run('token.rotate', { token: 'ci', grace: '-1h' })).rejects.toMatchObject({ code: 'invalid' });
    await run('token.revoke', { token: 'ci' });
    await expect(run('token.rotate', { token: 'ci' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(run('token.rotate', { token: 'nobody' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('twice at the same time happens once', async () => {
    await run('token.create', { name: 'ci' });
    const results = await Promise.allSettled([
      run('token.rotate', { token: 'ci' }),
      run('token.rotate', { token: 'ci' }),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await states()).filter((state) => state === 'ci active')).toHaveLength(1);
  });
});

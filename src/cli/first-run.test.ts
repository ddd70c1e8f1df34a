import { readFileSync, statSync } from 'node:fs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { folderWith } from '../../test/fixtures/config/folder.ts';
import type { ControlServices } from '../control/command.ts';
import { runCommand } from '../control/commands.ts';
import { isToken } from '../crypto/token.ts';
import { isAccepted } from '../identity/authentication.ts';
import { TokenRegistry } from '../identity/token-registry.ts';
import { openSqlite } from '../storage/sqlite.ts';
import { firstRunToken } from './first-run.ts';

let stateDir: string;
let services: ControlServices;
let registry: TokenRegistry;

beforeEach(async () => {
  stateDir = folderWith({});
  const storage = openSqlite(stateDir);
  registry = await TokenRegistry.open(storage, { onError: () => {} });
  services = {
    storage,
    registry,
    perimeter: undefined,
    status: undefined,
    serverIds: () => ['crm', 'search'],
    record: () => {},
  };
  onTestFinished(async () => {
    await registry.close();
    await storage.close();
  });
});

const run = (terminal: boolean, servers: readonly string[] = ['crm']) =>
  firstRunToken(services, stateDir, servers, terminal);
const tokens = async () => (await runCommand('token.list', {}, services)).tokens;

describe('the first run', () => {
  it('makes a token and shows it on a terminal', async () => {
    const news = await run(true);
    expect(news).toEqual({ kind: 'shown', secret: expect.any(String) });
    const secret = news.kind === 'shown' ? news.secret : '';
    expect(isToken(secret)).toBe(true);
    expect(isAccepted(registry.authenticate([`Bearer ${secret}`], await registry.gatewayTokens([])))).toBe(true);
  });

  it('makes a token that opens the servers of this run and no later ones', async () => {
    await run(true, ['crm', 'search']);
    expect(await tokens()).toMatchObject([{ name: 'first-run', roles: ['user'], servers: ['crm', 'search'] }]);
  });

  it('writes it where nobody else can read it when there is no terminal', async () => {
    const news = await run(false);
    expect(news).toMatchObject({ kind: 'file', path: expect.stringContaining(stateDir) });
    const path = news.kind === 'file' ? news.path : '';
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(isToken(readFileSync(path, 'utf8').trim())).toBe(true);
  });
});

describe('a run without servers', () => {
  it('makes no token, and one is made when there is a server', async () => {
    expect(await run(true, [])).toEqual({ kind: 'no-servers' });
    expect(await tokens()).toEqual([]);
    expect(await run(true)).toMatchObject({ kind: 'shown' });
  });
});

describe('a later run', () => {
  it('makes no token while one opens every server', async () => {
    await run(true);
    expect(await run(true)).toEqual({ kind: 'exists' });
    expect(await tokens()).toHaveLength(1);
  });

  it('makes no token beside one for every server there will ever be', async () => {
    await runCommand('token.create', { name: 'ops' }, services);
    expect(await run(true, ['crm', 'search'])).toEqual({ kind: 'exists' });
  });

  it('makes another, under its own name, when a server was added that no token opens', async () => {
    await run(true, ['crm']);
    expect(await run(true, ['crm', 'search'])).toMatchObject({ kind: 'shown' });
    expect((await tokens()).map(({ name }) => name).sort()).toEqual(['first-run', 'first-run-2']);
  });

  it('makes another when the first was revoked', async () => {
    await run(true);
    await runCommand('token.revoke', { token: 'first-run' }, services);
    expect(await run(true)).toMatchObject({ kind: 'shown' });
  });
});

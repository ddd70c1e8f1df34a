import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callGateway } from '../../src/control/client.ts';
import type { ControlServices } from '../../src/control/command.ts';
import { runCommand } from '../../src/control/commands.ts';
import { ControlServer } from '../../src/control/server.ts';
import { isAccepted } from '../../src/identity/authentication.ts';
import { TokenRegistry } from '../../src/identity/token-registry.ts';
import { openSqlite } from '../../src/storage/sqlite.ts';
import { until } from '../support/wait.ts';

let stateDir: string;
let children: ChildProcess[];

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'sallyport-store-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) await kill(child);
  rmSync(stateDir, { recursive: true });
});

/** Starts a program of ours as another process; `lines` grows with what it prints. */
function start(name: string, ...args: string[]): { child: ChildProcess; lines: () => string[] } {
  const program = fileURLToPath(new URL(`../support/children/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [program, stateDir, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  return { child, lines: () => text.split('\n').slice(0, -1) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

function alone(storage: ControlServices['storage']): ControlServices {
  return {
    storage,
    registry: undefined,
    perimeter: undefined,
    status: undefined,
    serverIds: undefined,
    record: () => undefined,
  };
}

describe('the store', () => {
  it('opens after kill -9 in the middle of writes, whole, holding all that was acknowledged', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 8; round++) {
      const { child, lines } = start('token-writer', `round${round}`);
      await until(() => lines().length > round * 3, 'the writer has written some tokens');
      await kill(child);
      acknowledged.push(...lines());
      const storage = openSqlite(stateDir);
      const names = new Set((await storage.tokens.list()).map((record) => record.name));
      await storage.close();
      expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
    }
    const database = new Database(join(stateDir, 'state.db'));
    expect(database.prepare('PRAGMA integrity_check').raw().all()).toEqual([['ok']]);
    database.close();
  });

  it('takes changes of several processes at once, and the running gateway follows them', async () => {
    const storage = openSqlite(stateDir);
    const errors: unknown[] = [];
    const registry = await TokenRegistry.open(storage, { onError: (error) => errors.push(error) });
    const gateway = await registry.gatewayTokens([]);
    const writers = ['a', 'b', 'c'].map((label) => start('token-writer', label, '15'));
    const own = await runCommand('token.create', { name: 'own' }, alone(storage));
    const codes = await Promise.all(writers.map(async ({ child }) => (await once(child, 'close'))[0]));
    expect(codes).toEqual([0, 0, 0]);
    expect(await storage.tokens.list()).toHaveLength(3 * (15 + 5) + 1);
    const other = openSqlite(stateDir);
    const theirs = await runCommand('token.create', { name: 'theirs' }, alone(other));
    const opens = (secret: string) => isAccepted(registry.authenticate([`Bearer ${secret}`], gateway));
    await until(() => opens(theirs.secret) && opens(own.secret), 'the gateway knows both tokens', 1500);
    await runCommand('token.revoke', { token: 'theirs' }, alone(other));
    await until(() => !opens(theirs.secret), 'the gateway refuses the revoked token', 1500);
    expect(opens(own.secret)).toBe(true);
    expect(errors).toEqual([]);
    await registry.close();
    await Promise.all([storage.close(), other.close()]);
  });
});

describe('a second gateway on a state folder', () => {
  it('is refused with the pid of the first, and starts once that was killed, whatever it left behind', async () => {
    const first = start('control-holder');
    await until(() => first.lines().includes('ready'), 'the first gateway holds the folder');
    expect(await callGateway(stateDir, 'ping', {})).toEqual({ pid: first.child.pid });
    const storage = openSqlite(stateDir);
    const open = () => ControlServer.open({ stateDir, onError: () => undefined }, alone(storage));
    await expect(open()).rejects.toThrow(`pid ${first.child.pid}`);
    await kill(first.child);
    expect(existsSync(join(stateDir, 'control.sock'))).toBe(true);
    expect(await callGateway(stateDir, 'ping', {})).toBe('not-running');
    const second = await open();
    expect(await callGateway(stateDir, 'ping', {})).toEqual({ pid: process.pid });
    await second.close();
    await storage.close();
  });

  it('started at the same moment as others: exactly one gets it', async () => {
    const rivals = [1, 2, 3, 4].map(() => start('control-holder'));
    const losers = () => rivals.filter(({ child }) => child.exitCode !== null);
    await until(() => losers().length === 3, 'three have given up');
    const winner = rivals.find(({ child }) => child.exitCode === null);
    await until(() => winner?.lines().includes('ready'), 'the fourth is ready');
    expect(await callGateway(stateDir, 'ping', {})).toEqual({ pid: winner?.child.pid });
    expect(losers().every(({ child }) => child.exitCode !== 0)).toBe(true);
  });
});

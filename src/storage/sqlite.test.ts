import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MIGRATIONS } from './migrations.ts';
import { openSqlite } from './sqlite.ts';
import { inspectStateFolder, openStateFolder } from './state-folder.ts';

let scratch: string;
let folder: string;
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'sallyport-state-'));
  folder = join(scratch, 'deep', 'state');
});
afterEach(() => rmSync(scratch, { recursive: true }));

describe('the state folder', () => {
  it.each([0o000, 0o022, 0o077, 0o777])('is made 0700 and its files 0600 under umask %i', async (umask) => {
    mkdirSync(join(scratch, 'deep'));
    const before = process.umask(umask);
    try {
      const storage = openSqlite(folder);
      await storage.configuredPrincipals.idFor('x'); // so that the journal exists
      expect(mode(folder)).toBe('700');
      for (const file of ['state.db', 'state.db-wal', 'state.db-shm']) expect(mode(join(folder, file))).toBe('600');
      await storage.close();
    } finally {
      process.umask(before);
    }
  });

  it('is only looked for, not made, by inspectStateFolder', () => {
    expect(inspectStateFolder(folder)).toBe(false);
    openStateFolder(folder);
    expect(inspectStateFolder(folder)).toBe(true);
  });

  it.each([0o720, 0o702, 0o777])('is refused with the remedy when others can write to it (mode %i)', (bits) => {
    openStateFolder(folder);
    chmodSync(folder, bits);
    expect(() => openStateFolder(folder)).toThrow(`chmod 700 '${folder}'`);
    chmodSync(folder, 0o700);
    expect(openStateFolder(folder)).toBe(folder);
  });

  it('is refused with the remedy when another user owns it', () => {
    const root = process.getuid?.() === 0;
    const foreign = root ? openStateFolder(folder) : '/';
    if (root) chownSync(foreign, 4321, 0);
    expect(() => openSqlite(foreign)).toThrow(/belongs to user id \d+, but .*chown -R \d+ .*--state-dir/);
  });

  it('is refused when it is a file, or lies under one', () => {
    mkdirSync(join(scratch, 'deep'));
    writeFileSync(folder, '');
    expect(() => openStateFolder(folder)).toThrow('is not a folder');
    expect(() => openStateFolder(join(folder, 'below'))).toThrow('--state-dir');
  });
});

describe('state.db', () => {
  it('left readable by others is closed to them', async () => {
    await openSqlite(folder).close();
    chmodSync(join(folder, 'state.db'), 0o644);
    await openSqlite(folder).close();
    expect(mode(join(folder, 'state.db'))).toBe('600');
  });

  it('is refused when it is a symbolic link', () => {
    openStateFolder(folder);
    writeFileSync(join(scratch, 'elsewhere.db'), '');
    symlinkSync(join(scratch, 'elsewhere.db'), join(folder, 'state.db'));
    expect(() => openSqlite(folder)).toThrow('not a plain file');
  });

  it('of a newer release is refused and left as it was', async () => {
    await openSqlite(folder).close();
    const newer = new Database(join(folder, 'state.db'));
    newer.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    expect(() => openSqlite(folder)).toThrow(expect.objectContaining({ fault: 'too-new' }));
    newer.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    newer.close();
    await openSqlite(folder).close();
  });

  it('that is not a database is refused with a way out, and left as it was', () => {
    openStateFolder(folder);
    const path = join(folder, 'state.db');
    writeFileSync(path, 'a shopping list, perhaps. '.repeat(100));
    expect(() => openSqlite(folder)).toThrow(/cannot be opened.*backup/);
    expect(statSync(path).size).toBe(2600);
  });
});

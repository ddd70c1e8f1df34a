import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockStateFolder } from './folder-lock.ts';
import { openSqlite } from './sqlite.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the lock of a state folder', () => {
  it('is given to one gateway at a time, and again once it is released', () => {
    const first = lockStateFolder(folder);
    expect(first).toBeDefined();
    expect(lockStateFolder(folder)).toBeUndefined();
    first?.release();
    first?.release();
    const second = lockStateFolder(folder);
    expect(second).toBeDefined();
    second?.release();
  });

  it('keeps nobody from the store', async () => {
    const lock = lockStateFolder(folder);
    const storage = openSqlite(folder);
    expect(await storage.tokens.list()).toEqual([]);
    await storage.close();
    lock?.release();
  });
});

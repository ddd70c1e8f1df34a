import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKeyFile } from './key-file.ts';
import { StorageError } from './storage.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a key in the state folder', () => {
  it('is made once, for this user alone, and is the same ever after', () => {
    const key = openKeyFile(folder, 'tasks.key', 32);
    expect(key).toHaveLength(32);
    expect(statSync(join(folder, 'tasks.key')).mode & 0o777).toBe(0o600);
    expect(openKeyFile(folder, 'tasks.key', 32)).toEqual(key);
    expect(readdirSync(folder)).toEqual(['tasks.key']);
    expect(openKeyFile(folder, 'other.key', 32)).not.toEqual(key);
  });

  it('is made anew where a process was killed while it made one', () => {
    writeFileSync(join(folder, 'tasks.key.new'), 'half');
    expect(openKeyFile(folder, 'tasks.key', 32)).toHaveLength(32);
    expect(readdirSync(folder)).toEqual(['tasks.key']);
  });

  it('is closed to others when somebody opened it', () => {
    const key = openKeyFile(folder, 'tasks.key', 32);
    chmodSync(join(folder, 'tasks.key'), 0o644);
    expect(openKeyFile(folder, 'tasks.key', 32)).toEqual(key);
    expect(statSync(join(folder, 'tasks.key')).mode & 0o777).toBe(0o600);
  });

  it('is refused, and left alone, when it is not what it should be', () => {
    writeFileSync(join(folder, 'short.key'), 'abc');
    expect(() => openKeyFile(folder, 'short.key', 32)).toThrow(/short\.key is not 32 bytes long.*remove it/s);
    writeFileSync(join(folder, 'target'), Buffer.alloc(32));
    symlinkSync(join(folder, 'target'), join(folder, 'link.key'));
    expect(() => openKeyFile(folder, 'link.key', 32)).toThrow(StorageError);
    expect(() => openKeyFile(join(folder, 'nowhere'), 'tasks.key', 32)).toThrow(StorageError);
  });
});

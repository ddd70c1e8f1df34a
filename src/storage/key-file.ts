import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secureFile } from './secure-file.ts';
import { StorageError } from './storage.ts';

/**
 * A random key in the state folder, 0600: made once, the same ever after.
 *
 * @param bytes how long it is
 * @throws StorageError `unsafe` when it is no plain file of this user, `unusable` when it cannot be read or made
 */
export function openKeyFile(stateFolder: string, name: string, bytes: number): Buffer {
  const path = join(stateFolder, name);
  try {
    const known = readKey(path);
    if (known === undefined) return newKey(path, bytes);
    if (known.length === bytes) return known;
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError('unusable', `The key ${path} cannot be used: ${(error as Error).message}`, error);
  }
  throw new StorageError(
    'unusable',
    `The key ${path} is not ${bytes} bytes long. Put a backup in its place, or remove it to get a new one ` +
      '(what was marked with the old one is then unknown).',
  );
}

function readKey(path: string): Buffer | undefined {
  let key: Buffer;
  try {
    key = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  secureFile(path);
  return key;
}

/** Whole or not at all: a process may be killed at any moment. */
function newKey(path: string, bytes: number): Buffer {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  secureFile(draft);
  const key = randomBytes(bytes);
  writeFileSync(draft, key, { flush: true });
  renameSync(draft, path);
  return key;
}

import { chmodSync, closeSync, lstatSync, openSync } from 'node:fs';
import { StorageError } from './storage.ts';

/**
 * Makes a database file 0600 before SQLite sees it; its journal and index files take the same mode.
 * An existing file is only looked at by path: closing a second descriptor would drop the locks SQLite holds on it.
 *
 * @throws StorageError `unsafe` when it is no plain file of this user
 */
export function secureFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    chmodSync(path, 0o600); // a umask may have taken the owner's own bits
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const stats = lstatSync(path);
  if (!stats.isFile())
    throw new StorageError('unsafe', `The file ${path} is not a plain file. Remove it, or name another --state-dir.`);
  const user = process.getuid?.();
  if (user !== undefined && stats.uid !== user) {
    throw new StorageError(
      'unsafe',
      `The file ${path} belongs to user id ${stats.uid}, not to this process's ${user}. Remedy: chown ${user} '${path}'`,
    );
  }
  if ((stats.mode & 0o177) !== 0) chmodSync(path, 0o600);
}

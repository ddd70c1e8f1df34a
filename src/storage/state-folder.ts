import { chmodSync, type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { StorageError } from './storage.ts';

const OTHERS_CAN_WRITE = 0o022;

/**
 * The state folder, made if it is missing (0700 whatever the umask), and fit to hold secrets.
 *
 * @returns its absolute path
 * @throws StorageError `unsafe` when another user owns it or could write to it, `unusable` when it cannot be made
 */
export function openStateFolder(path: string): string {
  const folder = resolve(path);
  if (inspectStateFolder(folder)) {
    // Ours, but perhaps made by somebody in a hurry: what is in it is nobody else's to read.
    chmodSync(folder, 0o700);
    return folder;
  }
  try {
    makeFolder(folder, 0o700);
    chmodSync(folder, 0o700);
  } catch (error) {
    throw unreachable(folder, error);
  }
  inspectStateFolder(folder);
  return folder;
}

/**
 * Whether the state folder exists; makes nothing.
 *
 * @throws StorageError `unsafe` when it is there and another user owns it or could write to it, `unusable` when it is no folder
 */
export function inspectStateFolder(path: string): boolean {
  const folder = resolve(path);
  let stats: Stats | undefined;
  try {
    stats = statSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    throw unreachable(folder, error);
  }
  if (stats === undefined) return false;
  if (!stats.isDirectory()) {
    throw new StorageError('unusable', `The state folder ${folder} is not a folder. Name another with --state-dir.`);
  }
  refuseShared(folder, stats);
  return true;
}

function refuseShared(folder: string, stats: Stats): void {
  const user = process.getuid?.();
  if (user === undefined) return; // Windows: guarded by the access list of the user's own profile
  if (stats.uid !== user) {
    throw new StorageError(
      'unsafe',
      `The state folder ${folder} belongs to user id ${stats.uid}, but this process runs as ${user}. ` +
        `Run as its owner, give it to this user (chown -R ${user} '${folder}'), or name another with --state-dir.`,
    );
  }
  if ((stats.mode & OTHERS_CAN_WRITE) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    throw new StorageError(
      'unsafe',
      `The state folder ${folder} can be written to by other users (mode ${mode}). Close it with: chmod 700 '${folder}'`,
    );
  }
}

function unreachable(folder: string, error: unknown): StorageError {
  return new StorageError(
    'unusable',
    `The state folder ${folder} cannot be used (${(error as NodeJS.ErrnoException).code}). ` +
      'Name one you can write to with --state-dir or SALLYPORT_STATE_DIR.',
    error,
  );
}

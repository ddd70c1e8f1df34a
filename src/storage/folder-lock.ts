import { join } from 'node:path';
import Database from 'libsql';
import { secureFile } from './secure-file.ts';
import { openStateFolder } from './state-folder.ts';

/** Held by the one gateway that works on a state folder. */
export interface FolderLock {
  release(): void;
}

const LOCK_FILE = 'gateway.lock';

/**
 * Takes the state folder for one gateway. The lock is SQLite's own on an empty database: the kernel drops it with the process,
 * however that ends, so it can neither be left behind nor be taken twice by two that start at once.
 *
 * @returns undefined when another gateway holds it
 * @throws StorageError when the folder is not fit
 */
export function lockStateFolder(stateFolder: string): FolderLock | undefined {
  const path = join(openStateFolder(stateFolder), LOCK_FILE);
  secureFile(path);
  const database = new Database(path);
  database.pragma('busy_timeout = 0');
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined;
    throw error;
  }
  return {
    release() {
      if (!database.open) return;
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

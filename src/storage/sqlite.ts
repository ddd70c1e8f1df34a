import { join } from 'node:path';
import Database from 'libsql';
import { uuid } from '../crypto/random.ts';
import { MIGRATIONS } from './migrations.ts';
import { secureFile } from './secure-file.ts';
import { SqliteAddresses } from './sqlite-addresses.ts';
import { SqliteTokens } from './sqlite-tokens.ts';
import { openStateFolder } from './state-folder.ts';
import { type ConfiguredPrincipals, type Storage, StorageError } from './storage.ts';

/** The database's file name inside the state folder. */
export const DATABASE_FILE = 'state.db';

/** How long a write waits for another process's write. Those take well under a millisecond; a gateway must not stall for longer. */
const BUSY_TIMEOUT_MS = 2000;

/**
 * Opens `state.db` in a state folder, making both when they are missing. Several processes may have it open.
 * WAL with full synchronisation: a process killed at any moment leaves a store that opens, holding all that was acknowledged.
 *
 * @throws StorageError `unsafe`, `too-new` (and leaves the file as it was) or `unusable`
 */
export function openSqlite(stateFolder: string): Storage {
  const path = join(openStateFolder(stateFolder), DATABASE_FILE);
  try {
    secureFile(path);
    const database = new Database(path);
    try {
      prepare(database, path);
      return new SqliteStorage(database);
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError(
      'unusable',
      `The store ${path} cannot be opened: ${(error as Error).message}. ` +
        'Put a backup in its place, or move it away to start with an empty one (every stored token is lost then).',
      error,
    );
  }
}

class SqliteStorage implements Storage {
  readonly tokens: SqliteTokens;
  readonly addresses: SqliteAddresses;
  readonly configuredPrincipals: ConfiguredPrincipals;
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
    this.tokens = new SqliteTokens(database);
    this.addresses = new SqliteAddresses(database);
    const insert = database.prepare(
      'INSERT INTO configured_principals (name, uuid) VALUES (?, ?) ON CONFLICT DO NOTHING',
    );
    const select = database.prepare('SELECT uuid FROM configured_principals WHERE name = ?').raw();
    this.configuredPrincipals = {
      async idFor(key) {
        if (select.get(key) === undefined) insert.run(key, uuid());
        return (select.get(key) as [string])[0];
      },
    };
  }

  async close(): Promise<void> {
    if (!this.#database.open) return;
    // The driver keeps its files open until statements are collected, so the journal is folded in now.
    this.#database.pragma('wal_checkpoint(PASSIVE)');
    this.#database.close();
  }
}

function prepare(database: Database.Database, path: string): void {
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  if (pragma(database, 'journal_mode') !== 'wal') database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  refuseNewer(database, path);
  // Another process may be migrating too: whoever gets the write lock first does it, the other finds it done.
  database
    .transaction(() => {
      refuseNewer(database, path);
      for (let version = schemaVersion(database); version < MIGRATIONS.length; version++) {
        database.exec(MIGRATIONS[version]!);
        database.exec(`PRAGMA user_version = ${version + 1}`);
      }
    })
    .immediate();
}

function refuseNewer(database: Database.Database, path: string): void {
  const version = schemaVersion(database);
  if (version <= MIGRATIONS.length) return;
  throw new StorageError(
    'too-new',
    `The store ${path} was written by a newer release (schema ${version}; this one knows ${MIGRATIONS.length}). ` +
      'Run that release, or name another --state-dir.',
  );
}

function schemaVersion(database: Database.Database): number {
  return pragma(database, 'user_version') as number;
}

function pragma(database: Database.Database, name: string): unknown {
  return (database.prepare(`PRAGMA ${name}`).raw().get() as [unknown])[0];
}

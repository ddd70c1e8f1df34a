import type Database from 'libsql';
import { type AddressRecord, type AddressRecords, StorageError } from './storage.ts';

const COLUMNS = 'id, verdict, cidr, origin, reason, owner, created_at, expires_at, strikes';

/** A row in the order of COLUMNS. */
type Row = [
  id: string,
  verdict: AddressRecord['verdict'],
  cidr: string,
  origin: AddressRecord['origin'],
  reason: string | null,
  owner: string | null,
  createdAt: number,
  expiresAt: number | null,
  strikes: number,
];

/** The address book in SQLite. Prepared once; every method runs in one turn of the event loop. */
export class SqliteAddresses implements AddressRecords {
  readonly #database: Database.Database;
  readonly #insert: Database.Statement;
  readonly #list: Database.Statement;
  readonly #remove: Database.Statement;
  readonly #revision: Database.Statement;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#insert = database.prepare(`INSERT INTO address_entries (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#list = database.prepare(`SELECT ${COLUMNS} FROM address_entries ORDER BY created_at, rowid`).raw();
    this.#remove = database.prepare('DELETE FROM address_entries WHERE id = ?');
    this.#revision = database.prepare('PRAGMA data_version').raw();
  }

  async put(records: readonly AddressRecord[], replaces: readonly string[]): Promise<void> {
    this.#atomically(() => {
      for (const id of replaces) this.#remove.run(id);
      for (const record of records) this.#write(record);
    });
  }

  async list(): Promise<readonly AddressRecord[]> {
    this.#refuseClosed();
    return (this.#list.all() as Row[]).map(fromRow);
  }

  async remove(ids: readonly string[]): Promise<number> {
    return this.#atomically(() => ids.reduce((count, id) => count + this.#remove.run(id).changes, 0));
  }

  async revision(): Promise<number> {
    this.#refuseClosed();
    return (this.#revision.get() as [number])[0];
  }

  #write(record: AddressRecord): void {
    try {
      this.#insert.run(...toRow(record));
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_CONSTRAINT_PRIMARYKEY') throw error;
      throw new StorageError('conflict', `An entry already has the id ${record.id}.`, error);
    }
  }

  #atomically<T>(work: () => T): T {
    this.#refuseClosed();
    return this.#database.transaction(work).immediate();
  }

  /** The driver lets prepared statements go on after `close`; a caller that does is mistaken, and must notice. */
  #refuseClosed(): void {
    if (!this.#database.open) throw new StorageError('unusable', 'The store has been closed.');
  }
}

function toRow(record: AddressRecord): Row {
  const { id, verdict, cidr, origin, reason, owner, createdAt, expiresAt, strikes } = record;
  return [id, verdict, cidr, origin, reason, owner, createdAt, expiresAt, strikes];
}

function fromRow(row: Row): AddressRecord {
  const [id, verdict, cidr, origin, reason, owner, createdAt, expiresAt, strikes] = row;
  return { id, verdict, cidr, origin, reason, owner, createdAt, expiresAt, strikes };
}

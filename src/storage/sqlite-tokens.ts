import type Database from 'libsql';
import type { TokenHash } from '../crypto/token.ts';
import { StorageError, type TokenRecord, type TokenRecords } from './storage.ts';

const COLUMNS = [
  'id',
  'principal_id',
  'name',
  'hash',
  'prefix',
  'roles',
  'servers',
  'created_at',
  'expires_at',
  'revoked_at',
  'replaced_by',
  'grace_until',
  'last_used_at',
] as const;

/** A row in the order of COLUMNS. Rows are read as arrays: as objects the driver would add a `_metadata` of its own. */
type Row = [
  id: string,
  principalId: string,
  name: string,
  hash: TokenHash,
  prefix: string,
  roles: string,
  servers: string | null,
  createdAt: number,
  expiresAt: number | null,
  revokedAt: number | null,
  replacedBy: string | null,
  graceUntil: number | null,
  lastUsedAt: number | null,
];

/** Token records in SQLite. Prepared once; every method runs in one turn of the event loop. */
export class SqliteTokens implements TokenRecords {
  readonly #database: Database.Database;
  readonly #insert: Database.Statement;
  readonly #list: Database.Statement;
  readonly #revoke: Database.Statement;
  readonly #retire: Database.Statement;
  readonly #touch: Database.Statement;
  readonly #revision: Database.Statement;

  constructor(database: Database.Database) {
    this.#database = database;
    const places = COLUMNS.map(() => '?').join(', ');
    this.#insert = database.prepare(`INSERT INTO tokens (${COLUMNS.join(', ')}) VALUES (${places})`);
    this.#list = database.prepare(`SELECT ${COLUMNS.join(', ')} FROM tokens ORDER BY created_at, rowid`).raw();
    this.#revoke = database.prepare('UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL');
    this.#retire = database.prepare(
      `UPDATE tokens SET replaced_by = ?, grace_until = ?, revoked_at = ?
       WHERE id = ? AND revoked_at IS NULL AND replaced_by IS NULL`,
    );
    this.#touch = database.prepare(
      'UPDATE tokens SET last_used_at = ?1 WHERE id = ?2 AND coalesce(last_used_at, 0) < ?1',
    );
    this.#revision = database.prepare('PRAGMA data_version').raw();
  }

  async insert(record: TokenRecord): Promise<void> {
    this.#refuseClosed();
    this.#write(record);
  }

  async list(): Promise<readonly TokenRecord[]> {
    this.#refuseClosed();
    return (this.#list.all() as Row[]).map(fromRow);
  }

  async revoke(ids: readonly string[], at: number): Promise<number> {
    return this.#atomically(() => ids.reduce((count, id) => count + this.#revoke.run(at, id).changes, 0));
  }

  async replace(id: string, successor: TokenRecord, graceUntil: number | null): Promise<void> {
    this.#atomically(() => {
      const revokedAt = graceUntil === null ? successor.createdAt : null;
      if (this.#retire.run(successor.id, graceUntil, revokedAt, id).changes === 0) {
        throw new StorageError('conflict', `The token ${id} is unknown, revoked or already replaced.`);
      }
      this.#write(successor);
    });
  }

  async touch(uses: readonly { readonly id: string; readonly at: number }[]): Promise<void> {
    this.#atomically(() => {
      for (const { id, at } of uses) this.#touch.run(at, id);
    });
  }

  async revision(): Promise<number> {
    this.#refuseClosed();
    return (this.#revision.get() as [number])[0];
  }

  /** Takes the write lock at once: a transaction that began by reading could not wait for it later. */
  #atomically<T>(work: () => T): T {
    this.#refuseClosed();
    return this.#database.transaction(work).immediate();
  }

  /** The driver lets prepared statements go on after `close`; a caller that does is mistaken, and must notice. */
  #refuseClosed(): void {
    if (!this.#database.open) throw new StorageError('unusable', 'The store has been closed.');
  }

  #write(record: TokenRecord): void {
    try {
      this.#insert.run(...toRow(record));
    } catch (error) {
      if (!String((error as { code?: string }).code).startsWith('SQLITE_CONSTRAINT')) throw error;
      throw new StorageError('conflict', `A current token is already named "${record.name}".`, error);
    }
  }
}

function toRow(record: TokenRecord): Row {
  return [
    record.id,
    record.principalId,
    record.name,
    record.hash,
    record.prefix,
    JSON.stringify(record.roles),
    record.servers === null ? null : JSON.stringify(record.servers),
    record.createdAt,
    record.expiresAt,
    record.revokedAt,
    record.replacedBy,
    record.graceUntil,
    record.lastUsedAt,
  ];
}

function fromRow(row: Row): TokenRecord {
  const [id, principalId, name, hash, prefix, roles, servers, ...times] = row;
  const [createdAt, expiresAt, revokedAt, replacedBy, graceUntil, lastUsedAt] = times;
  return {
    id,
    principalId,
    name,
    hash,
    prefix,
    roles: JSON.parse(roles) as string[],
    servers: servers === null ? null : (JSON.parse(servers) as string[]),
    createdAt,
    expiresAt,
    revokedAt,
    replacedBy,
    graceUntil,
    lastUsedAt,
  };
}

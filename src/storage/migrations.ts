/**
 * The schema, one entry for each `user_version`, in order. A released entry never changes: later releases add entries.
 * Each runs in a transaction together with the version it leads to, so a killed process leaves the old schema or the new one.
 */
export const MIGRATIONS: readonly string[] = [
  // 1: tokens, and identities for tokens of the configuration file
  `CREATE TABLE tokens (
     id TEXT PRIMARY KEY,
     principal_id TEXT NOT NULL,
     name TEXT NOT NULL,
     hash TEXT NOT NULL UNIQUE,
     prefix TEXT NOT NULL,
     roles TEXT NOT NULL,
     servers TEXT,
     created_at INTEGER NOT NULL,
     expires_at INTEGER,
     revoked_at INTEGER,
     replaced_by TEXT,
     grace_until INTEGER,
     last_used_at INTEGER
   ) STRICT;
   CREATE UNIQUE INDEX tokens_current_name ON tokens (name) WHERE revoked_at IS NULL AND replaced_by IS NULL;
   CREATE TABLE configured_principals (
     name TEXT PRIMARY KEY,
     uuid TEXT NOT NULL UNIQUE
   ) STRICT;`,
  // 2: addresses let in and kept out while the gateway runs
  `CREATE TABLE address_entries (
     id TEXT PRIMARY KEY,
     verdict TEXT NOT NULL CHECK (verdict IN ('allow', 'deny')),
     cidr TEXT NOT NULL,
     origin TEXT NOT NULL CHECK (origin IN ('command', 'ban')),
     reason TEXT,
     owner TEXT,
     created_at INTEGER NOT NULL,
     expires_at INTEGER,
     strikes INTEGER NOT NULL
   ) STRICT;`,
];

import { type Audit, disabledAudit } from './audit/audit.ts';
import { AuditLog } from './audit/log.ts';
import { auditShowing, type ShowAddress, showAddresses } from './audit/shown-addresses.ts';
import type { Loaded } from './config/load.ts';
import { MAC_KEY_BYTES, MacKey } from './crypto/mac.ts';
import { TokenRegistry } from './identity/token-registry.ts';
import { AddressBook } from './perimeter/address-book.ts';
import { VOCABULARY } from './proxy/vocabulary.ts';
import { TaskHandles } from './session/task-handles.ts';
import { openKeyFile } from './storage/key-file.ts';
import { openSqlite } from './storage/sqlite.ts';
import { openStateFolder } from './storage/state-folder.ts';
import type { Storage } from './storage/storage.ts';
import type { Log } from './telemetry/log.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';

/** What the state folder holds, opened. */
export interface Parts {
  readonly stateDir: string;
  readonly storage: Storage;
  readonly registry: TokenRegistry;
  readonly book: AddressBook;
  readonly audit: Audit;
  /** How callers' addresses are written in log lines; the record does it by itself. */
  readonly show: ShowAddress;
  readonly metrics: Metrics;
  readonly taskHandles: TaskHandles;
}

/** @throws StorageError or Error, each naming the setting and the remedy; nothing is left open then */
export async function openParts({ loaded, log }: { loaded: Loaded; log: Log }): Promise<Parts> {
  const { settings } = loaded;
  const stateDir = openStateFolder(loaded.stateDir);
  const metrics = createMetrics({ ...VOCABULARY, servers: settings.mcps.map((server) => server.id) });
  const opened: { close(): Promise<void> }[] = [];
  const failed = (what: string) => (error: unknown) => log.error(what, { error: String(error) });
  try {
    const storage = openSqlite(stateDir);
    opened.unshift(storage);
    const registry = await TokenRegistry.open(storage, { onError: failed('the token store failed') });
    opened.unshift(registry);
    const book = await AddressBook.open(storage.addresses, { onError: failed('the address book failed') });
    opened.unshift(book);
    const record = settings.audit.enabled ? AuditLog.open(settings.audit, { log, metrics }) : disabledAudit;
    opened.unshift(record);
    const show = addressesShown(settings.audit.addresses, stateDir);
    const audit = settings.audit.addresses === 'full' ? record : auditShowing(record, show);
    const taskHandles = new TaskHandles(new MacKey(openKeyFile(stateDir, 'tasks.key', MAC_KEY_BYTES)));
    return { stateDir, storage, registry, book, audit, show, metrics, taskHandles };
  } catch (error) {
    for (const part of opened) await part.close();
    throw error;
  }
}

function addressesShown(mode: Loaded['settings']['audit']['addresses'], stateDir: string): ShowAddress {
  if (mode !== 'hashed') return showAddresses(mode, (text) => text);
  const key = new MacKey(openKeyFile(stateDir, 'addresses.key', MAC_KEY_BYTES));
  return showAddresses(mode, (text) => key.mark(text));
}

/** Idempotent. */
export async function closeParts({
  audit,
  registry,
  book,
  storage,
}: Pick<Parts, 'audit' | 'registry' | 'book' | 'storage'>): Promise<void> {
  await audit.close();
  await registry.close();
  await book.close();
  await storage.close();
}

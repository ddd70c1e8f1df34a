import type { AddressRecord } from '../storage/storage.ts';
import { type BookEntry, entryOf } from './book-entry.ts';
import { EntryTable } from './entry-table.ts';
import type { LiveEntries } from './live-entries.ts';

/**
 * Entries as a gateway would have them that started now: read, and nothing written, while none runs.
 * @throws StorageError when one cannot be read
 */
export function storedEntries(records: readonly AddressRecord[]): LiveEntries {
  const denials = new EntryTable<BookEntry>();
  const allowances = new EntryTable<BookEntry>();
  for (const record of records) (record.verdict === 'deny' ? denials : allowances).add(entryOf(record));
  return {
    epoch: 0,
    denial: (address) => denials.find(address, Date.now()),
    allowance: (address) => allowances.find(address, Date.now()),
  };
}

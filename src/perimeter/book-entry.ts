import { type Cidr, parseCidr } from '../net/cidr.ts';
import { type AddressRecord, StorageError } from '../storage/storage.ts';
import type { Expiring } from './entry-table.ts';
import type { LiveEntry } from './live-entries.ts';

/** A stored entry, ready to be compared with addresses. */
export interface BookEntry extends LiveEntry, Expiring {
  readonly record: AddressRecord;
}

/** @throws StorageError when its network cannot be read: a denial must not be passed over */
export function entryOf(record: AddressRecord): BookEntry {
  const network = parseCidr(record.cidr);
  if ('fault' in network) {
    throw new StorageError(
      'unusable',
      `The address entry ${record.id} in the store is for "${record.cidr}", which ${network.fault}. ` +
        'Put a backup of the store in its place.',
    );
  }
  return entryFor(record, network);
}

/** @param network that of the record */
export function entryFor(record: AddressRecord, network: Cidr): BookEntry {
  const { id, cidr, origin, reason, expiresAt } = record;
  return { id, cidr, origin, reason: reason ?? undefined, expiresAt: expiresAt ?? undefined, network, record };
}

import { networkOf } from '../net/cidr.ts';
import { parseAddress } from '../net/parse-address.ts';
import type { Audit } from './audit.ts';
import type { AuditRow } from './record.ts';

/** How an address of a caller is written down. The same address is always written alike. */
export type ShowAddress = (address: string) => string;

/** As many as are remembered: a caller's address is written several times in a row. */
const REMEMBERED = 4096;
/** What is left of a truncated address: enough to tell a provider, too little to tell a household. */
const IPV4_BITS = 24;
const IPV6_BITS = 48;
const HASH_LENGTH = 16;

/** @param mark makes a text that only the holder of a key can make again: there are too few IPv4 addresses for a bare hash */
export function showAddresses(mode: 'full' | 'truncated' | 'hashed', mark: (text: string) => string): ShowAddress {
  if (mode === 'full') return (address) => address;
  const show = mode === 'truncated' ? truncated : (address: string) => `h:${mark(address).slice(0, HASH_LENGTH)}`;
  const known = new Map<string, string>();
  return (address) => {
    if (address === '') return '';
    const found = known.get(address);
    if (found !== undefined) return found;
    const shown = show(address);
    if (known.size >= REMEMBERED) known.clear();
    known.set(address, shown);
    return shown;
  };
}

function truncated(text: string): string {
  const address = parseAddress(text);
  if (address === undefined) return '(no address)';
  return networkOf(address, address.family === 4 ? IPV4_BITS : IPV6_BITS).text;
}

/** The same record, in which no row names a caller's address otherwise than shown. */
export function auditShowing(audit: Audit, show: ShowAddress): Audit {
  const row = (whole: AuditRow): AuditRow => ({
    ...whole,
    peer: whole.peer === undefined ? undefined : show(whole.peer),
    client: whole.client === undefined ? undefined : show(whole.client),
  });
  return {
    write: (whole) => audit.write(row(whole)),
    note: (whole) => audit.note(row(whole)),
    refusal: (whole, key) => audit.refusal(row(whole), show(key)),
    flush: () => audit.flush(),
    close: () => audit.close(),
    get healthy() {
      return audit.healthy;
    },
  };
}

import { Cidr, parseCidr } from '../net/cidr.ts';
import type { ListedEntry } from './address-list.ts';
import type { LiveEntry } from './live-entries.ts';

/** A network for people: both ends of it match, whatever a host may be called. */
export interface ShownNetwork {
  readonly cidr: string;
  readonly first: string;
  readonly last: string;
  /** In decimal: beyond what a JSON number holds exactly. */
  readonly count: string;
}

/** One entry of a list, or one made while the gateway runs. */
export interface ShownRule extends ShownNetwork {
  /** Its place: `security.ip_whitelist[2]`, `office.txt:17`, `entry 3f2a91c0`, `ban 3f2a91c0`. */
  readonly place: string;
  readonly note: string | null;
  /** ISO 8601, UTC; null when it stays. */
  readonly expires: string | null;
}

export function shownNetwork(network: Cidr): ShownNetwork {
  return {
    cidr: network.text,
    first: network.first.text,
    last: network.last.text,
    count: network.count.toString(),
  };
}

export function shownListed({ cidr, place, note, expiresAt }: ListedEntry): ShownRule {
  return { place, ...shownNetwork(cidr), note: note ?? null, expires: moment(expiresAt) };
}

export function shownLive({ id, cidr, origin, reason, expiresAt }: LiveEntry): ShownRule {
  const network = parseCidr(cidr);
  const place = `${origin === 'ban' ? 'ban' : 'entry'} ${id.slice(0, 8)}`;
  const shown = network instanceof Cidr ? shownNetwork(network) : { cidr, first: '', last: '', count: '' };
  return { place, ...shown, note: reason ?? null, expires: moment(expiresAt) };
}

function moment(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString();
}

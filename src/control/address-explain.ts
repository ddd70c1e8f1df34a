import { z } from 'zod';
import { Connection } from '../http/connection.ts';
import { RequestHeaders } from '../http/request-headers.ts';
import { Cidr, parseCidr } from '../net/cidr.ts';
import type { BelievedHeader } from '../net/forwarded-walk.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { type Explanation, explain } from '../perimeter/explain.ts';
import { type ExplainedNetwork, explainNetwork } from '../perimeter/explain-network.ts';
import type { PerimeterInForce } from '../perimeter/in-force.ts';
import type { AddressRecord } from '../storage/storage.ts';
import { CommandError, command } from './command.ts';

/** A header holds this much; so does what is asked about. */
const header = z.string().max(16_384).optional();

export const question = z.strictObject({
  /** An address, or a network; may be left out where a peer is given. */
  address: z.string().max(100).optional(),
  /** The socket peer: an address, or `unix`. Default: the address itself. */
  peer: z.string().max(100).optional(),
  xff: header,
  forwarded: header,
  real_ip: header,
  cf_connecting_ip: header,
  /** The route of this server. */
  server: z.string().optional(),
});

export type Question = z.output<typeof question>;

/** What an answer is made from. */
export interface ExplainSource {
  readonly perimeter: PerimeterInForce;
  /** Entries made while the gateway runs, in force or ended. */
  readonly records: readonly AddressRecord[];
  readonly servers: readonly string[];
  /** IP_ALLOWLIST is set and counts for nothing. */
  readonly isListIgnored: boolean;
}

export interface Explained {
  readonly address: Explanation | null;
  readonly network: ExplainedNetwork | null;
}

/** `ip.explain`: why a request from there is let in or kept out. */
export const explainAddress = command(question, async (wish, { perimeter, serverIds }): Promise<Explained> => {
  if (perimeter === undefined) throw new CommandError('failed', 'No gateway is running.');
  const records = await perimeter.addresses.list();
  return explained(wish, { ...perimeter.explaining(), records, servers: serverIds?.() ?? [] });
});

/** @throws CommandError naming what cannot be read, and what to write instead */
export function explained(wish: Question, source: ExplainSource): Explained {
  const { perimeter, servers, records, isListIgnored } = source;
  if (wish.server !== undefined && !servers.includes(wish.server)) {
    const known = servers.length === 0 ? 'none is configured' : `there are ${servers.join(', ')}`;
    throw new CommandError('not-found', `There is no server "${wish.server}"; ${known}.`);
  }
  const asked = wish.address === undefined ? undefined : networkOf('', wish.address);
  if (asked !== undefined && asked.count > 1n) {
    if (wish.peer !== undefined || rawHeaders(wish).length > 0)
      throw new CommandError('invalid', `"${asked.text}" is a network; a request comes from one address.`);
    const network = explainNetwork(asked, perimeter.network, wish.server, records);
    return { address: null, network };
  }
  const { connection, headers } = requestOf(wish, asked?.base, perimeter.believed);
  const explanation = explain({ connection, headers }, perimeter, wish.server);
  const hints = [...spellingHints(wish, asked?.base, explanation), ...explanation.hints];
  if (isListIgnored) hints.push('IP_ALLOWLIST is set but counts for nothing: set IP_PROTECTION_ENABLED=true.');
  return { address: { ...explanation, hints }, network: null };
}

/** The request that is asked about. */
function requestOf(wish: Question, address: IpAddress | undefined, believed: BelievedHeader) {
  if (address === undefined && wish.peer === undefined)
    throw new CommandError('invalid', 'Give an address, or the peer that sends the headers (--peer).');
  const isUnix = wish.peer === 'unix';
  const peer = wish.peer === undefined || isUnix ? address : addressOf('peer: ', wish.peer);
  const written = rawHeaders(wish);
  const raw =
    written.length === 0 && wish.peer !== undefined && address !== undefined && (isUnix || !peer?.equals(address))
      ? said(address, believed)
      : written;
  return { connection: new Connection(isUnix ? undefined : peer, false, isUnix), headers: new RequestHeaders(raw) };
}

/** What a proxy sends that says nothing but for whom it speaks. */
function said(address: IpAddress, believed: BelievedHeader): readonly string[] {
  switch (believed) {
    case 'forwarded':
      return ['Forwarded', address.family === 6 ? `for="[${address.text}]"` : `for=${address.text}`];
    case 'x-real-ip':
      return ['X-Real-IP', address.text];
    case 'cf-connecting-ip':
      return ['CF-Connecting-IP', address.text];
    default:
      return ['X-Forwarded-For', address.text];
  }
}

function rawHeaders({ xff, forwarded, real_ip, cf_connecting_ip }: Question): readonly string[] {
  const named = [
    ['X-Forwarded-For', xff],
    ['Forwarded', forwarded],
    ['X-Real-IP', real_ip],
    ['CF-Connecting-IP', cf_connecting_ip],
  ] as const;
  return named.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

function spellingHints(wish: Question, address: IpAddress | undefined, { client, ips }: Explanation): string[] {
  const hints: string[] = [];
  if (address?.family === 4 && wish.address?.includes(':') === true)
    hints.push(`${wish.address} is ${address.text}: IPv4 written as IPv6 is IPv4 everywhere.`);
  if (address !== undefined && wish.peer !== undefined && client !== address.text) {
    const where = ips.includes(address.text) ? 'a hop of the chain' : 'not believed';
    hints.push(`The client is ${client ?? 'unknown'} and not ${address.text}, which is ${where}.`);
  }
  return hints;
}

function addressOf(what: string, text: string): IpAddress {
  const { count, base } = networkOf(what, text);
  if (count > 1n) throw new CommandError('invalid', `${what}"${text}" is a network; a peer is one address.`);
  return base;
}

function networkOf(what: string, text: string): Cidr {
  const network = parseCidr(text.trim());
  if (network instanceof Cidr) return network;
  throw new CommandError('invalid', `${what}"${text}" ${network.fault}. ${network.remedy}`);
}

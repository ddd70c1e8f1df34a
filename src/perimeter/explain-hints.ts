import type { Connection } from '../http/connection.ts';
import type { RequestHeaders } from '../http/request-headers.ts';
import { Cidr, parseCidr } from '../net/cidr.ts';
import type { Hop, Walked } from '../net/forwarded-walk.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { Verdict } from './explain-rules.ts';
import type { PerimeterInForce } from './in-force.ts';

export interface Walk {
  readonly connection: Pick<Connection, 'peer' | 'isUnix' | 'isAnnounced'>;
  readonly headers: RequestHeaders;
  readonly walked: Walked;
  readonly hops: readonly Hop[];
  readonly isLocalhost: boolean;
}

/** RFC 1918, RFC 4193, RFC 6598, RFC 3927, RFC 4291. */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
]
  .map((text) => parseCidr(text))
  .filter((network) => network instanceof Cidr);

const isPrivate = (address: IpAddress): boolean => PRIVATE.some((network) => network.contains(address));

/** What probably went wrong with one request's address. For its sender too: about nothing but that request. */
export function walkHints(walk: Walk, { believed, trusted }: PerimeterInForce): string[] {
  const { connection, headers, walked, isLocalhost } = walk;
  const { peer } = connection;
  const hints: string[] = [];
  if (walked.end === 'untrusted-peer' && headers.speaksForAnother) {
    const who = peer?.text ?? 'a Unix socket';
    hints.push(`The forwarding headers were ignored: they come from ${who}, which server.trust_proxy does not name.`);
    if (peer === undefined || isPrivate(peer) || peer.isLoopback)
      hints.push(
        `A trusted proxy is probably missing: if ${who} is yours, add ${peer?.text ?? 'unix'} to server.trust_proxy (TRUSTED_PROXIES).`,
      );
  }
  if (walked.end === 'untrusted-hop' && walked.client !== undefined && isPrivate(walked.client) && hasMore(walk))
    hints.push(
      `${walked.client.text} is a private address that speaks for others: if it is a proxy of yours, add it to server.trust_proxy (TRUSTED_PROXIES).`,
    );
  if (walked.end === 'no-header' && headers.speaksForAnother)
    hints.push(
      `Of the forwarding headers only the one of server.forwarded_header (${believed}) is believed, and the request has others.`,
    );
  if (walked.end === 'unparsable')
    hints.push(
      'The chain holds what is no address; everything left of that was ignored. The proxy passes on what it was sent.',
    );
  if (walked.end === 'too-long') hints.push('The chain is longer than any chain of proxies; the rest was ignored.');
  if (String(trusted.value) === 'true' && walked.end === 'all-trusted' && walked.chain.length > 0)
    hints.push('server.trust_proxy is true: the leftmost entry counts, and whoever calls can write it.');
  if (walked.client?.isLoopback === true && !isLocalhost && !walked.isUnknown)
    hints.push('Not counted as this machine: what comes with a forwarding header never is.');
  return hints;
}

/** What the operator should know of the verdict besides. */
export function verdictHints(
  { isLocalhost, walked, connection, headers }: Walk,
  { verdict, reason }: Verdict,
): string[] {
  const hints: string[] = [];
  if (verdict === 'would-deny')
    hints.push(
      'Refused on paper only (mode: report): the request passes, is recorded and counted. See "sallyport ip report".',
    );
  if (reason === 'address.not-listed' && isLocalhost)
    hints.push('To let programs on this machine pass the allow list, set security.ip_localhost: always.');
  if (reason === 'address.not-listed' && walked.client?.isLoopback === true && !isLocalhost)
    hints.push(
      `Whoever comes through a proxy on this machine is ${walked.client.text} until server.trust_proxy names the proxy and the proxy names the client (server.forwarded_header).`,
    );
  if (reason === 'address.unknown' && connection.isUnix && walked.end === 'untrusted-peer')
    hints.push('Peers of a Unix socket have no address: if a proxy connects there, add unix to server.trust_proxy.');
  const { peer } = connection;
  if (reason === 'address.not-listed' && !headers.speaksForAnother && peer !== undefined && isPrivate(peer))
    hints.push(
      `${peer.text} is a private address: if callers come through a proxy there, it must send X-Forwarded-For and be in server.trust_proxy.`,
    );
  return hints;
}

/** The believed header has entries left of where the walk stopped. */
function hasMore({ headers, hops }: Walk): boolean {
  const last = hops.at(-1);
  const lines = last?.from === 'forwarded' ? headers.forwarded : headers.forwardedFor;
  const entries = lines
    .join(',')
    .split(',')
    .filter((part) => part.trim() !== '').length;
  return hops.filter(({ from }) => from === last?.from).length < entries;
}

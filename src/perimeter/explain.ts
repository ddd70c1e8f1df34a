import type { Connection } from '../http/connection.ts';
import type { RequestHeaders } from '../http/request-headers.ts';
import { type Hop, walk } from '../net/forwarded-walk.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { CallerNetworks } from './caller-networks.ts';
import { verdictHints, walkHints } from './explain-hints.ts';
import { judged, type Verdict } from './explain-rules.ts';
import type { PerimeterInForce } from './in-force.ts';

/** One hop, from the socket leftwards through the chain. */
export interface ShownHop {
  readonly from: Hop['from'];
  /** In canonical spelling; null for what is no address. */
  readonly address: string | null;
  /** As it came, where it is spelt otherwise; cut. */
  readonly text: string;
  readonly trusted: boolean;
  /** The rule of `server.trust_proxy`; null when none names it. */
  readonly by: string | null;
}

/** Why one request's address is what it is. Holds nothing of other requests. */
export interface ExplainedWalk {
  /** Empty for a Unix socket. */
  readonly peer: string;
  /** Null when nobody can tell. */
  readonly client: string | null;
  /** What was believed of the chain, client first. */
  readonly ips: readonly string[];
  readonly localhost: boolean;
  readonly end: string;
  readonly walk: readonly ShownHop[];
  /** Who shares limits and bans with it; null when there is no client. */
  readonly limit_key: string | null;
  readonly hints: readonly string[];
}

/** The whole of it, for the operator. */
export interface Explanation extends ExplainedWalk, Verdict {
  readonly trust_proxy: { readonly value: PerimeterInForce['trusted']['value']; readonly why: string };
  readonly forwarded_header: string;
}

export interface ExplainedRequest {
  readonly connection: Pick<Connection, 'peer' | 'isUnix' | 'isAnnounced' | 'announced'>;
  readonly headers: RequestHeaders;
}

/** Spellings of callers are shown this far. */
const SHOWN = 80;

/** Walks the way of a request again, and says why. */
export function explainWalk(asked: ExplainedRequest, perimeter: PerimeterInForce): ExplainedWalk {
  return followed(asked, perimeter).shown;
}

/** Judges a request as the gateway does, and says why. Changes nothing: nothing is counted, recorded or banned. */
export function explain(asked: ExplainedRequest, perimeter: PerimeterInForce, server: string | undefined): Explanation {
  const { shown, client, way } = followed(asked, perimeter);
  const verdict = judged(perimeter.network, client, way.isLocalhost, server);
  return {
    ...shown,
    ...verdict,
    hints: [...shown.hints, ...verdictHints(way, verdict)],
    trust_proxy: perimeter.trusted,
    forwarded_header: perimeter.believed,
  };
}

function followed(asked: ExplainedRequest, perimeter: PerimeterInForce) {
  const { connection, headers } = asked;
  const { trust, believed, callers } = perimeter;
  const hops: Hop[] = [];
  const walked = walk(connection, headers, trust, believed, hops);
  const client = walked.isUnknown ? undefined : walked.client;
  const isLocalhost = !headers.isForwarded && !connection.isAnnounced && connection.peer?.isLoopback === true;
  const way = { connection, headers, walked, hops, isLocalhost };
  const shown: ExplainedWalk = {
    peer: connection.peer?.text ?? '',
    client: client?.text ?? null,
    ips: walked.chain.map(({ text }) => text),
    localhost: isLocalhost,
    end: walked.end,
    walk: hops.map(shownHop),
    limit_key: keyOf(client, callers),
    hints: walkHints(way, perimeter),
  };
  return { shown, client, way };
}

function shownHop({ from, text, address, trustedBy }: Hop): ShownHop {
  return {
    from,
    address: address?.text ?? null,
    text: text.slice(0, SHOWN),
    trusted: trustedBy !== undefined,
    by: trustedBy ?? null,
  };
}

function keyOf(client: IpAddress | undefined, callers: CallerNetworks): string | null {
  return client === undefined ? null : callers.of(client).text;
}

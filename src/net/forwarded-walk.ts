import { type ForwardedElement, parseForwarded } from './forwarded-header.ts';
import { ItemsFromTheRight } from './forwarded-list.ts';
import { parseForwardedNode } from './forwarded-node.ts';
import type { IpAddress } from './ip-address.ts';
import type { Trust } from './trust.ts';

/** The one header that is believed; `none` of them, and every other is ignored. */
export type BelievedHeader = 'x-forwarded-for' | 'x-real-ip' | 'forwarded' | 'cf-connecting-ip' | 'none';

/** How a request's bytes came here, before any header. */
export interface Origin {
  /** The socket peer. Undefined for a Unix socket. */
  readonly peer: IpAddress | undefined;
  readonly isUnix: boolean;
  /** The peer sent a PROXY header: it passes bytes on, and no header is its own word. */
  readonly isAnnounced: boolean;
  /** Whom that header names as the one the peer speaks for; undefined when nobody. */
  readonly announced: IpAddress | undefined;
}

/** The forwarding headers of one request, each with its lines in order. */
export interface ForwardingLines {
  readonly forwardedFor: readonly string[];
  readonly realIp: readonly string[];
  readonly forwarded: readonly string[];
  readonly cfConnectingIp: readonly string[];
  readonly forwardedProto: readonly string[];
}

/** Why the walk went no further. */
export type WalkEnd =
  /** The socket peer is not trusted, so no header was read. */
  | 'untrusted-peer'
  /** The one a PROXY header names is not trusted: it is the client, and no header was read. */
  | 'untrusted-source'
  /** A hop that is not trusted: the client. */
  | 'untrusted-hop'
  /** Every hop is trusted, so the one furthest away counts as the client. */
  | 'all-trusted'
  /** The believed header is not there. */
  | 'no-header'
  /** An entry that is no address, or a header not by its grammar. */
  | 'unparsable'
  /** More entries than any chain of proxies has. */
  | 'too-long';

/** One step of the walk, for people. */
export interface Hop {
  readonly from: 'socket' | 'unix' | 'proxy-protocol' | Exclude<BelievedHeader, 'none'>;
  /** As it was written; empty for a peer without an address. */
  readonly text: string;
  readonly address: IpAddress | undefined;
  /** The rule by which what it says is believed; undefined when it is not. */
  readonly trustedBy: string | undefined;
}

export interface Walked {
  /** The rightmost hop that is not trusted, or the last one that is where the chain ends. Undefined when there is no address at all. */
  readonly client: IpAddress | undefined;
  /** What the believed header said and was believed, client first; never the peer. */
  readonly chain: readonly IpAddress[];
  readonly end: WalkEnd;
  /** A trusted proxy spoke for somebody, and nobody can say for whom. */
  readonly isUnknown: boolean;
  /** A trusted proxy says that the client came to it over TLS. */
  readonly saysHttps: boolean;
}

/** Entries looked at, empty ones too. */
export const MAX_ENTRIES = 128;

/**
 * Who is the client? From the socket peer leftwards, hop by hop, to the first that is not trusted: what it says of others, and
 * so everything to the left of it, may be invented by the client. What cannot be read ends the walk at the hop that handed it
 * over. Never throws.
 *
 * @param trace takes every hop that was looked at, for `explain`
 */
export function walk(
  origin: Origin,
  lines: ForwardingLines,
  trust: Trust,
  believed: BelievedHeader,
  trace?: Hop[],
): Walked {
  const { peer, isUnix, isAnnounced, announced } = origin;
  const peerRule = ruleOfPeer(origin, trust);
  trace?.push({ from: isUnix ? 'unix' : 'socket', text: peer?.text ?? '', address: peer, trustedBy: peerRule });
  if (peerRule === undefined) return ended(peer, 'untrusted-peer');
  if (!isAnnounced) return walkHeader(peer, 0, lines, trust, believed, trace);
  if (announced === undefined) return ended(peer, 'no-header');
  const trustedBy = trust.ruleOf(announced, 1);
  trace?.push({ from: 'proxy-protocol', text: announced.text, address: announced, trustedBy });
  if (trustedBy === undefined) return ended(announced, 'untrusted-source');
  return walkHeader(announced, 1, lines, trust, believed, trace);
}

/** The rule by which the socket peer is believed about others; undefined when it is not. */
export function ruleOfPeer({ peer, isUnix }: Pick<Origin, 'peer' | 'isUnix'>, trust: Trust): string | undefined {
  if (peer === undefined) return isUnix ? trust.ruleOfUnix : undefined;
  return trust.ruleOf(peer, 0);
}

/** @param sender whoever wrote the headers: trusted, at place `hop` of the walk */
function walkHeader(
  sender: IpAddress | undefined,
  hop: number,
  lines: ForwardingLines,
  trust: Trust,
  believed: BelievedHeader,
  trace: Hop[] | undefined,
): Walked {
  switch (believed) {
    case 'none':
      return ended(sender, 'no-header');
    case 'forwarded':
      return walkElements(sender, hop, lines.forwarded, trust, trace);
    case 'x-forwarded-for':
      if (lines.forwardedFor.length === 0) break;
      return walkList(sender, hop, lines, trust, trace);
    case 'cf-connecting-ip': {
      const isTheirs = sender !== undefined && trust.isCloudflare(sender);
      return isTheirs
        ? single(sender, hop, lines, lines.cfConnectingIp, trust, believed, trace)
        : ended(sender, 'no-header');
    }
  }
  return single(sender, hop, lines, lines.realIp, trust, 'x-real-ip', trace);
}

function walkList(
  sender: IpAddress | undefined,
  senderHop: number,
  lines: ForwardingLines,
  trust: Trust,
  trace: Hop[] | undefined,
): Walked {
  const items = new ItemsFromTheRight(lines.forwardedFor);
  const chain: IpAddress[] = [];
  let client = sender;
  let end: WalkEnd = 'all-trusted';
  let hop = senderHop;
  for (let seen = 0; ; seen++) {
    const text = items.next();
    if (text === undefined) break;
    if (seen === MAX_ENTRIES) {
      end = 'too-long';
      break;
    }
    if (text === '') continue;
    const address = parseForwardedNode(text);
    hop += 1;
    const trustedBy = address === undefined ? undefined : trust.ruleOf(address, hop);
    trace?.push({ from: 'x-forwarded-for', text, address, trustedBy });
    if (address === undefined) {
      end = 'unparsable';
      break;
    }
    client = address;
    chain.push(address);
    if (trustedBy === undefined) {
      end = 'untrusted-hop';
      break;
    }
  }
  chain.reverse();
  const isUnknown = client === undefined || (chain.length === 0 && (end === 'unparsable' || end === 'too-long'));
  return { client, chain, end, isUnknown, saysHttps: !isUnknown && isHttps(lines.forwardedProto) };
}

/** A header that names one address, set by the proxy next to us. Two of them, or two in one, are nobody's word. */
function single(
  sender: IpAddress | undefined,
  hop: number,
  lines: ForwardingLines,
  values: readonly string[],
  trust: Trust,
  from: 'x-real-ip' | 'cf-connecting-ip',
  trace: Hop[] | undefined,
): Walked {
  const [text] = values;
  if (text === undefined) {
    const plain = ended(sender, 'no-header');
    return isHttps(lines.forwardedProto) ? { ...plain, saysHttps: true } : plain;
  }
  const address = values.length === 1 ? parseForwardedNode(text) : undefined;
  const trustedBy = address === undefined ? undefined : trust.ruleOf(address, hop + 1);
  trace?.push({ from, text: values.join(', '), address, trustedBy });
  if (address === undefined) return { ...ended(sender, 'unparsable'), isUnknown: true };
  return {
    client: address,
    chain: [address],
    end: trustedBy === undefined ? 'untrusted-hop' : 'all-trusted',
    isUnknown: false,
    saysHttps: isHttps(lines.forwardedProto),
  };
}

function walkElements(
  sender: IpAddress | undefined,
  senderHop: number,
  lines: readonly string[],
  trust: Trust,
  trace: Hop[] | undefined,
): Walked {
  if (lines.length === 0) return ended(sender, 'no-header');
  const elements = parseForwarded(lines);
  if (elements === undefined) {
    trace?.push({ from: 'forwarded', text: lines.join(', '), address: undefined, trustedBy: undefined });
    return { ...ended(sender, 'unparsable'), isUnknown: true };
  }
  const chain: IpAddress[] = [];
  let client = sender;
  let end: WalkEnd = 'all-trusted';
  let proto: string | undefined;
  let hop = senderHop;
  for (let at = elements.length - 1; at >= 0; at--) {
    const element = elements[at] as ForwardedElement;
    const address = element.for === undefined ? undefined : parseForwardedNode(element.for);
    hop += 1;
    const trustedBy = address === undefined ? undefined : trust.ruleOf(address, hop);
    trace?.push({ from: 'forwarded', text: element.for ?? '', address, trustedBy });
    if (address === undefined) {
      end = 'unparsable';
      break;
    }
    client = address;
    proto = element.proto;
    chain.push(address);
    if (trustedBy === undefined) {
      end = 'untrusted-hop';
      break;
    }
  }
  chain.reverse();
  const isUnknown = client === undefined || (chain.length === 0 && end === 'unparsable');
  return { client, chain, end, isUnknown, saysHttps: proto?.toLowerCase() === 'https' };
}

const NOBODY: readonly IpAddress[] = Object.freeze([]);

function ended(client: IpAddress | undefined, end: WalkEnd): Walked {
  return { client, chain: NOBODY, end, isUnknown: client === undefined, saysHttps: false };
}

/** One word said once. A list of schemes says that somebody added to what the client sent. */
function isHttps(values: readonly string[]): boolean {
  return values.length === 1 && (values[0] as string).trim().toLowerCase() === 'https';
}

import { parseForwardedNode } from '../net/forwarded-node.ts';
import type { BelievedHeader, WalkEnd, Walked } from '../net/forwarded-walk.ts';
import { walk } from '../net/forwarded-walk.ts';
import type { Trust } from '../net/trust.ts';
import type { Admission } from './engine.ts';
import { type ClientProof, type Exchange, PROVEN, UNPROVEN } from './exchange.ts';
import { pass } from './verdict.ts';

/** Something odd about where a request says it comes from. The request goes on; somebody should know. */
export type AddressDoubt =
  /** Forwarding headers from a peer that is not trusted: a forgery, or a proxy missing in the settings. */
  | 'forwarded.untrusted-peer'
  /** X-Real-IP names somebody the believed chain does not. */
  | 'forwarded.contradiction'
  /** A trusted proxy handed over what is no chain of addresses. */
  | 'forwarded.unparsable';

export interface ClientAddressSettings {
  readonly trust: Trust;
  readonly believed: BelievedHeader;
}

export interface ClientAddressPorts {
  /** Called in the request's time, and as often as a client likes: must be bounded, and never throw. */
  readonly doubts: { doubt(kind: AddressDoubt, x: Exchange): void };
  /** Told about every request that carries forwarding headers. Absent unless somebody is looking for a fault. */
  readonly explain?: ((x: Exchange, walked: Walked) => void) | undefined;
}

/**
 * Who is the client? The socket peer, unless it is a proxy that is trusted: then the rightmost hop nobody vouches for. A
 * request whose client nobody can say passes here without one: the network step decides. Only a request on loopback that
 * speaks for nobody else is this machine's.
 */
export function clientAddress({ trust, believed }: ClientAddressSettings, ports: ClientAddressPorts): Admission {
  const peer = pass('client-address.peer');
  const forwarded = pass('client-address.forwarded');
  const unlessProxy: ClientProof = { isItsOwn: (client) => trust.ruleOf(client, 0) === undefined };
  const unknown = pass('client-address.unknown');
  return {
    name: 'client-address',
    needs: [],
    provides: ['clientAddress'],
    evaluate(x) {
      const { connection } = x;
      if (!x.headers.isForwarded && !connection.isAnnounced) {
        if (connection.peer === undefined) return unknown;
        x.client = connection.peer;
        x.clientAddress = x.peer;
        x.isLocalhost = connection.peer.isLoopback;
        x.isSecure = connection.isEncrypted;
        x.proof = unlessProxy;
        return peer;
      }
      const walked = walk(connection, x.headers, trust, believed);
      // The last hop that is known stands in the record; no list must take it for the client.
      x.client = walked.isUnknown ? undefined : walked.client;
      x.clientAddress = walked.client?.text ?? '';
      x.chain = walked.chain;
      x.proof = proves(walked.end, trust) ? PROVEN : UNPROVEN;
      const announced = connection.isAnnouncedSecure && walked.end !== 'untrusted-peer';
      x.isSecure = connection.isEncrypted || announced || walked.saysHttps;
      tellDoubts(x, walked, ports);
      ports.explain?.(x, walked);
      if (walked.isUnknown) return unknown;
      return walked.end === 'untrusted-peer' ? peer : forwarded;
    },
  };
}

/** The walk stopped at somebody who is not trusted, that is the client and no proxy, and every proxy before it is known. */
function proves(end: WalkEnd, trust: Trust): boolean {
  if (end === 'untrusted-peer') return true;
  return trust.isByAddress && (end === 'untrusted-source' || end === 'untrusted-hop');
}

function tellDoubts(x: Exchange, walked: Walked, ports: ClientAddressPorts): void {
  if (walked.end === 'untrusted-peer') {
    if (x.headers.speaksForAnother) ports.doubts.doubt('forwarded.untrusted-peer', x);
  } else if (walked.end === 'unparsable' || walked.end === 'too-long') ports.doubts.doubt('forwarded.unparsable', x);
  else if (contradicts(x.headers.realIp, walked)) ports.doubts.doubt('forwarded.contradiction', x);
}

/** The proxy next to us writes both headers, so the one address must be somewhere in the chain that was believed. */
function contradicts(realIp: readonly string[], { chain }: Walked): boolean {
  const [text] = realIp;
  if (text === undefined || chain.length === 0) return false;
  if (realIp.length > 1) return true;
  for (const address of chain) if (address.text === text) return false;
  const address = parseForwardedNode(text);
  return address === undefined || !chain.some((hop) => hop.equals(address));
}

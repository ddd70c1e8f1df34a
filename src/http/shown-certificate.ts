import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { certificateKey, type RevocationList, readRevocationList } from '../crypto/revocation-list.ts';
import { type ClientCertificate, clientCertificateOf } from './client-certificate.ts';
import type { Connection } from './connection.ts';

/** What a listener wants of the certificates of its clients. Another object when any of it is another. */
export interface ClientTerms {
  readonly mode: 'none' | 'request' | 'require';
  /** Equal when nothing differs. */
  readonly digest: string;
  /** SHA-256 fingerprints of the authorities. */
  readonly authorities: ReadonlySet<string>;
  /** Undefined: nobody has been taken back. */
  readonly revoked: readonly RevocationList[] | undefined;
}

/** @param ca @param crl in PEM, one each */
export function clientTerms(
  mode: ClientTerms['mode'],
  { ca = [], crl }: { readonly ca?: readonly string[]; readonly crl?: readonly string[] },
  digest: string,
): ClientTerms {
  const authorities = new Set(ca.map((pem) => new X509Certificate(pem).fingerprint256));
  return { mode, digest, authorities, revoked: crl?.flatMap((pem) => readRevocationList(pem) ?? []) };
}

/**
 * What the client of one connection showed in its handshake, to be judged again when the terms change: a connection may last
 * much longer than the trust that let it in.
 *
 * Never more lenient than a new handshake: what cannot be told from here is not verified, and the client may try a new one.
 */
export class ShownCertificate {
  private readonly socket: TLSSocket;
  private readonly inForce: { readonly terms: ClientTerms };
  /** As OpenSSL verified it. */
  readonly verified: ClientCertificate | undefined;
  private judgedBy: ClientTerms;
  private last: string | undefined = undefined;

  /** @param terms those of the handshake */
  constructor(socket: TLSSocket, terms: ClientTerms, inForce: { readonly terms: ClientTerms }) {
    this.socket = socket;
    this.inForce = inForce;
    this.judgedBy = terms;
    this.verified = clientCertificateOf(socket);
  }

  /**
   * Why the connection may not be used, by the terms in force now; undefined when it may. Takes an identity that is no longer
   * good off the connection.
   */
  fault(connection: Connection): string | undefined {
    const { terms } = this.inForce;
    if (terms !== this.judgedBy) {
      this.judgedBy = terms;
      const fault = this.verified === undefined ? 'none was verified' : this.unverified(terms);
      connection.certificate = fault === undefined ? this.verified : undefined;
      this.last = terms.mode === 'require' ? fault : undefined;
    }
    return this.last;
  }

  private unverified(terms: ClientTerms): string | undefined {
    if (terms.mode === 'none') return 'none is asked for';
    try {
      return faultOf(chainOf(this.socket), terms, Date.now());
    } catch {
      return 'not verified';
    }
  }
}

/** The way from the client's certificate to the authority that vouched for it in the handshake. */
function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // Node lets the last one name itself.
  for (let before: unknown; at?.raw !== undefined && at !== before; at = at.issuerCertificate) {
    chain.push(new X509Certificate(at.raw));
    before = at;
  }
  return chain;
}

function faultOf(chain: readonly X509Certificate[], terms: ClientTerms, now: number): string | undefined {
  const root = chain.at(-1);
  if (root === undefined || !terms.authorities.has(root.fingerprint256)) return 'its authority is not trusted any more';
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1] ?? root;
    if (!certificate.verify(issuer.publicKey)) return 'not verified';
    if (!(Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo))) return 'has expired';
    if (terms.revoked !== undefined) {
      const fault = revocation(certificate, terms.revoked, now);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

/** As OpenSSL does when there are lists: every certificate of the chain must have a current one. */
function revocation(certificate: X509Certificate, lists: readonly RevocationList[], now: number): string | undefined {
  const { issuer, serial } = certificateKey(certificate.raw);
  const its = lists.filter((list) => list.issuer === issuer);
  if (its.some(({ revoked }) => revoked.has(serial))) return 'revoked';
  return its.some(({ from, until }) => from <= now && now <= until) ? undefined : 'no current revocation list';
}

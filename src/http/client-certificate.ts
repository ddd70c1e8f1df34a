import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** Who a verified client certificate says the client is. Every text is the authority's word, and still not markup. */
export interface ClientCertificate {
  /** The distinguished name, `CN=…` parts joined by `, ` in the order of the certificate. */
  readonly subject: string;
  /** Subject alternative names as Node writes them, `DNS:a.example, URI:spiffe://…`; empty when there are none. */
  readonly names: string;
  /** SHA-256 of the certificate, 64 lower-case hex digits. */
  readonly fingerprint: string;
  readonly issuer: string;
  /** Upper-case hex. */
  readonly serial: string;
}

/**
 * The certificate of the client of a finished handshake; undefined when it showed none, or one that could not be verified.
 * Node calls a resumed session without a certificate authorized: both must be asked.
 */
export function clientCertificateOf(socket: TLSSocket): ClientCertificate | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : identityOf(certificate);
}

function identityOf(certificate: X509Certificate): ClientCertificate {
  return {
    subject: oneLine(certificate.subject),
    names: certificate.subjectAltName ?? '',
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    issuer: oneLine(certificate.issuer),
    serial: certificate.serialNumber,
  };
}

function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ');
}

/** What stands in the log and the record when TLS with a server does not come about. */
export interface TlsFault {
  /** Stable word for the record. */
  readonly reason: string;
  readonly remedy: string;
}

const CHECK_CA = 'name the authority that issued the certificate of the server in mcps[].tls.ca_file';
const RENEW = 'the server must get a new certificate';
const CRL = 'renew the lists in mcps[].tls.crl_file; there must be one of every authority in the chain';
const VERSIONS =
  'the server and mcps[].tls (min_version, max_version, cipher_suites) have no version or suite in common';
const OUR_CERTIFICATE = 'see mcps[].tls.cert_file: the server wants a client certificate it trusts';

const fault = (reason: string, remedy: string): TlsFault => ({ reason: `upstream.tls-${reason}`, remedy });
const untrusted = fault('untrusted', CHECK_CA);
const selfSigned = fault('self-signed', `${CHECK_CA}, or the certificate itself`);
const clientCertificate = fault('client-certificate', OUR_CERTIFICATE);
const revocation = fault('revocation-unknown', CRL);

/** By the codes of Node and of OpenSSL (X509_V_ERR_… without its beginning, and the alerts of RFC 8446 section 6). */
const FAULTS: ReadonlyMap<string, TlsFault> = new Map([
  ['CERT_HAS_EXPIRED', fault('expired', RENEW)],
  ['CERT_NOT_YET_VALID', fault('not-yet-valid', 'compare the clocks of both machines')],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    fault(
      'wrong-host',
      'the certificate is of another name: correct mcps[].url, or say the name in mcps[].tls.server_name',
    ),
  ],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', selfSigned],
  ['SELF_SIGNED_CERT_IN_CHAIN', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted],
  ['CERT_UNTRUSTED', untrusted],
  ['INVALID_CA', untrusted],
  ['INVALID_PURPOSE', fault('wrong-purpose', 'the certificate was not issued for a server')],
  ['CERT_REVOKED', fault('revoked', RENEW)],
  ['UNABLE_TO_GET_CRL', revocation],
  ['CRL_HAS_EXPIRED', revocation],
  ['CRL_NOT_YET_VALID', revocation],
  ['CRL_SIGNATURE_FAILURE', revocation],
  ['ERR_SSL_WRONG_VERSION_NUMBER', fault('no-tls', 'the server speaks no TLS there: is it http:// in mcps[].url?')],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', fault('no-tls', 'the server speaks no TLS there: is it http:// in mcps[].url?')],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', fault('no-common-version', VERSIONS)],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', fault('no-common-version', VERSIONS)],
  ['ERR_SSL_VERSION_TOO_LOW', fault('no-common-version', VERSIONS)],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', fault('handshake', `${VERSIONS}, or it wants a client certificate`)],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', clientCertificate],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', clientCertificate],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', clientCertificate],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', clientCertificate],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED', clientCertificate],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', clientCertificate],
  [
    'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
    fault('wrong-host', 'the server does not know the name: see mcps[].tls.server_name'),
  ],
]);

const other = fault('handshake', 'see what the server and mcps[].tls say about versions, suites and certificates');

/** Undefined when the error is not about TLS. */
export function tlsFault(code: string): TlsFault | undefined {
  return FAULTS.get(code) ?? (/^ERR_(SSL|TLS)_|CERT_|_CERT|^CRL_|^EPROTO$/.test(code) ? other : undefined);
}

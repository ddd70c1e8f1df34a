import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** What OpenSSL is told to speak. */
interface Spoken {
  /** By their OpenSSL names, joined by colons. */
  readonly ciphers: string;
  readonly maxVersion: string;
}

/** The curves of certificates that clients of the web take. */
const CURVES: ReadonlySet<unknown> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const ANY_PURPOSE = '2.5.29.37.0';
const LEAST_BITS = 2_048;

/** For people: `RSA`, `ECDSA`. */
export function keyKindOf({ publicKey }: X509Certificate): string {
  const type = publicKey.asymmetricKeyType ?? 'unknown';
  return type.startsWith('rsa') ? 'RSA' : type === 'ec' ? 'ECDSA' : type === 'dsa' ? 'DSA' : 'EdDSA';
}

/** Whether there is a suite a handshake with this certificate could use: those of TLS 1.3 take any key, others name its kind. */
export function fits(leaf: X509Certificate, { ciphers, maxVersion }: Spoken): boolean {
  const kind = keyKindOf(leaf);
  return ciphers.split(':').some((suite) => {
    if (suite.startsWith('@')) return false;
    if (suite.startsWith('TLS_')) return maxVersion === 'TLSv1.3' && kind !== 'DSA';
    return suite.includes('ECDSA') ? kind === 'ECDSA' || kind === 'EdDSA' : kind === 'RSA';
  });
}

/** Why clients will probably not take a server's certificate, or not for long. */
export function serverDoubts(leaf: X509Certificate, file: string): string[] {
  const doubts: string[] = [];
  const purposes: readonly string[] | undefined = leaf.keyUsage;
  if (purposes !== undefined && !purposes.includes(SERVER_AUTH) && !purposes.includes(ANY_PURPOSE))
    doubts.push(`${file} was not issued for a server (its extended key usage lacks serverAuth): clients refuse it`);
  const { modulusLength = LEAST_BITS, namedCurve } = leaf.publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength < LEAST_BITS)
    doubts.push(`${file} has an RSA key of ${modulusLength} bits: many clients refuse less than ${LEAST_BITS}`);
  if (namedCurve !== undefined && !CURVES.has(namedCurve))
    doubts.push(`${file} has a key on the curve ${namedCurve}, which clients do not take: use P-256 or P-384`);
  return doubts;
}

/** @param host of the public URL: a name, or an address without brackets */
export function isFor(leaf: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return leaf.checkIP(host) !== undefined;
  return leaf.checkHost(host, { subject: 'never' }) !== undefined;
}

/** @param bundle in PEM, one each */
export function authorityDoubts(bundle: readonly string[], file: string): string[] {
  return bundle.flatMap((pem) => {
    const { ca, subject } = new X509Certificate(pem);
    if (ca) return [];
    return [
      `${file} holds the certificate of ${subject?.replaceAll('\n', ', ') || 'nobody'}, which is no authority: it vouches for nobody`,
    ];
  });
}

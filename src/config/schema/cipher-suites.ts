/** Versions of TLS as they are written in the configuration, oldest first. */
export const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const;

export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** A cipher suite that may be configured. What is missing here (NULL, EXPORT, RC4, 3DES, anonymous) cannot be had at all. */
export interface CipherSuite {
  /** As in the IANA registry, and in Go. */
  readonly iana: string;
  /** As OpenSSL, and so Node, calls it. The same on TLS 1.3. */
  readonly openssl: string;
  /** The oldest and the newest version that knows it. */
  readonly since: TlsVersion;
  readonly until: TlsVersion;
  /** No forward secrecy, or CBC: RFC 9325 section 4.2 advises against it. */
  readonly weak: boolean;
}

const suite = (since: TlsVersion, until: TlsVersion, weak: boolean) => (names: string) => {
  const [iana, openssl] = names.split(' ') as [string, string?];
  return { iana, openssl: openssl ?? iana, since, until, weak };
};

/** In the order of preference. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  ...['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'].map(
    suite('1.3', '1.3', false),
  ),
  ...[
    'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ECDHE-ECDSA-AES128-GCM-SHA256',
    'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ECDHE-RSA-AES128-GCM-SHA256',
    'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ECDHE-ECDSA-AES256-GCM-SHA384',
    'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 ECDHE-RSA-AES256-GCM-SHA384',
    'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE-ECDSA-CHACHA20-POLY1305',
    'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE-RSA-CHACHA20-POLY1305',
  ].map(suite('1.2', '1.2', false)),
  ...[
    'TLS_RSA_WITH_AES_128_GCM_SHA256 AES128-GCM-SHA256',
    'TLS_RSA_WITH_AES_256_GCM_SHA384 AES256-GCM-SHA384',
    'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 ECDHE-ECDSA-AES128-SHA256',
    'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 ECDHE-RSA-AES128-SHA256',
  ].map(suite('1.2', '1.2', true)),
  ...[
    'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA ECDHE-ECDSA-AES128-SHA',
    'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA ECDHE-RSA-AES128-SHA',
    'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA ECDHE-ECDSA-AES256-SHA',
    'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA ECDHE-RSA-AES256-SHA',
    'TLS_RSA_WITH_AES_128_CBC_SHA AES128-SHA',
    'TLS_RSA_WITH_AES_256_CBC_SHA AES256-SHA',
  ].map(suite('1.0', '1.2', true)),
];

/** By either of its names, in any case; undefined when it is not one that may be configured. */
export function cipherSuite(name: string): CipherSuite | undefined {
  const wanted = name.toUpperCase();
  return CIPHER_SUITES.find(({ iana, openssl }) => iana === wanted || openssl === wanted);
}

const rank = (version: TlsVersion): number => TLS_VERSIONS.indexOf(version);

/** Whether one of the suites can be used with this version. */
export function speaks(suites: readonly CipherSuite[], version: TlsVersion): boolean {
  return suites.some(({ since, until }) => rank(since) <= rank(version) && rank(version) <= rank(until));
}

/** The versions of a range; none when the first is newer than the last. */
export function versionsOf(from: TlsVersion, to: TlsVersion): readonly TlsVersion[] {
  return TLS_VERSIONS.slice(rank(from), rank(to) + 1);
}

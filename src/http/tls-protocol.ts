import type { SecureVersion } from 'node:tls';

/** The part of a TLS block that is about versions and suites; suites by their OpenSSL names. */
export interface TlsProtocolSettings {
  readonly min_version: '1.0' | '1.1' | '1.2' | '1.3';
  readonly max_version: '1.0' | '1.1' | '1.2' | '1.3';
  /** Empty: the gateway's own choice. */
  readonly cipher_suites: readonly string[];
}

const SUITES_1_3 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];
/** Ephemeral keys and authenticated encryption alone (RFC 9325 section 4.2). */
const SUITES_1_2 = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
const SUITES_1_0 = ['ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA', 'ECDHE-RSA-AES256-SHA'];

interface Protocol {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  readonly ciphers: string;
  readonly ecdhCurve: string;
}

/** As Node and OpenSSL take it. */
export function tlsProtocolOptions(settings: TlsProtocolSettings): Protocol {
  const { min_version: from, max_version: to, cipher_suites: chosen } = settings;
  const isOld = from < '1.2';
  const own = [...SUITES_1_3, ...SUITES_1_2, ...(isOld ? SUITES_1_0 : [])];
  const suites = chosen.length === 0 ? own : chosen;
  const isNew = (suite: string): boolean => suite.startsWith('TLS_');
  // Said here rather than left to Node, which would fill a version without suites with OpenSSL's own.
  const oldest = suites.every(isNew) ? '1.3' : from;
  const newest = suites.some(isNew) ? to : to < '1.2' ? to : '1.2';
  return {
    minVersion: nodeName(oldest),
    maxVersion: nodeName(newest),
    // OpenSSL 3 refuses the signatures of TLS 1.0 and 1.1 at every other level.
    ciphers: `${suites.join(':')}${isOld ? ':@SECLEVEL=0' : ''}`,
    ecdhCurve: 'X25519:P-256:P-384',
  };
}

function nodeName(version: TlsProtocolSettings['min_version']): SecureVersion {
  return version === '1.0' ? 'TLSv1' : `TLSv${version}`;
}

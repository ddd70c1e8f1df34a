import { createHash } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { buildConnector } from 'undici';
import { loadAuthorities, loadKeyPair, loadRevocationLists } from '../http/tls-files.ts';
import { type TlsProtocolSettings, tlsProtocolOptions } from '../http/tls-protocol.ts';

/** The gateway as the client of one server. Files are absolute. */
export interface UpstreamTlsSettings extends TlsProtocolSettings {
  readonly ca_file?: string | undefined;
  readonly crl_file?: string | undefined;
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
  readonly server_name?: string | undefined;
  readonly insecure_skip_verify: boolean;
}

/** What a server is verified with, and what it is shown, once read. */
interface Material {
  /** What is usable but probably not meant. */
  readonly doubts: readonly string[];
  readonly ca?: readonly string[];
  readonly crl?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

const DEFAULTS: UpstreamTlsSettings = {
  min_version: '1.2',
  max_version: '1.3',
  cipher_suites: [],
  insecure_skip_verify: false,
};

/** `setting`: where the block is, for messages. @throws TlsFileError */
function read(tls: UpstreamTlsSettings, setting: string): Material {
  const { ca_file, crl_file, cert_file, key_file } = tls;
  const pair =
    cert_file === undefined || key_file === undefined ? undefined : loadKeyPair({ cert_file, key_file }, setting);
  return {
    doubts: pair?.doubts ?? [],
    ...(ca_file === undefined ? {} : { ca: loadAuthorities(ca_file, `${setting}.ca_file`) }),
    ...(crl_file === undefined ? {} : { crl: loadRevocationLists(crl_file, `${setting}.crl_file`) }),
    ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
  };
}

const settingOf = (server: string): string => `mcps "${server}" tls`;

/**
 * Changes when a file of the block does, also one of the same name.
 * @throws TlsFileError when one cannot be used
 */
export function tlsFingerprint(tls: UpstreamTlsSettings | undefined, server: string): string {
  if (tls === undefined) return '';
  return createHash('sha256')
    .update(JSON.stringify({ ...read(tls, settingOf(server)), doubts: [] }))
    .digest('hex');
}

/**
 * How connections to a server are made. Verification is asked for by name every time: NODE_TLS_REJECT_UNAUTHORIZED in the
 * environment must never switch it off.
 * @param onDoubt hears what can be used but is probably not meant, such as a certificate that has expired
 * @throws TlsFileError when a file of the block cannot be used
 */
export function tlsConnection(
  tls: UpstreamTlsSettings = DEFAULTS,
  server: string,
  onDoubt: (doubt: string) => void,
): buildConnector.BuildOptions {
  const { server_name, insecure_skip_verify, ...block } = tls;
  const { doubts, ca, crl, cert, key } = read(tls, settingOf(server));
  for (const doubt of doubts) onDoubt(doubt);
  return {
    secureContext: createSecureContext({
      ...tlsProtocolOptions(block),
      ...(ca === undefined ? {} : { ca: [...ca] }),
      ...(crl === undefined ? {} : { crl: [...crl] }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    }),
    rejectUnauthorized: !insecure_skip_verify,
    // A resumed session is not verified again, and a certificate may have been revoked or have run out since.
    maxCachedSessions: 0,
    ...(server_name === undefined ? {} : { servername: server_name }),
  };
}

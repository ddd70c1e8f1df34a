import { constants, createHash } from 'node:crypto';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server,
} from 'node:tls';
import { authorityDoubts, fits, isFor, keyKindOf, serverDoubts } from './certificate-fit.ts';
import { namesOf, ServerNames } from './server-names.ts';
import { type ClientTerms, clientTerms } from './shown-certificate.ts';
import { type KeyPair, type KeyPairFiles, loadAuthorities, loadKeyPair, loadRevocationLists } from './tls-files.ts';
import { type TlsProtocolSettings, tlsProtocolOptions } from './tls-protocol.ts';

/** How TLS ends at one listener. Files are absolute. */
export interface ListenerTlsSettings extends TlsProtocolSettings {
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
  readonly key_passphrase_file?: string | undefined;
  readonly certificates: readonly (KeyPairFiles & { readonly names?: readonly string[] | undefined })[];
  readonly client_certificates: 'none' | 'request' | 'require';
  readonly ca_file?: string | undefined;
  readonly crl_file?: string | undefined;
  readonly watch: boolean;
}

/** Everything a listener's handshakes are made with: compiled whole, put in force in one step, never changed. */
export interface TlsAcceptor {
  /** Never listens: connections are handed to it. */
  readonly server: Server;
  readonly clients: ClientTerms;
  /** Changes when the settings or the content of a file do. */
  readonly digest: string;
  /** Its certificates, for people: subject, end, SHA-256 fingerprint. */
  readonly shown: string;
  /** What is usable but probably not meant, for the log. */
  readonly doubts: readonly string[];
}

/** Every file of a block. */
export function filesOf(settings: ListenerTlsSettings): readonly string[] {
  const pairs = [settings, ...settings.certificates];
  const named = pairs.flatMap(({ cert_file, key_file, key_passphrase_file }) => [
    cert_file,
    key_file,
    key_passphrase_file,
  ]);
  return [...named, settings.ca_file, settings.crl_file].filter((file) => file !== undefined);
}

/**
 * Compiles a `tls` block.
 *
 * @param setting where the block is, such as `server.tls`; for messages
 * @param publicUrl where clients look for the listener, when that is known
 * @throws TlsFileError when a file cannot be used; Error when the block names no certificate, or no suite any of them can use
 */
export function compileTls(settings: ListenerTlsSettings, setting: string, publicUrl?: string): TlsAcceptor {
  const certificates = load(settings, setting);
  const [first] = certificates;
  if (first === undefined) throw new Error(`${setting} names no certificate: write cert_file and key_file.`);
  const clients = clientOptions(settings, setting);
  const protocol = tlsProtocolOptions(settings);
  const shared: SecureContextOptions = { ...protocol, ...clients.context, ...HARDENED };

  const doubts = [...certificates.flatMap(doubtsOf), ...clients.doubts];
  doubts.push(...unfit(certificates, protocol, settings, setting), ...unnamed(certificates, setting, publicUrl));
  const contexts = new ServerNames<SecureContext>();
  for (const { pair, names, place } of certificates) {
    const context = createSecureContext({ ...shared, ...identityOf(pair) });
    const taken = names.filter((name) => !contexts.add(name, context));
    if (taken.length > 0) doubts.push(`${place}: ${taken.join(', ')} already belongs to an earlier certificate`);
  }
  const server = createServer({
    ...shared,
    ...identityOf(first.pair),
    ...clients.handshake,
    honorCipherOrder: true,
    ALPNProtocols: ['http/1.1'],
    // Undefined leaves the certificate of the server itself, which is the first.
    SNICallback: (name, answer) => answer(null, contexts.find(name)),
  });
  const material = [settings, certificates.map(({ pair }) => [pair.cert, pair.key]), clients.context];
  const shown = certificates.map(({ pair }) => described(pair)).join('; ');
  return {
    server,
    clients: clientTerms(
      settings.client_certificates,
      clients.context,
      digestOf([settings.client_certificates, clients.context]),
    ),
    shown,
    doubts,
    digest: digestOf(material),
  };
}

function digestOf(material: unknown): string {
  return createHash('sha256').update(JSON.stringify(material)).digest('hex');
}

/** No renegotiation (CVE-2009-3555 and what it costs), no compression (CRIME). Early data is off in Node: there is no switch. */
const HARDENED: SecureContextOptions = {
  secureOptions:
    constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
};

interface Shown {
  readonly pair: KeyPair;
  readonly file: string;
  /** What it is shown for. */
  readonly names: readonly string[];
  readonly place: string;
}

function load(settings: ListenerTlsSettings, setting: string): readonly Shown[] {
  const { cert_file, key_file, key_passphrase_file } = settings;
  const further = settings.certificates.map((entry, index): Shown => {
    const place = `${setting}.certificates[${index}]`;
    const pair = loadKeyPair(entry, place);
    return { pair, file: entry.cert_file, names: entry.names ?? namesOf(pair.leaf), place };
  });
  if (cert_file === undefined || key_file === undefined) return further;
  const pair = loadKeyPair({ cert_file, key_file, key_passphrase_file }, setting);
  return [{ pair, file: cert_file, names: namesOf(pair.leaf), place: setting }, ...further];
}

function doubtsOf({ pair, file }: Shown): readonly string[] {
  return [...pair.doubts, ...serverDoubts(pair.leaf, file)];
}

/**
 * Certificates no handshake could be made with.
 * @throws Error when all are
 */
function unfit(
  certificates: readonly Shown[],
  protocol: Parameters<typeof fits>[1],
  { cipher_suites }: ListenerTlsSettings,
  setting: string,
): readonly string[] {
  const useless = certificates.filter(({ pair }) => !fits(pair.leaf, protocol));
  const said = useless.map(({ pair, file }) => `${file} (${keyKindOf(pair.leaf)} key)`).join(', ');
  if (useless.length === 0) return [];
  const suites = cipher_suites.length === 0 ? 'the suites of the versions allowed' : cipher_suites.join(', ');
  if (useless.length === certificates.length) {
    const kinds = [...new Set(useless.map(({ pair }) => keyKindOf(pair.leaf)))].join(' or ');
    throw new Error(
      `${setting}.cipher_suites: no certificate can be used with ${suites}, so every handshake would fail: ${said}. ` +
        `Add a suite for ${kinds} keys or one of TLS 1.3, name a certificate with another key, or leave cipher_suites out.`,
    );
  }
  return [`${setting}.cipher_suites: ${said} cannot be used with ${suites}: handshakes for its names fail`];
}

function unnamed(certificates: readonly Shown[], setting: string, publicUrl: string | undefined): readonly string[] {
  if (publicUrl === undefined) return [];
  const host = new URL(publicUrl).hostname.replace(/^\[(.*)\]$/, '$1');
  if (certificates.some(({ pair }) => isFor(pair.leaf, host))) return [];
  return [
    `${setting}: no certificate is for ${host}, the host of server.public_url: clients refuse what they are shown`,
  ];
}

function described({ leaf }: KeyPair): string {
  const fingerprint = leaf.fingerprint256.replaceAll(':', '').toLowerCase();
  return `${leaf.subject?.replaceAll('\n', ', ') || 'no subject'}, until ${leaf.validTo}, sha256 ${fingerprint}`;
}

function identityOf({ cert, key, passphrase }: KeyPair): SecureContextOptions {
  return { cert, key, ...(passphrase === undefined ? {} : { passphrase }) };
}

/** Node would cut off whom it cannot verify without a word to anybody; the stage judges, says why, and records it. */
const ASKED = { requestCert: true, rejectUnauthorized: false } as const;

function clientOptions(settings: ListenerTlsSettings, setting: string) {
  const { client_certificates: mode, ca_file, crl_file } = settings;
  if (mode === 'none') return { context: {}, handshake: { requestCert: false }, doubts: [] };
  // An empty list, never Node's own: the authorities of the web vouch for servers, not for our clients.
  const ca = ca_file === undefined ? [] : [...loadAuthorities(ca_file, `${setting}.ca_file`)];
  const crl = crl_file === undefined ? {} : { crl: [...loadRevocationLists(crl_file, `${setting}.crl_file`)] };
  const doubts = ca_file === undefined ? [] : authorityDoubts(ca, ca_file);
  return { context: { ca, ...crl }, handshake: ASKED, doubts };
}

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { type PemFile, readPem } from './pem-file.ts';

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

const REVOCATION_LIST = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g;

/**
 * A file of a `tls` block that cannot be used. The message names the setting, the file, the reason and the remedy, and never
 * holds a byte of the file.
 */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';

  constructor(what: string, setting: string, file: string, reason: string, remedy: string) {
    super(`${what}: ${setting} = ${file}: ${reason}. ${remedy}`);
  }
}

/** A certificate with its chain, and the key that belongs to it. */
export interface KeyPair {
  /** The chain in PEM, leaf first. */
  readonly cert: string;
  /** PEM, as the file has it: encrypted when that is. A secret. */
  readonly key: string;
  readonly passphrase: string | undefined;
  readonly leaf: X509Certificate;
  /** What is usable but probably not meant, for the log. */
  readonly doubts: readonly string[];
}

export interface KeyPairFiles {
  readonly cert_file: string;
  readonly key_file: string;
  /** A file that holds the passphrase of the key. */
  readonly key_passphrase_file?: string | undefined;
}

/**
 * Reads a certificate and its key, and makes sure they can be used together.
 *
 * @param setting where the files are named, such as `server.tls`; for messages
 * @throws TlsFileError that begins with `failed to load certificate`
 */
export function loadKeyPair(files: KeyPairFiles, setting: string): KeyPair {
  const { cert_file, key_file } = files;
  const certificates = loadChain(files, setting);
  const { key, text, mode, passphrase } = loadKey(files, setting);
  const owner = certificates.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (owner > 0) {
    const remedy = 'Put the chain behind it, leaf first.';
    throw unusable(files, setting, 'cert_file', 'the certificate of the key is not the first one', remedy);
  }
  if (owner === -1) {
    const remedy = 'Replace both together, the key first.';
    throw unusable(files, setting, 'key_file', `is not the key of ${cert_file}`, remedy);
  }
  const leaf = certificates[0] as X509Certificate;
  const doubts = [...doubtsOf(leaf, cert_file)];
  if ((mode & 0o070) !== 0) doubts.push(`${key_file} can be read by its group; chmod 600 unless that is meant`);
  return { cert: certificates.map(String).join(''), key: text, passphrase, leaf, doubts };
}

/** The certificates of a pair alone, leaf first. @throws as `loadKeyPair` */
export function loadChain(files: KeyPairFiles, setting: string): readonly X509Certificate[] {
  const chain = certificatesOf(readPart(files, setting, 'cert_file').text);
  if (typeof chain !== 'string') return chain;
  throw unusable(files, setting, 'cert_file', chain, 'Write the certificate in PEM, with its chain behind it.');
}

/** The key of a pair alone. @throws as `loadKeyPair` */
export function loadKey(
  files: KeyPairFiles,
  setting: string,
): PemFile & { readonly key: KeyObject; readonly passphrase: string | undefined } {
  const file = readPart(files, setting, 'key_file');
  if ((file.mode & 0o007) !== 0) {
    const reason = 'can be read or written by every user of this machine';
    throw unusable(files, setting, 'key_file', reason, `Run chmod 600 ${files.key_file}.`);
  }
  const isLocked = files.key_passphrase_file !== undefined;
  const passphrase = isLocked ? readPart(files, setting, 'key_passphrase_file').text.trimEnd() : undefined;
  const key = privateKeyOf(file.text, passphrase);
  if (typeof key === 'string') throw unusable(files, setting, 'key_file', key, KEY_REMEDY);
  return { ...file, key, passphrase };
}

function readPart(files: KeyPairFiles, setting: string, part: keyof KeyPairFiles): PemFile {
  const reading = readPem(files[part] ?? '');
  if ('text' in reading) return reading;
  throw unusable(files, setting, part, reading.reason, reading.remedy);
}

function unusable(files: KeyPairFiles, setting: string, part: keyof KeyPairFiles, reason: string, remedy: string) {
  return new TlsFileError('failed to load certificate', `${setting}.${part}`, files[part] ?? '', reason, remedy);
}

const KEY_REMEDY =
  'Write an unencrypted private key in PEM, or the file that holds its passphrase in key_passphrase_file.';

/**
 * Reads a bundle of authorities.
 *
 * @param setting the setting that names the file, such as `server.tls.ca_file`; for messages
 * @returns each certificate in PEM
 * @throws TlsFileError `failed to read CA certificate` or `failed to parse CA certificate`
 */
export function loadAuthorities(file: string, setting: string): readonly string[] {
  const reading = readPem(file);
  if ('reason' in reading) {
    throw new TlsFileError('failed to read CA certificate', setting, file, reading.reason, reading.remedy);
  }
  const certificates = certificatesOf(reading.text);
  if (typeof certificates === 'string') {
    const remedy = 'Write the certificates of the authorities in PEM, one after the other.';
    throw new TlsFileError('failed to parse CA certificate', setting, file, certificates, remedy);
  }
  return certificates.map(String);
}

/**
 * Reads lists of revoked certificates (RFC 5280 section 5).
 *
 * @param setting the setting that names the file; for messages
 * @returns each list in PEM
 * @throws TlsFileError that begins with `failed to load revocation list`
 */
export function loadRevocationLists(file: string, setting: string): readonly string[] {
  const fail = (reason: string, remedy: string): never => {
    throw new TlsFileError('failed to load revocation list', setting, file, reason, remedy);
  };
  const reading = readPem(file);
  if ('reason' in reading) return fail(reading.reason, reading.remedy);
  const lists = reading.text.match(REVOCATION_LIST) ?? [];
  const begun = reading.text.split('-----BEGIN X509 CRL-----').length - 1;
  if (lists.length === 0 || lists.length !== begun)
    return fail('holds no whole list in PEM (-----BEGIN X509 CRL-----)', 'Convert it with openssl crl -inform DER.');
  try {
    createSecureContext({ crl: [...lists] });
  } catch {
    return fail('holds a list that cannot be decoded', 'Fetch it again from the authority.');
  }
  return lists;
}

function certificatesOf(text: string): readonly X509Certificate[] | string {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) return 'holds no certificate in PEM (-----BEGIN CERTIFICATE-----)';
  // A file that is being written ends in the middle of one.
  if (blocks.length !== text.split(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/).length - 1) {
    return 'ends in the middle of a certificate';
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return 'holds a certificate that cannot be decoded';
  }
}

/** OpenSSL's own words may quote the file, so none of them are passed on. */
function privateKeyOf(key: string, passphrase: string | undefined): KeyObject | string {
  try {
    return createPrivateKey(passphrase === undefined ? { key } : { key, passphrase });
  } catch {
    if (!key.includes('ENCRYPTED')) return 'holds no private key that can be read';
    return passphrase === undefined ? 'is encrypted' : 'is encrypted, and not with this passphrase';
  }
}

function doubtsOf(leaf: X509Certificate, file: string): string[] {
  const now = Date.now();
  if (Date.parse(leaf.validTo) < now) return [`${file} expired on ${leaf.validTo}: clients refuse it`];
  if (Date.parse(leaf.validFrom) > now) return [`${file} is not valid before ${leaf.validFrom}: clients refuse it`];
  return [];
}

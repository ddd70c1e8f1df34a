import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Larger files are a mistake; the bundle of all public authorities is about 220 KiB. */
const MOST_BYTES = 4_194_304;

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
  const { cert_file, key_file, key_passphrase_file } = files;
  const fail = (key: keyof KeyPairFiles, reason: string, remedy: string): never => {
    throw new TlsFileError('failed to load certificate', `${setting}.${key}`, files[key] ?? '', reason, remedy);
  };
  const read = (key: keyof KeyPairFiles): PemFile => {
    const reading = readPem(files[key] ?? '');
    return typeof reading === 'string' ? fail(key, reading, `Make ${files[key]} readable for this user.`) : reading;
  };
  const chain = certificatesOf(read('cert_file').text);
  if (typeof chain === 'string') fail('cert_file', chain, 'Write the certificate in PEM, with its chain behind it.');
  const certificates = chain as readonly X509Certificate[];

  const keyFile = read('key_file');
  if ((keyFile.mode & 0o007) !== 0) {
    fail('key_file', 'can be read or written by every user of this machine', `Run chmod 600 ${key_file}.`);
  }
  const passphrase = key_passphrase_file === undefined ? undefined : read('key_passphrase_file').text.trimEnd();
  const key = privateKeyOf(keyFile.text, passphrase);
  if (typeof key === 'string') return fail('key_file', key, KEY_REMEDY);

  const owner = certificates.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (owner > 0) {
    fail('cert_file', 'the certificate of the key is not the first one', 'Put the chain behind it, leaf first.');
  }
  if (owner === -1) {
    fail('key_file', `is not the key of ${cert_file}`, 'Replace both together, the key first.');
  }
  const leaf = certificates[0] as X509Certificate;
  const doubts = [...doubtsOf(leaf, cert_file)];
  if ((keyFile.mode & 0o070) !== 0) doubts.push(`${key_file} can be read by its group; chmod 600 unless that is meant`);
  return { cert: certificates.map(String).join(''), key: keyFile.text, passphrase, leaf, doubts };
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
  if (typeof reading === 'string') {
    const remedy = `Make ${file} readable for this user.`;
    throw new TlsFileError('failed to read CA certificate', setting, file, reading, remedy);
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
  if (typeof reading === 'string') return fail(reading, `Make ${file} readable for this user.`);
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

interface PemFile {
  readonly text: string;
  readonly mode: number;
}

/** The file that is judged is the file that is read: everything happens on one descriptor. Returns why it cannot be read. */
function readPem(file: string): PemFile | string {
  let descriptor: number | undefined;
  try {
    // Non-blocking, or a named pipe would hold the start for ever.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return 'is not a regular file';
    if (stats.size > MOST_BYTES) return 'is larger than 4 MiB';
    const buffer = Buffer.alloc(stats.size + 1);
    let length = 0;
    for (let read = -1; read !== 0; length += read) {
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (length + read === buffer.length) return 'grew while it was read';
    }
    return { text: buffer.toString('latin1', 0, length), mode: stats.mode & 0o777 };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown error'})`;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

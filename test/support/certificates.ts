import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CertificateOptions {
  /** DNS names and addresses in the subject alternative name. Default: `localhost` and `127.0.0.1`. */
  readonly names?: readonly string[];
  /** Default: the first name. */
  readonly commonName?: string;
  /** What it may be used for. Default: `serverAuth`. */
  readonly usage?: 'serverAuth' | 'clientAuth';
  /** An RSA key of so many bits, or a key on another curve than P-256. */
  readonly key?: number | string;
  /** Milliseconds from now. Default: an hour ago, and a day from now. */
  readonly validFrom?: number;
  readonly validTo?: number;
  /** Encrypts the key file with this. */
  readonly passphrase?: string;
}

/** A certificate with its key, as files and as text. The key file is 0600. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
  readonly x509: X509Certificate;
}

/** A certificate authority of the tests' own, made with the `openssl` program in a folder of its own. */
export interface Authority {
  readonly folder: string;
  /** The authority's own certificate: what clients trust. */
  readonly certFile: string;
  readonly cert: string;
  issue(options?: CertificateOptions): Certificate;
  /** Makes a list of revoked certificates that names these. @returns its file */
  revoke(...certificates: readonly Certificate[]): string;
  remove(): void;
}

const HOUR = 3_600_000;

export function createAuthority(commonName = 'Sallyport test authority'): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-ca-'));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const config = `[ca]
default_ca = here
[here]
database = ${at('index.txt')}
new_certs_dir = ${at('issued')}
serial = ${at('serial')}
certificate = ${at('ca.pem')}
private_key = ${at('ca.key')}
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
commonName = ${commonName}
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
`;
  writeFileSync(at('ca.cnf'), config);
  writeFileSync(at('index.txt'), '');
  writeFileSync(at('serial'), '1000\n');
  mkdirSync(at('issued'));
  newKey(openssl, at('ca.key'));
  openssl('req', '-x509', '-new', '-key', 'ca.key', '-config', 'ca.cnf', '-extensions', 'authority', '-out', 'ca.pem');
  let issued = 0;

  const issue = (options: CertificateOptions = {}): Certificate => {
    const { names = ['localhost', '127.0.0.1'], usage = 'serverAuth', passphrase } = options;
    issued += 1;
    const [certFile, keyFile, request] = [at(`${issued}.pem`), at(`${issued}.key`), at(`${issued}.csr`)];
    newKey(openssl, keyFile, options.key);
    const subject = `/CN=${options.commonName ?? names[0] ?? 'nobody'}`;
    openssl('req', '-new', '-key', keyFile, '-config', 'ca.cnf', '-subj', subject, '-out', request);
    const alternatives = names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`).join(',');
    const extensions = [
      'basicConstraints = critical,CA:false',
      'keyUsage = critical,digitalSignature',
      `extendedKeyUsage = ${usage}`,
      'authorityKeyIdentifier = keyid',
      ...(alternatives === '' ? [] : [`subjectAltName = ${alternatives}`]),
    ];
    writeFileSync(at('leaf.ext'), `${extensions.join('\n')}\n`);
    const { validFrom = -HOUR, validTo = 24 * HOUR } = options;
    const dates = ['-startdate', asn1Time(validFrom), '-enddate', asn1Time(validTo)];
    openssl(
      'ca',
      '-batch',
      '-config',
      'ca.cnf',
      '-extfile',
      'leaf.ext',
      ...dates,
      '-in',
      request,
      '-out',
      certFile,
      '-notext',
    );
    if (passphrase !== undefined) {
      openssl('pkcs8', '-topk8', '-in', keyFile, '-passout', `pass:${passphrase}`, '-out', `${keyFile}.enc`);
      writeFileSync(keyFile, readFileSync(`${keyFile}.enc`), { mode: 0o600 });
    }
    const cert = readFileSync(certFile, 'utf8');
    return { certFile, keyFile, cert, key: readFileSync(keyFile, 'utf8'), x509: new X509Certificate(cert) };
  };

  return {
    folder,
    certFile: at('ca.pem'),
    cert: readFileSync(at('ca.pem'), 'utf8'),
    issue,
    revoke: (...certificates) => {
      for (const { certFile } of certificates) openssl('ca', '-config', 'ca.cnf', '-revoke', certFile);
      openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'crl.pem');
      return at('crl.pem');
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function newKey(openssl: (...args: string[]) => void, file: string, key: number | string = 'P-256'): void {
  writeFileSync(file, '', { mode: 0o600 });
  const kind =
    typeof key === 'number'
      ? ['RSA', '-pkeyopt', `rsa_keygen_bits:${key}`]
      : ['EC', '-pkeyopt', `ec_paramgen_curve:${key}`];
  openssl('genpkey', '-algorithm', ...kind, '-out', file);
}

function asn1Time(fromNow: number): string {
  return `${new Date(Date.now() + fromNow).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
}

import { resolve } from 'node:path';
import { domainToASCII } from 'node:url';
import type { Command } from 'commander';
import { type DevelopmentNames, developmentCertificate } from '../crypto/development-certificate.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { parseAddress } from '../net/parse-address.ts';
import type { CliContext } from './context.ts';
import { type DevelopmentFiles, developmentFiles, writeDevelopmentFiles } from './development-files.ts';

/** Longer ones are refused by Apple's systems, whoever issued them. */
const MOST_DAYS = 825;
const ALWAYS = ['localhost', '127.0.0.1', '::1'];
/** What `domainToASCII` would take out, or read as something else, without a word. */
const UNWRITTEN = /[\p{Cc}\p{Z}%]/u;
const HOST = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

const HELP = `
The authority's key is forgotten as soon as the certificate is made, so nothing else can be issued in its name; when the
certificate runs out, make both again. It may vouch for the hosts named here alone.
For development. Where others depend on it, take certificates of a public authority or of your organisation.`;

interface DevOptions {
  readonly host: readonly string[];
  readonly days: string;
  readonly out: string;
  readonly force?: boolean;
}

/** `sallyport cert dev`: an authority and a certificate to try TLS with. */
export function certCommands(program: Command, context: CliContext): void {
  program
    .command('cert')
    .description('certificates')
    .command('dev')
    .description('make an authority and a server certificate for development')
    .option('--host <name>', 'a host name or address more (repeatable)', collect, [])
    .option('--days <number>', `how long they are valid, at most ${MOST_DAYS}`, '90')
    .option('--out <folder>', 'where the files go', 'dev-certs')
    .option('--force', 'replace files that are there')
    .addHelpText('after', HELP)
    .action((options: DevOptions) => makeDevelopmentCertificate(options, context));
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function makeDevelopmentCertificate(options: DevOptions, context: CliContext): void {
  const names = namesOf([...ALWAYS, ...options.host]);
  const days = Number(options.days);
  if (!/^[0-9]{1,3}$/.test(options.days) || days < 1 || days > MOST_DAYS)
    throw new Error(`--days ${options.days}: expected a whole number from 1 to ${MOST_DAYS}`);
  const folder = resolve(options.out);
  const files = developmentFiles(folder, options.force === true);
  const made = developmentCertificate(names, days);
  writeDevelopmentFiles(files, folder, made);
  context.stdout.write(block(files));
  context.stderr.write(advice(files, made.notAfter));
}

/** @throws Error naming the host that is none */
function namesOf(hosts: readonly string[]): DevelopmentNames {
  const dns = new Set<string>();
  const addresses = new Map<string, Uint8Array>();
  for (const host of hosts) {
    const address = parseAddress(host.replace(/^\[(.*)\]$/, '$1'));
    // An IPv4 address with a mistake in it must not become a name.
    const name = domainToASCII(host).toLowerCase();
    if (address !== undefined) addresses.set(address.text, bytesOf(address));
    else if (!UNWRITTEN.test(host) && HOST.test(name) && name.length <= 253 && !/(^|\.)[0-9]+$/.test(name))
      dns.add(name);
    else throw new Error(`--host ${JSON.stringify(host)}: expected a host name such as mcp.test, or an IP address`);
  }
  return { dns: [...dns], addresses: [...addresses.values()] };
}

function bytesOf({ family, w0, w1, w2, w3 }: IpAddress): Uint8Array {
  const bytes = Buffer.alloc(16);
  [w0, w1, w2, w3].forEach((word, index) => {
    bytes.writeUInt32BE(word, index * 4);
  });
  return family === 4 ? bytes.subarray(12) : bytes;
}

/** JSON strings are YAML too, whatever is in the path. */
function block({ certificate, key }: DevelopmentFiles): string {
  return `server:\n  tls:\n    cert_file: ${JSON.stringify(certificate)}\n    key_file: ${JSON.stringify(key)}\n`;
}

function advice({ authority }: DevelopmentFiles, notAfter: Date): string {
  const file = quotedForShell(authority);
  return `
The lines above go into sallyport.yaml. Valid until ${notAfter.toISOString().slice(0, 10)}.
Trust the authority in what you test with, and nowhere else:
  curl        curl --cacert ${file} https://localhost:3000/healthz
  Node        NODE_EXTRA_CA_CERTS=${file} node client.js
  a gateway   mcps[].tls.ca_file: ${authority}
Not for production, and not for the trust store of a machine: it is for development.
`;
}

function quotedForShell(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

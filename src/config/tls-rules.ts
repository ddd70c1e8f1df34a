import type { Path } from './path.ts';
import type { Report } from './rule.ts';
import {
  CIPHER_SUITES,
  type CipherSuite,
  cipherSuite,
  speaks,
  type TlsVersion,
  versionsOf,
} from './schema/cipher-suites.ts';

/** The part of a TLS block both sides of the gateway have, as it is written. */
export interface WrittenTls {
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
  readonly min_version?: TlsVersion | undefined;
  readonly max_version?: TlsVersion | undefined;
  readonly cipher_suites?: readonly (string | undefined)[] | undefined;
}

interface Protocol {
  readonly from: TlsVersion;
  readonly to: TlsVersion;
  /** Undefined when none are written. */
  readonly suites: readonly CipherSuite[] | undefined;
}

function protocolOf({
  min_version: from = '1.2',
  max_version: to = '1.3',
  cipher_suites: names = [],
}: WrittenTls): Protocol {
  const suites = names.map((name) => cipherSuite(name ?? '')).filter((suite) => suite !== undefined);
  return { from, to, suites: suites.length === 0 ? undefined : suites };
}

/** What of a TLS block cannot work. */
export function judgeTls(block: WrittenTls, path: Path, report: Report): void {
  if (block.cert_file !== undefined && block.key_file === undefined)
    report(
      [...path, 'cert_file'],
      'has no key_file beside it',
      'Name the private key of this certificate in key_file.',
    );
  if (block.key_file !== undefined && block.cert_file === undefined)
    report([...path, 'key_file'], 'has no cert_file beside it', 'Name the certificate of this key in cert_file.');
  const { from, to, suites } = protocolOf(block);
  const versions = versionsOf(from, to);
  if (versions.length === 0) {
    const key = block.min_version === undefined ? 'max_version' : 'min_version';
    report(
      [...path, key],
      `leaves no version: the oldest is ${from}, the newest ${to}`,
      'Swap them, or leave one out.',
    );
  } else if (suites !== undefined && !versions.some((version) => speaks(suites, version))) {
    const usable = CIPHER_SUITES.filter((suite) => !suite.weak && versions.some((version) => speaks([suite], version)));
    const names = usable.slice(0, 3).map(({ iana }) => iana);
    const remedy = `Add one such as ${names.join(', ')}, or leave cipher_suites out.`;
    report([...path, 'cipher_suites'], `has no suite of TLS ${versions.join(' or ')}`, remedy);
  }
}

/** What of a TLS block works, but is weak or probably not meant. */
export function doubtTls(block: WrittenTls, path: Path, report: Report): void {
  const { from, to, suites } = protocolOf(block);
  const versions = versionsOf(from, to);
  const old = versions.filter((version) => version < '1.2');
  if (old.length > 0) {
    const key = old[0] === block.min_version ? 'min_version' : 'max_version';
    report([...path, key], `allows TLS ${old.join(' and ')}, which is broken (RFC 8996)`, 'Set min_version: "1.2".');
  }
  const weak = suites?.filter((suite) => suite.weak) ?? [];
  if (weak.length > 0) {
    const names = weak.map(({ iana }) => iana).join(', ');
    report([...path, 'cipher_suites'], `has suites that are weak (RFC 9325 section 4.2): ${names}`, 'Remove them.');
  }
  const silent = versions.filter((version) => suites !== undefined && !speaks(suites, version));
  if (silent.length === 0 || silent.length === versions.length) return;
  report(
    [...path, 'cipher_suites'],
    `has no suite of TLS ${silent.join(' or ')}, so that version is not spoken`,
    'Add a suite of it, or narrow min_version and max_version to what is meant.',
  );
}

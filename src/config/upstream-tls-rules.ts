import { isDeepStrictEqual } from 'node:util';
import type { Path } from './path.ts';
import type { Draft, Report, Rule } from './rule.ts';
import { doubtTls, judgeTls } from './tls-rules.ts';

type Entry = NonNullable<NonNullable<Draft['mcps']>[number]>;
type Remote = Extract<Entry, { transport?: 'sse' | undefined } | { transport?: 'streamable-http' | undefined }>;
type Block = NonNullable<Remote['tls']>;

interface Found {
  readonly block: Block;
  readonly path: Path;
  readonly url: string | undefined;
}

function isRemote(entry: Entry | undefined): entry is Remote {
  return entry?.transport === 'sse' || entry?.transport === 'streamable-http';
}

/** The block may stand in either of two places; the first counts. */
function blocks(draft: Draft): Found[] {
  return (draft.mcps ?? []).flatMap((entry, index): Found[] => {
    if (!isRemote(entry)) return [];
    const path = ['mcps', index];
    const { url } = entry;
    if (entry.tls !== undefined) return [{ block: entry.tls, path: [...path, 'tls'], url }];
    const nested = entry.security?.tls;
    return nested === undefined ? [] : [{ block: nested, path: [...path, 'security', 'tls'], url }];
  });
}

const twoPlaces: Rule = (draft, report) => {
  (draft.mcps ?? []).forEach((entry, index) => {
    if (!isRemote(entry)) return;
    const nested = entry.security?.tls;
    if (nested === undefined || entry.tls === undefined || isDeepStrictEqual(entry.tls, nested)) return;
    report(
      ['mcps', index, 'security', 'tls'],
      `differs from mcps[${index}].tls, and only one of them can count`,
      'Keep one of the two.',
    );
  });
};

/** A block that would be ignored is a fault: whoever wrote it believes that it protects. */
function place({ block, path, url }: Found, report: Report): void {
  if (url === undefined || !URL.canParse(url)) return;
  const isHttps = new URL(url).protocol === 'https:';
  if (!isHttps && block.enabled !== false)
    report(path, 'has no effect: url begins with http://', 'Write https:// in url, or remove the block.');
  if (isHttps && block.enabled === false)
    report([...path, 'enabled'], 'is false although url begins with https://', 'Write http:// in url, or remove this.');
}

const upstreamBlocks: Rule = (draft, report) => {
  for (const found of blocks(draft)) {
    place(found, report);
    judgeTls(found.block, found.path, report);
    const { ca_file, crl_file, insecure_skip_verify } = found.block;
    if (crl_file !== undefined && ca_file === undefined)
      report([...found.path, 'crl_file'], 'needs ca_file', 'Name the authorities whose revocation lists these are.');
    if (crl_file !== undefined && insecure_skip_verify === true)
      report([...found.path, 'crl_file'], 'has no effect while insecure_skip_verify is true', 'Remove one of the two.');
  }
};

const upstreamDoubts: Rule = (draft, report) => {
  for (const { block, path } of blocks(draft)) {
    if (block.enabled === false) continue;
    doubtTls(block, path, report);
    if (block.insecure_skip_verify !== true) continue;
    report(
      [...path, 'insecure_skip_verify'],
      'takes any certificate, so anybody on the way to this server can read and change everything',
      'Name the authority of the server in ca_file instead.',
    );
  }
};

export const UPSTREAM_TLS_RULES: readonly Rule[] = [twoPlaces, upstreamBlocks];
export const UPSTREAM_TLS_DOUBTS: readonly Rule[] = [upstreamDoubts];

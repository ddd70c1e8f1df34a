import type { Fault } from '../config/fault.ts';
import type { Loaded } from '../config/load.ts';
import { pathText } from '../config/path.ts';
import type { Settings } from '../config/settings.ts';
import { compileTls } from '../http/tls-acceptor.ts';
import { type KeyPairFiles, loadAuthorities, loadChain, loadKey, loadRevocationLists } from '../http/tls-files.ts';
import { refuseLongPath } from '../http/unix-socket.ts';
import { compileNetworkRules } from '../perimeter/compile-rules.ts';
import { ListFile } from '../perimeter/list-file.ts';
import type { LiveEntries } from '../perimeter/live-entries.ts';
import { compileTrust, readTrustSet, trustSetsInForce } from '../perimeter/trust.ts';
import { tlsFingerprint } from '../upstream/tls.ts';

/** One thing a start would do with files. `path`: the setting it would be the fault of. */
interface Attempt {
  readonly path: string;
  act(): unknown;
}

export interface Judgement {
  readonly faults: readonly Fault[];
  /** What can be used but is probably not meant. */
  readonly doubts: readonly string[];
}

/** Judges every file the settings name, each on its own and then as a start uses them: who mends one wants to know of all. */
export async function judgeFiles({ settings, provenance }: Loaded): Promise<Judgement> {
  const doubts: string[] = [];
  const faults = new Map<string, Fault>();
  for (const { path, act } of [...eachFile(settings), ...asStarted(settings, doubts)]) {
    try {
      await act();
    } catch (error) {
      const problem = (error as Error).message;
      // What a start stumbles over is most often one of the files again.
      if (faults.has(problem)) continue;
      const source = provenance.get(path) ?? provenance.get(path.replace(/^(mcps\[\d+\])\.tls/, '$1.security.tls'));
      faults.set(problem, { code: 'file', problem, ...(source === undefined ? {} : { source }) });
    }
  }
  return { faults: [...faults.values()], doubts };
}

function eachFile(settings: Settings): readonly Attempt[] {
  const { server, admin, mcps } = settings;
  const listeners = [
    { path: 'server.tls', tls: server.tls },
    { path: 'admin.tls', tls: admin.tls },
  ].flatMap(({ path, tls }): readonly Attempt[] => {
    if (tls === undefined) return [];
    const further = tls.certificates.map((pair, index) => ({ place: `${path}.certificates[${index}]`, pair }));
    const pairs = [{ place: path, pair: tls }, ...further].flatMap(({ place, pair }) => pairFiles(pair, place, place));
    return tls.client_certificates === 'none' ? pairs : [...pairs, ...authorityFiles(tls, path, path)];
  });
  const upstreams = mcps.flatMap((entry, index): readonly Attempt[] => {
    if (entry.transport === 'stdio' || entry.tls === undefined) return [];
    const [path, place] = [`mcps[${index}].tls`, `mcps "${entry.id}" tls`];
    return [...pairFiles(entry.tls, path, place), ...authorityFiles(entry.tls, path, place)];
  });
  const sets = [...trustSetsInForce(settings)].map(([name, file]) => ({
    path: pathText(['server', 'trust_proxy_sets', name]),
    act: () => readTrustSet(name, file, settings),
  }));
  return [...listeners, ...upstreams, ...sets, ...listFiles(settings)];
}

/** `place`: as messages name the block. */
function pairFiles(pair: Partial<KeyPairFiles>, path: string, place: string): readonly Attempt[] {
  const { cert_file, key_file, key_passphrase_file } = pair;
  if (cert_file === undefined || key_file === undefined) return [];
  const files = { cert_file, key_file, key_passphrase_file };
  return [
    { path: `${path}.cert_file`, act: () => loadChain(files, place) },
    { path: `${path}.key_file`, act: () => loadKey(files, place) },
  ];
}

function authorityFiles(
  { ca_file, crl_file }: { readonly ca_file?: string | undefined; readonly crl_file?: string | undefined },
  path: string,
  place: string,
): readonly Attempt[] {
  const [ca, crl] = [ca_file, crl_file];
  return [
    ...(ca === undefined ? [] : [{ path: `${path}.ca_file`, act: () => loadAuthorities(ca, `${place}.ca_file`) }]),
    ...(crl === undefined
      ? []
      : [{ path: `${path}.crl_file`, act: () => loadRevocationLists(crl, `${place}.crl_file`) }]),
  ];
}

function listFiles({ security, admin, mcps }: Settings): readonly Attempt[] {
  const blocks = [
    { path: 'security', place: 'security', ...security },
    { path: 'admin', place: 'admin', ip_whitelist: admin.ip_whitelist, ip_blacklist: undefined },
    ...mcps.map(({ id, security: own }, index) => ({
      path: `mcps[${index}].security`,
      place: `mcps.${id}.security`,
      ip_whitelist: own?.ip_whitelist,
      ip_blacklist: own?.ip_blacklist,
    })),
  ];
  return blocks.flatMap((block) =>
    (['ip_blacklist', 'ip_whitelist'] as const).flatMap((key) =>
      (block[key] ?? []).flatMap((entry, index): readonly Attempt[] => {
        if (typeof entry === 'string' || !('file' in entry)) return [];
        const at = `${key}[${index}].file`;
        return [{ path: `${block.path}.${at}`, act: () => ListFile.read(`${block.place}.${at}`, entry.file) }];
      }),
    ),
  );
}

function asStarted(settings: Settings, doubts: string[]): readonly Attempt[] {
  const { server, admin, mcps } = settings;
  return [
    ...[
      { path: 'server.tls', tls: server.tls, publicUrl: server.public_url },
      { path: 'admin.tls', tls: admin.tls, publicUrl: undefined },
    ].map(({ path, tls, publicUrl }) => ({
      path: `${path}.cert_file`,
      act: () => tls === undefined || doubts.push(...compileTls(tls, path, publicUrl).doubts),
    })),
    ...mcps.map((entry, index) => ({
      path: `mcps[${index}].tls.cert_file`,
      act: () => entry.transport === 'stdio' || tlsFingerprint(entry.tls, entry.id),
    })),
    { path: 'server.socket', act: () => server.socket === undefined || refuseLongPath(server.socket) },
    { path: 'server.trust_proxy', act: () => compileTrust(settings) },
    { path: 'security', act: () => compileNetworkRules(settings, NO_ENTRIES) },
  ];
}

/** Entries belong to a gateway; none runs here. */
const NO_ENTRIES: LiveEntries = { epoch: 0, denial: () => undefined, allowance: () => undefined };

import { renderFault } from '../config/fault.ts';
import { loadConfiguration } from '../config/load.ts';
import { compileTls } from '../http/tls-acceptor.ts';
import { compileNetworkRules } from '../perimeter/compile-rules.ts';
import type { LiveEntries } from '../perimeter/live-entries.ts';
import { compileTrust } from '../perimeter/trust.ts';
import { tlsFingerprint } from '../upstream/tls.ts';
import type { Terminal } from './terminal.ts';

/**
 * `sallyport check`: the same verdict as a start, without side effects: nothing listens, no file is made, no name resolved.
 * @throws ConfigurationError listing every fault; TlsFileError when a certificate or key cannot be used, Error when a list file cannot
 */
export async function check(
  file: string | undefined,
  flags: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const loaded = loadConfiguration({
    ...(file === undefined ? {} : { file }),
    env: terminal.env,
    flags,
    cwd: terminal.cwd,
  });
  for (const warning of loaded.warnings) terminal.complain(`warning: ${renderFault(warning)}`);
  const { mcps, server, admin } = loaded.settings;
  for (const [setting, { tls }] of [
    ['server.tls', server],
    ['admin.tls', admin],
  ] as const) {
    if (tls === undefined) continue;
    for (const doubt of compileTls(tls, setting).doubts) terminal.complain(`warning: ${doubt}`);
  }
  for (const entry of mcps) if (entry.transport !== 'stdio') tlsFingerprint(entry.tls, entry.id);
  compileTrust(loaded.settings);
  await compileNetworkRules(loaded.settings, NO_ENTRIES);
  const servers = mcps.length === 0 ? 'no servers' : mcps.map(({ id }) => id).join(', ');
  terminal.print(`${loaded.file ?? 'defaults (no configuration file)'}: good (${servers})`);
  return 0;
}

/** Entries belong to a gateway; none runs here. */
const NO_ENTRIES: LiveEntries = { epoch: 0, denial: () => undefined, allowance: () => undefined };

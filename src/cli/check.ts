import { renderFault } from '../config/fault.ts';
import { loadConfiguration } from '../config/load.ts';
import { compileTls } from '../http/tls-acceptor.ts';
import { tlsFingerprint } from '../upstream/tls.ts';
import type { Terminal } from './terminal.ts';

/**
 * `sallyport check`: the same verdict as a start, without side effects: nothing listens, no file is made, no name resolved.
 * @throws ConfigurationError listing every fault; TlsFileError when a certificate, key or list cannot be used
 */
export function check(file: string | undefined, flags: Readonly<Record<string, unknown>>, terminal: Terminal): number {
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
  const servers = mcps.length === 0 ? 'no servers' : mcps.map(({ id }) => id).join(', ');
  terminal.print(`${loaded.file ?? 'defaults (no configuration file)'}: good (${servers})`);
  return 0;
}

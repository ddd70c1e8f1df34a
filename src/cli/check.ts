import { renderFault } from '../config/fault.ts';
import { loadConfiguration } from '../config/load.ts';
import type { Terminal } from './terminal.ts';

/**
 * `sallyport check`: the same verdict as a start, without side effects: nothing listens, no file is made, no name resolved.
 * @throws ConfigurationError listing every fault
 */
export function check(file: string | undefined, flags: Readonly<Record<string, unknown>>, terminal: Terminal): number {
  const loaded = loadConfiguration({
    ...(file === undefined ? {} : { file }),
    env: terminal.env,
    flags,
    cwd: terminal.cwd,
  });
  for (const warning of loaded.warnings) terminal.complain(`warning: ${renderFault(warning)}`);
  const { mcps } = loaded.settings;
  const servers = mcps.length === 0 ? 'no servers' : mcps.map(({ id }) => id).join(', ');
  terminal.print(`${loaded.file ?? 'defaults (no configuration file)'}: good (${servers})`);
  return 0;
}

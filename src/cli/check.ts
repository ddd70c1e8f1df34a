import { ConfigurationError, renderFault } from '../config/fault.ts';
import { loadConfiguration } from '../config/load.ts';
import { judgeFiles } from './file-faults.ts';
import { startDoubts } from './start-doubts.ts';
import type { Terminal } from './terminal.ts';

/**
 * `sallyport check`: the same verdict as a start, without side effects: nothing listens, no file is made, no name resolved.
 * @throws ConfigurationError listing every fault: of the settings, or, when there is none, of all the files they name
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
  const warn = (text: string): void => terminal.complain(`warning: ${text}`);
  for (const warning of loaded.warnings) warn(renderFault(warning));
  const { mcps } = loaded.settings;
  // Without a configuration a start has the demo server.
  const doubts = loaded.file === undefined && mcps.length === 0 ? [] : startDoubts(loaded);
  for (const { problem, remedy } of doubts) warn(remedy === undefined ? problem : `${problem}; ${remedy}`);
  const judgement = await judgeFiles(loaded);
  for (const doubt of judgement.doubts) warn(doubt);
  if (judgement.faults.length > 0) throw new ConfigurationError(judgement.faults);
  const servers = mcps.length === 0 ? 'no servers' : mcps.map(({ id }) => id).join(', ');
  terminal.print(`${loaded.file ?? 'defaults (no configuration file)'}: good (${servers})`);
  return 0;
}

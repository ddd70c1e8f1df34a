import { loadConfiguration } from '../config/load.ts';
import type { CliContext } from './context.ts';
import type { Terminal } from './terminal.ts';

/** The context of commands run in this process. The state folder is found as `serve` finds it, from the same settings. */
export function processContext(terminal: Terminal, exitCode: (code: number) => void): CliContext {
  return {
    stateDir: (options) =>
      loadConfiguration({
        ...(typeof options.config === 'string' ? { file: options.config } : {}),
        env: terminal.env,
        flags: options,
        cwd: terminal.cwd,
      }).stateDir,
    stdout: { write: (text) => process.stdout.write(text) },
    stderr: { write: (text) => process.stderr.write(text) },
    exitCode,
  };
}

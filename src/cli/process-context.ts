import { type Loaded, loadConfiguration } from '../config/load.ts';
import type { ConfiguredContext } from './context.ts';
import type { Terminal } from './terminal.ts';

/** The context of commands run in this process. The state folder is found as `serve` finds it, from the same settings. */
export function processContext(terminal: Terminal, exitCode: (code: number) => void): ConfiguredContext {
  const configuration = (options: Readonly<Record<string, unknown>>): Loaded =>
    loadConfiguration({
      ...(typeof options.config === 'string' ? { file: options.config } : {}),
      env: terminal.env,
      flags: options,
      cwd: terminal.cwd,
    });
  return {
    configuration,
    stateDir: (options) => configuration(options).stateDir,
    stdout: { write: (text) => process.stdout.write(text) },
    stderr: { write: (text) => process.stderr.write(text) },
    exitCode,
  };
}

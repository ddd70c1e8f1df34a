import type { Loaded } from '../config/load.ts';

/** What a command of the command line is given. Tests give it strings to write to; `main` gives it the process. */
export interface CliContext {
  /**
   * The state folder a command works on, absolute, from its options (`stateDir`, `config`), the environment and the
   * configuration file, in the order of precedence of every setting.
   */
  stateDir(options: Readonly<Record<string, unknown>>): string;
  /** Results, and nothing else: what a script would read. */
  readonly stdout: { write(text: string): unknown };
  /** Everything meant for the person. */
  readonly stderr: { write(text: string): unknown };
  /** Sets the code the process will end with. */
  exitCode(code: number): void;
}

/** Of commands that read the configuration itself. */
export interface ConfiguredContext extends CliContext {
  /** Found as the state folder is. @throws ConfigurationError */
  configuration(options: Readonly<Record<string, unknown>>): Loaded;
}

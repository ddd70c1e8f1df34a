/** What a command may know of where it runs. Commands take this instead of reaching for `process`, so tests can stand in. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Standard output is a terminal a person looks at. */
  readonly isTerminal: boolean;
  /** How the log is written unless the configuration says: for a person at a terminal, else for machines. */
  readonly logFormat: 'pretty' | 'json';
  /** One or more whole lines to standard output. */
  print(text: string): void;
  /** One or more whole lines to standard error. */
  complain(text: string): void;
}

export function processTerminal(): Terminal {
  return {
    env: process.env,
    cwd: process.cwd(),
    isTerminal: process.stdout.isTTY === true,
    logFormat: process.stderr.isTTY === true ? 'pretty' : 'json',
    print: (text) => void process.stdout.write(`${text}\n`),
    complain: (text) => void process.stderr.write(`${text}\n`),
  };
}

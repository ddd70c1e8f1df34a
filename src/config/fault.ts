/** What kind of thing is wrong. Stable, so that tests and tools can tell faults apart without reading the text. */
export type FaultCode =
  | 'file'
  | 'untrusted-file'
  | 'syntax'
  | 'duplicate-key'
  | 'unknown-key'
  | 'missing'
  | 'invalid'
  | 'unset-variable'
  | 'empty-value'
  | 'conflict'
  | 'forbidden-variable'
  | 'unknown-variable'
  | 'exposed-secret'
  | 'rule';

/** One thing wrong (or, as a warning, doubtful) with the configuration. No field ever holds a secret. */
export interface Fault {
  readonly code: FaultCode;
  /** File as the operator would name it, `environment PORT`, `flag --port`. */
  readonly source?: string;
  /** From 1. */
  readonly line?: number;
  readonly column?: number;
  /** `mcps[0].url` */
  readonly path?: string;
  /** The offending value, masked and cut. */
  readonly value?: string;
  /** What is wrong or what was expected. */
  readonly problem: string;
  /** The nearest thing that would be right. */
  readonly suggestion?: string;
  /** What to do. */
  readonly remedy?: string;
}

/** A fault on one line: `sallyport.yaml:3:9  server.port = "80a": expected a port from 0 to 65535`. */
export function renderFault(fault: Fault): string {
  const { source, line, column, path, value, problem, suggestion, remedy } = fault;
  let place = source ?? '';
  if (line !== undefined) place += column === undefined ? `:${line}` : `:${line}:${column}`;
  let text = path ?? '';
  if (value !== undefined) text += `${text === '' ? '' : ' = '}${value}`;
  text += `${text === '' ? '' : ': '}${problem}`;
  if (suggestion !== undefined) text += `; did you mean ${suggestion}?`;
  if (remedy !== undefined) text += `${suggestion === undefined ? '. ' : ' '}${remedy}`;
  return place === '' ? text : `${place}  ${text}`;
}

/** The configuration cannot be used. Lists every fault found, not only the first. */
export class ConfigurationError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    super(`the configuration has ${count}:\n${faults.map((fault) => `  ${renderFault(fault)}`).join('\n')}`);
    this.name = 'ConfigurationError';
    this.faults = faults;
  }
}

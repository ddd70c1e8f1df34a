import type { Fault } from './fault.ts';

export interface DotenvVariable {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Variables that make programs load foreign code. A file lying in a folder must not set them for us or our children. */
const FORBIDDEN = /^(PATH|NODE_OPTIONS|NODE_PATH|LD_.*|DYLD_.*)$/;

interface Quoted {
  readonly value: string;
  /** Offset after the closing quote. */
  readonly end: number;
}

/** Reads a quoted value, which may span lines. Undefined when the quote is never closed. */
function readQuoted(text: string, start: number): Quoted | undefined {
  const quote = text[start];
  let value = '';
  for (let index = start + 1; index < text.length; index++) {
    const character = text[index]!;
    if (character === quote) return { value, end: index + 1 };
    if (character === '\\' && quote === '"' && index + 1 < text.length) {
      const next = text[++index]!;
      value += ESCAPES[next] ?? ('"\\$'.includes(next) ? next : `\\${next}`);
    } else value += character;
  }
  return undefined;
}

/** The rest of a line as a value: a `#` begins a comment only after a blank. */
function readPlain(rest: string): string {
  const comment = rest.search(/[ \t]#/);
  return (comment === -1 ? rest : rest.slice(0, comment)).trim();
}

const NOTHING = /^[ \t]*(#.*)?$/;

class DotenvReader {
  readonly faults: Fault[] = [];
  readonly variables = new Map<string, DotenvVariable>();
  readonly #content: string;
  readonly #source: string;

  constructor(text: string, source: string) {
    this.#content = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
    this.#source = source;
  }

  read(): void {
    let line = 1;
    for (let offset = 0; offset < this.#content.length; ) {
      const end = this.#row(offset, line);
      line += this.#content.slice(offset, end).split('\n').length;
      offset = end + 1;
    }
  }

  #endOfLine(offset: number): number {
    const newline = this.#content.indexOf('\n', offset);
    return newline === -1 ? this.#content.length : newline;
  }

  /** Reads what begins on one line; returns where its last line ends. */
  #row(start: number, line: number): number {
    const end = this.#endOfLine(start);
    const row = this.#content.slice(start, end);
    if (NOTHING.test(row)) return end;
    const assignment = ASSIGNMENT.exec(row);
    if (assignment === null) {
      this.#fault(line, 'syntax', 'expected NAME=value');
      return end;
    }
    const name = assignment[1]!;
    const rest = row.slice(assignment[0].length);
    const opening = rest.search(/[^ \t]/);
    if (rest[opening] !== '"' && rest[opening] !== "'") {
      this.#keep({ name, value: readPlain(rest), line });
      return end;
    }
    const quoted = readQuoted(this.#content, start + assignment[0].length + opening);
    if (quoted === undefined) {
      this.#fault(line, 'syntax', `the quote around the value of ${name} is never closed`);
      return end;
    }
    const last = this.#endOfLine(quoted.end);
    if (NOTHING.test(this.#content.slice(quoted.end, last))) this.#keep({ name, value: quoted.value, line });
    else this.#fault(line, 'syntax', `there is text after the quoted value of ${name}`);
    return last;
  }

  #keep(variable: DotenvVariable): void {
    const { name, value, line } = variable;
    const earlier = this.variables.get(name);
    if (FORBIDDEN.test(name)) {
      this.#fault(
        line,
        'forbidden-variable',
        `${name} decides what code is loaded, so a file may not set it`,
        'Set it in the real environment.',
      );
    } else if (value.includes('\0')) {
      this.#fault(line, 'syntax', `the value of ${name} contains a NUL character`);
    } else if (earlier !== undefined && earlier.value !== value) {
      this.#fault(line, 'conflict', `${name} has another value on line ${earlier.line}`, 'Keep one of them.');
    } else this.variables.set(name, variable);
  }

  #fault(line: number, code: Fault['code'], problem: string, remedy?: string): void {
    this.faults.push({ code, source: this.#source, line, problem, ...(remedy === undefined ? {} : { remedy }) });
  }
}

/**
 * Parses a `.env` file: `NAME=value`, `export NAME=value`, comments on their own line or after a value, single quotes
 * (literal) and double quotes (`\n`, `\t`, `\"`, `\\`), CRLF and a byte order mark. Nothing is expanded.
 */
export function parseDotenv(
  text: string,
  source: string,
): { variables: readonly DotenvVariable[]; faults: readonly Fault[] } {
  const reader = new DotenvReader(text, source);
  reader.read();
  return { variables: [...reader.variables.values()], faults: reader.faults };
}

import { resolve } from 'node:path';
import type { DotenvVariable } from './dotenv.ts';
import type { Fault } from './fault.ts';
import type { Origin } from './layer.ts';
import { isFault, readSource } from './source-file.ts';

/** One environment variable and where it was set. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  /** `file` is `.env`; a variable of the real environment hides the one of the same name there. */
  readonly from: 'environment' | 'file';
  readonly origin: Origin;
}

/** The environment the configuration sees: the real one over `.env`. */
export class Variables {
  readonly #all = new Map<string, Variable>();
  readonly #folders: { readonly environment: string; readonly file: string };

  /**
   * @param dotenv variables of `.env`, whose faults are already told
   * @param folders absolute folders against which `NAME_FILE` paths of each origin are resolved
   */
  constructor(
    real: Readonly<Record<string, string | undefined>>,
    dotenv: { readonly source: string; readonly variables: readonly DotenvVariable[] },
    folders: { readonly environment: string; readonly file: string },
  ) {
    this.#folders = folders;
    for (const { name, value, line } of dotenv.variables) {
      this.#all.set(name, { name, value, from: 'file', origin: { source: dotenv.source, line } });
    }
    for (const [name, value] of Object.entries(real)) {
      if (value === undefined) continue;
      this.#all.set(name, { name, value, from: 'environment', origin: { source: `environment ${name}` } });
    }
  }

  all(): Iterable<Variable> {
    return this.#all.values();
  }

  get(name: string): Variable | undefined {
    return this.#all.get(name);
  }

  /**
   * The variable, or the content of the file its `NAME_FILE` twin names (without the closing newline).
   *
   * @returns a fault when both are set, or the file cannot be used; undefined when neither is set
   */
  withFile(name: string): Variable | Fault | undefined {
    const direct = this.#all.get(name);
    const pointer = this.#all.get(`${name}_FILE`);
    if (pointer === undefined || pointer.value === '') return direct;
    const fault = (problem: string): Fault => ({ code: 'file', ...pointer.origin, problem });
    if (direct !== undefined) {
      return { ...fault(`${name} and ${name}_FILE are both set`), code: 'conflict', remedy: 'Keep one of them.' };
    }
    const reading = readSource(resolve(this.#folders[pointer.from], pointer.value), `${name}_FILE`, false);
    if (reading === undefined) return fault(`the file that ${name}_FILE names does not exist`);
    if (isFault(reading)) return fault(`the file that ${name}_FILE names ${reading.problem}`);
    return { ...pointer, name, value: reading.text.replace(/\r?\n$/, '') };
  }

  /** Everything as one plain mapping, for templates and the variables children are allowed. */
  plain(): Record<string, string> {
    return Object.fromEntries([...this.#all].map(([name, { value }]) => [name, value]));
  }
}

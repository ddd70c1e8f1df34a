import type { Environment } from './child-environment.ts';

/** Shorter values are words, not secrets: hiding them would make every line unreadable. */
const SHORTEST = 8;

/**
 * What the configuration gave to one child and the log must not repeat when the child prints it: values of its variables, and
 * arguments with the part behind `=`.
 */
export class ChildSecrets {
  readonly #values: readonly string[];

  constructor(values: Iterable<string>) {
    // Longest first: a value that holds another must not be left half visible.
    this.#values = [...new Set(values)].filter((value) => value.length >= SHORTEST).sort((a, b) => b.length - a.length);
  }

  static of(
    settings: {
      readonly env: Readonly<Record<string, string>>;
      readonly env_allow: readonly string[];
      readonly args: readonly string[];
    },
    own: Environment,
  ): ChildSecrets {
    const allowed = settings.env_allow.flatMap((name) => own[name] ?? []);
    const behindEquals = settings.args.map((argument) => argument.slice(argument.indexOf('=') + 1));
    return new ChildSecrets([...Object.values(settings.env), ...allowed, ...behindEquals]);
  }

  hide(text: string): string {
    let hidden = text;
    for (const value of this.#values)
      if (hidden.includes(value)) hidden = hidden.replaceAll(value, '[configured value]');
    return hidden;
  }
}

import { inspect } from 'node:util';

const MASK = '[secret]';

/**
 * A credential the gateway must present to somebody else, held so that it cannot be printed by accident:
 * string conversion, JSON and `util.inspect` all give `[secret]`. Only `reveal()` gives the text, where it is spent.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}

/** One proxy's say in a `Forwarded` header. Absent parameters are undefined. */
export interface ForwardedElement {
  readonly for: string | undefined;
  readonly proto: string | undefined;
}

/** More elements than this are not read: no chain of proxies is that long. */
const MAX_ELEMENTS = 64;

/**
 * The elements of a `Forwarded` header (RFC 7239, section 4), from the client's side to ours. Undefined when any part of it
 * is not by the grammar: two parsers could then disagree about where an element ends, so none of it is believed.
 */
export function parseForwarded(lines: readonly string[]): readonly ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = [];
  for (const line of lines) {
    const reader = new ElementReader(line);
    do {
      const element = reader.element();
      if (element === undefined) return undefined;
      // RFC 9110, section 5.6.1.2: a recipient skips empty members of a list.
      if (element === EMPTY) continue;
      elements.push(element);
      if (elements.length > MAX_ELEMENTS) return undefined;
    } while (reader.comma());
  }
  return elements;
}

const EMPTY: ForwardedElement = Object.freeze({ for: undefined, proto: undefined });
/** RFC 9110, section 5.6.2. */
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
/** RFC 9110, section 5.6.4; obs-text is none of what an address or a scheme is made of. */
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*)"/y;

class ElementReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** `[ forwarded-pair ] *( ";" [ forwarded-pair ] )`, up to the next comma or the end. */
  element(): ForwardedElement | undefined {
    let node: string | undefined;
    let proto: string | undefined;
    let pairs = 0;
    const seen = new Set<string>();
    for (;;) {
      this.#blanks();
      const name = this.#take(TOKEN)?.toLowerCase();
      if (name !== undefined) {
        const value = this.#value();
        // "Each parameter MUST NOT occur more than once per field-value" element.
        if (value === undefined || seen.has(name)) return undefined;
        seen.add(name);
        pairs += 1;
        if (name === 'for') node = value;
        else if (name === 'proto') proto = value;
      }
      this.#blanks();
      const next = this.#text[this.#at];
      if (next === ';') this.#at += 1;
      else if (next === ',' || next === undefined) break;
      else return undefined;
    }
    return pairs === 0 ? EMPTY : { for: node, proto };
  }

  /** Steps over the comma between two elements; false at the end. */
  comma(): boolean {
    if (this.#at >= this.#text.length) return false;
    this.#at += 1;
    return true;
  }

  #value(): string | undefined {
    if (this.#text[this.#at] !== '=') return undefined;
    this.#at += 1;
    if (this.#text[this.#at] !== '"') return this.#take(TOKEN);
    const quoted = this.#take(QUOTED);
    return quoted?.slice(1, -1).replaceAll(/\\(.)/g, '$1');
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #blanks(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at += 1;
  }
}

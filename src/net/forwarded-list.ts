const COMMA = 0x2c;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * The items of a comma list that came in one or several header lines (RFC 9110, section 5.3), from the last to the first.
 * Nothing is split: whoever stops early pays for what it has seen, however long the header is.
 */
export class ItemsFromTheRight {
  readonly #lines: readonly string[];
  #line: number;
  /** Where the rest of the current line ends; -1 when the line is used up. */
  #end: number;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
    this.#line = lines.length - 1;
    this.#end = this.#line < 0 ? -1 : (lines[this.#line] as string).length;
  }

  /** Without the blanks around it, and empty where nothing stands between two commas; undefined when there are no more. */
  next(): string | undefined {
    while (this.#end === -1) {
      this.#line -= 1;
      if (this.#line < 0) return undefined;
      this.#end = (this.#lines[this.#line] as string).length;
    }
    const line = this.#lines[this.#line] as string;
    let start = this.#end;
    while (start > 0 && line.charCodeAt(start - 1) !== COMMA) start -= 1;
    const item = withoutBlanks(line, start, this.#end);
    this.#end = start === 0 ? -1 : start - 1;
    return item;
  }
}

/** Space and tab only (RFC 9110, section 5.6.3): what else looks empty is part of the item. */
function withoutBlanks(line: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

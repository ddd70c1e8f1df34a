import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
} from 'yaml';
import type { Fault } from './fault.ts';
import type { Layer, Origin } from './layer.ts';
import { type Path, pathText, printableKey, printablePath } from './path.ts';

const DEEPEST = 32;
/** Open mappings, lists and brackets while reading; a list of mappings opens two for one level of the tree. */
const DEEPEST_SYNTAX = 100;
/** Words and signs in one file: ten thousand servers fit, and reading the most takes about a second. */
const MOST_LEXEMES = 400_000;
/** Nodes reached through aliases, counted with repetition. Enough to share a block, too few for a bomb. */
const MOST_ALIASED = 1000;
const MOST_SYNTAX_FAULTS = 20;

/** The parser's own messages quote the text, which may be a secret; these do not. */
const SYNTAX: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab cannot indent YAML; use spaces',
  BAD_INDENT: 'the indentation does not fit, or a bracket is not closed',
  MISSING_CHAR: 'a closing quote, bracket, comma or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line and be followed by ": " (with a blank)',
  BLOCK_AS_IMPLICIT_KEY: 'there is more than one ": " on this line; put quotes around the value',
  TAG_RESOLVE_FAILED: 'tags (!name) are not read; write plain YAML',
  BAD_ALIAS: 'the alias (*name) has no anchor',
  BAD_DIRECTIVE: 'directives (%…) are not read',
};

/** Builds the layer of one YAML or JSON text, with the position of every key and value. */
class TreeReader {
  readonly faults: Fault[] = [];
  readonly origins = new Map<string, Origin>();
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed | undefined;
  readonly #source: string;
  #aliased = 0;

  constructor(text: string, source: string) {
    this.#source = source;
    this.#document = this.#compose(text);
  }

  /** The parser's tokens become nodes by recursion, so depth is bounded before: an exhausted stack can end the process. */
  #compose(text: string): Document.Parsed | undefined {
    const parser = new Parser(this.#lines.addNewLine);
    const tokens: CST.Token[] = [];
    let lexemes = 0;
    this.#lines.addNewLine(0);
    for (const lexeme of new Lexer().lex(text)) {
      for (const token of parser.next(lexeme)) tokens.push(token);
      lexemes += 1;
      if (parser.stack.length <= DEEPEST_SYNTAX && lexemes <= MOST_LEXEMES) continue;
      const problem = lexemes > MOST_LEXEMES ? 'there are too many values' : 'is nested too deeply';
      this.#fault(parser.offset, 'syntax', problem);
      return undefined;
    }
    for (const token of parser.end()) tokens.push(token);
    // Duplicate keys are found by #mapping, with both places and without giving up on the rest.
    const composer = new Composer({ version: '1.2', prettyErrors: false, uniqueKeys: false });
    const [document, ...others] = composer.compose(tokens, true, text.length);
    for (const { range } of others)
      this.#fault(range[0], 'syntax', 'there is more than one document; remove the "---" line');
    return document as Document.Parsed;
  }

  read(): unknown {
    if (this.#document === undefined) return undefined;
    const { errors, warnings, contents, directives } = this.#document;
    const told = new Set<number>();
    for (const { code, pos } of [...errors, ...warnings]) {
      const { line } = this.#lines.linePos(pos[0]);
      if (told.has(line) || told.size >= MOST_SYNTAX_FAULTS) continue;
      told.add(line);
      this.#fault(pos[0], 'syntax', SYNTAX[code] ?? 'this is not valid YAML');
    }
    if (this.faults.length > 0) return undefined;
    if (directives.yaml.version !== '1.2') this.#fault(0, 'syntax', 'only YAML 1.2 is read; remove the %YAML line');
    else if (contents === null || (isScalar(contents) && contents.value === null))
      this.#fault(0, 'syntax', 'the file is empty');
    else if (!isMap(contents))
      this.#fault(contents.range[0], 'syntax', 'the file must hold settings as "key: value" lines');
    return this.faults.length > 0 ? undefined : this.#value(contents as Node, [], undefined, 0);
  }

  #place(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #fault(offset: number, code: Fault['code'], problem: string, path?: Path): void {
    const setting = path === undefined || path.length === 0 ? {} : { path: printablePath(path) };
    this.faults.push({ code, source: this.#source, ...this.#place(offset), ...setting, problem });
  }

  #value(node: Node | null, path: Path, key: { line: number; column: number } | undefined, aliased: number): unknown {
    const offset = node?.range?.[0];
    const place = offset === undefined ? key : this.#place(offset);
    this.origins.set(pathText(path), { source: this.#source, ...place, ...(key === undefined ? {} : { key }) });
    if (node === null) return null;
    if (aliased > 0 && ++this.#aliased > MOST_ALIASED) {
      if (this.#aliased === MOST_ALIASED + 1) this.#fault(offset ?? 0, 'syntax', 'aliases repeat too much', path);
      return null;
    }
    if (path.length > DEEPEST) {
      this.#fault(offset ?? 0, 'syntax', 'is nested too deeply');
      return null;
    }
    if (isScalar(node)) return node.value;
    if (isMap(node)) return this.#mapping(node.items as Pair<Node, Node | null>[], path, aliased);
    if (isSeq(node))
      return node.items.map((item, index) => this.#value(item as Node, [...path, index], undefined, aliased));
    if (!isAlias(node) || this.#aliased > MOST_ALIASED) return null;
    const target = node.resolve(this.#document as Document.Parsed);
    if (target === undefined) this.#fault(offset ?? 0, 'syntax', SYNTAX.BAD_ALIAS as string, path);
    return target === undefined ? null : this.#value(target, path, key, aliased + 1);
  }

  #mapping(pairs: readonly Pair<Node, Node | null>[], path: Path, aliased: number): Record<string, unknown> {
    const mapping: Record<string, unknown> = {};
    const lines = new Map<string, number>();
    for (const { key, value } of pairs) {
      const offset = key?.range?.[0] ?? 0;
      const place = this.#place(offset);
      const name = isScalar(key) ? key.value : undefined;
      if (typeof name !== 'string' || name === '__proto__') {
        this.#fault(offset, 'syntax', 'is not a key; keys are plain words', path);
        continue;
      }
      const first = lines.get(name);
      if (first !== undefined) {
        this.#fault(offset, 'duplicate-key', `the key "${printableKey(name)}" is already on line ${first}`, [
          ...path,
          name,
        ]);
        continue;
      }
      lines.set(name, place.line);
      mapping[name] = this.#value(value, [...path, name], place, aliased);
    }
    return mapping;
  }
}

/**
 * Reads YAML 1.2 or JSON (which YAML includes) with positions. Nothing in it can run code or name a type.
 *
 * @returns the layer, undefined when the text has no usable structure; and everything wrong with it
 */
export function readTree(text: string, source: string): { layer: Layer | undefined; faults: readonly Fault[] } {
  const reader = new TreeReader(text, source);
  const value = reader.read();
  return { layer: value === undefined ? undefined : { value, origins: reader.origins }, faults: reader.faults };
}

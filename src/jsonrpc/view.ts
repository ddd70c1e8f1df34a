import { ROLE } from './control-keys.ts';
import { type MemberIndex, Scanner } from './scanner.ts';
import { DEPTH_CEILING, type RequestId, type ScanLimits, type Span } from './span.ts';
import { decodeId, decodeString, nameIs, OPEN_BRACE, OPEN_BRACKET, QUOTE, spanIs } from './tokens.ts';

/** For values inside a message whose own limits already held. */
const INNER_LIMITS: ScanLimits = { maxDepth: DEPTH_CEILING, maxMembers: Number.MAX_SAFE_INTEGER };

/**
 * One object where it stands in a message: its own members by name, each decoded only when asked for.
 *
 * Whatever is read through a view is sound: its grammar was checked and no name in it comes twice. A server's message
 * is checked no deeper than its control objects when it arrives, so there a view checks the rest when it is opened,
 * and a value that fails is `undefined`. Where a decision needs a member, `undefined` must therefore refuse, never pass.
 */
export class ObjectView {
  readonly bytes: Buffer;
  private readonly index: MemberIndex;
  /** The values of the members were checked too, not only the names. */
  private readonly checked: boolean;

  constructor(bytes: Buffer, index: MemberIndex, checked: boolean) {
    this.bytes = bytes;
    this.index = index;
    this.checked = checked;
  }

  /** The object itself, braces included. */
  get span(): Span {
    return { start: this.index.start, end: this.index.end };
  }

  has(key: string): boolean {
    return this.find(key) >= 0;
  }

  /** Members in the order they stand. */
  keys(): readonly string[] {
    const { offsets } = this.index;
    const names: string[] = [];
    for (let at = 0; at < offsets.length; at += 4) names.push(decodeString(this.bytes, offsets[at]!, offsets[at + 1]!));
    return names;
  }

  get size(): number {
    return this.index.offsets.length / 4;
  }

  /** The position of a member among the others, or -1. */
  indexOf(key: string): number {
    const at = this.find(key);
    return at < 0 ? -1 : at / 4;
  }

  /** A whole member, from the quote before its name to the end of its value. `position` is below `size`. */
  memberSpan(position: number): Span {
    const { offsets } = this.index;
    return { start: offsets[position * 4]! - 1, end: offsets[position * 4 + 3]! };
  }

  /** The member's value as it stands, quotes and brackets included. */
  spanOf(key: string): Span | undefined {
    const at = this.find(key);
    if (at < 0) return undefined;
    const { offsets } = this.index;
    return { start: offsets[at + 2]!, end: offsets[at + 3]! };
  }

  /** Undefined when absent or not a string. */
  string(key: string): string | undefined {
    const at = this.find(key);
    if (at < 0) return undefined;
    const start = this.index.offsets[at + 2]!;
    const end = this.index.offsets[at + 3]!;
    if (this.bytes[start] !== QUOTE || !this.isSound(start, end)) return undefined;
    return decodeString(this.bytes, start + 1, end - 1);
  }

  /** Undefined when absent or neither a string nor an integer that every parser reads alike. */
  id(key: string): RequestId | undefined {
    const at = this.find(key);
    if (at < 0) return undefined;
    const start = this.index.offsets[at + 2]!;
    const end = this.index.offsets[at + 3]!;
    if (this.bytes[start] === QUOTE && !this.isSound(start, end)) return undefined;
    return decodeId(this.bytes, start, end);
  }

  boolean(key: string): boolean | undefined {
    const span = this.spanOf(key);
    if (span === undefined) return undefined;
    if (spanIs(this.bytes, span.start, span.end, 'true')) return true;
    return spanIs(this.bytes, span.start, span.end, 'false') ? false : undefined;
  }

  isNull(key: string): boolean {
    const span = this.spanOf(key);
    return span !== undefined && spanIs(this.bytes, span.start, span.end, 'null');
  }

  /** Undefined when absent, not an object, or not sound inside. Read anew on every call: keep what you get. */
  object(key: string): ObjectView | undefined {
    const span = this.spanOf(key);
    return span === undefined ? undefined : this.objectAt(span);
  }

  /** The object at a span that `array` or `spanOf` gave. */
  objectAt(span: Span): ObjectView | undefined {
    if (this.bytes[span.start] !== OPEN_BRACE) return undefined;
    const scanner = scanInner(this.bytes, span.start, span.end);
    return scanner?.top === undefined ? undefined : new ObjectView(this.bytes, scanner.top, true);
  }

  /** Where the elements stand. Undefined when absent, not an array, or not sound inside. */
  array(key: string): readonly Span[] | undefined {
    const span = this.spanOf(key);
    if (span === undefined || this.bytes[span.start] !== OPEN_BRACKET) return undefined;
    const ends: number[] = [];
    if (scanInner(this.bytes, span.start, span.end, ends) === undefined) return undefined;
    const elements: Span[] = [];
    for (let at = 0; at < ends.length; at += 2) elements.push({ start: ends[at]!, end: ends[at + 1]! });
    return elements;
  }

  /** That value alone, by `JSON.parse`. Undefined when absent or not sound inside. */
  json(key: string): unknown {
    const span = this.spanOf(key);
    if (span === undefined || !this.isSound(span.start, span.end)) return undefined;
    return JSON.parse(this.bytes.toString('utf8', span.start, span.end));
  }

  private isSound(start: number, end: number): boolean {
    return this.checked || scanInner(this.bytes, start, end) !== undefined;
  }

  /** The place of a member's four offsets, or -1. */
  private find(key: string): number {
    const { offsets, plain } = this.index;
    for (let at = 0; at < offsets.length; at += 4) {
      const start = offsets[at]!;
      const end = offsets[at + 1]!;
      if (plain ? spanIs(this.bytes, start, end, key) : nameIs(this.bytes, start, end, key)) return at;
    }
    return -1;
  }
}

/** Reads one value strictly; undefined when it is not sound. The bytes as a whole are known to be UTF-8. */
function scanInner(bytes: Buffer, start: number, end: number, elements?: number[]): Scanner | undefined {
  const scanner = new Scanner(end === bytes.length ? bytes : bytes.subarray(0, end), INNER_LIMITS, false);
  return scanner.readDocument(start, ROLE.VIEW, elements) && scanner.fault === undefined ? scanner : undefined;
}

import { controlKeyAt, controlKeyOf, ROLE, type Role, spelling } from './control-keys.ts';
import { Keyring } from './keyring.ts';
import { MemberName } from './member-name.ts';
import { NAME_HASH_START, nameHash, nameHashStep } from './name-hash.ts';
import { type Room, skipContainer, skipString } from './skip.ts';
import { DEPTH_CEILING, type ScanLimits } from './span.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  readNumber,
  readString,
  readWord,
  skipSpace,
} from './tokens.ts';

const MAX_NUMBER_LENGTH = 1_000;

const PROTO = '__proto__';
const PROTO_HASH = nameHash(Buffer.from(PROTO));

/** Where the members of one object lie. */
export class MemberIndex {
  readonly start: number;
  end = 0;
  /** Four offsets per member: name start and end (between its quotes), value start and end. */
  readonly offsets: number[] = [];
  /** No name has an escape or a byte outside ASCII, so names can be compared byte by byte. */
  plain = true;

  constructor(start: number) {
    this.start = start;
  }
}

/** Names in the objects now open. Shared by all scans: a scan never yields and never starts another. */
const keyring = new Keyring(DEPTH_CEILING);
/** The name at hand, when it is not plain. */
const unescaped = new MemberName();

/**
 * Reads one text as RFC 8259, in one pass over the bytes, keeping where the members of the control objects lie.
 *
 * Two kinds of defect: `broken` (not JSON, or over a limit) stops the reading; `fault` (JSON that two parsers could
 * read differently) is remembered and reading goes on, so that the answer can still name the request's id.
 * Never throws and never allocates by the size of the input, except the offsets it was asked to keep.
 */
export class Scanner {
  readonly bytes: Buffer;
  broken: string | undefined;
  /** Which limit it is over, when that is why it is broken. */
  over: 'depth' | 'members' | undefined;
  fault: string | undefined;
  /** The top level itself has a name twice or in two spellings, so not even the id can be believed. */
  ambiguousTop = false;

  top: MemberIndex | undefined;
  /** `params` or `result`: no sound message has both. */
  body: MemberIndex | undefined;
  error: MemberIndex | undefined;
  meta: MemberIndex | undefined;

  private readonly end: number;
  private readonly levels: number;
  private readonly lenient: boolean;
  private readonly room: Room;
  private keyHash = 0;
  private keyPlain = true;
  private keyEscaped = false;

  /** `lenient` leaps over everything inside the values of control objects; see `skip.ts`. */
  constructor(bytes: Buffer, limits: ScanLimits, lenient: boolean) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.levels = Math.min(limits.maxDepth, DEPTH_CEILING);
    this.room = { members: limits.maxMembers };
    this.lenient = lenient;
  }

  /** One document from `start` to the end, white space around it allowed. False when `broken`. */
  readDocument(start: number, role: Role, elements?: number[]): boolean {
    const first = skipSpace(this.bytes, start);
    let pos: number;
    if (elements !== undefined && this.bytes[first] === OPEN_BRACKET) pos = this.readArray(first, 0, elements);
    else pos = this.readValue(first, 0, role);
    if (pos >= 0) {
      pos = skipSpace(this.bytes, pos);
      if (pos !== this.end) this.stop('text after the end of the document', pos);
    }
    keyring.release();
    return this.broken === undefined;
  }

  private readValue(pos: number, depth: number, role: Role): number {
    const { bytes } = this;
    const c = bytes[pos]!;
    if (c === QUOTE) {
      const end = this.lenient ? skipString(bytes, pos + 1, this.end) : readString(bytes, pos + 1, this.end);
      return end < 0 ? this.stop('a malformed string', pos) : end;
    }
    if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      if (this.lenient && (role === ROLE.NONE || c === OPEN_BRACKET)) {
        const end = skipContainer(bytes, pos, this.end, this.levels - depth, this.room);
        return end < 0 ? this.stop('a malformed or oversized value', pos) : end;
      }
      return c === OPEN_BRACE ? this.readObject(pos, depth, role) : this.readArray(pos, depth, undefined);
    }
    if (c === 0x74 || c === 0x66 || c === 0x6e) {
      const end = readWord(bytes, pos);
      return end < 0 ? this.stop('an unknown word', pos) : end;
    }
    const end = readNumber(bytes, pos);
    if (end < 0) return this.stop('a value was expected', pos);
    if (end - pos > MAX_NUMBER_LENGTH) this.suspect('a number too long to be read alike everywhere', pos);
    return end;
  }

  private readArray(open: number, depth: number, elements: number[] | undefined): number {
    if (depth >= this.levels) return this.exceed('depth', open);
    const { bytes } = this;
    let pos = skipSpace(bytes, open + 1);
    if (bytes[pos] === CLOSE_BRACKET) return pos + 1;
    for (;;) {
      if (--this.room.members < 0) return this.exceed('members', pos);
      const start = pos;
      pos = this.readValue(pos, depth + 1, ROLE.NONE);
      if (pos < 0) return -1;
      elements?.push(start, pos);
      pos = skipSpace(bytes, pos);
      if (bytes[pos] === CLOSE_BRACKET) return pos + 1;
      if (bytes[pos] !== COMMA) return this.stop('a comma or the end of an array was expected', pos);
      pos = skipSpace(bytes, pos + 1);
    }
  }

  private readObject(open: number, depth: number, role: Role): number {
    if (depth >= this.levels) return this.exceed('depth', open);
    const { bytes } = this;
    const index = role === ROLE.NONE ? undefined : new MemberIndex(open);
    keyring.open(depth);
    let pos = skipSpace(bytes, open + 1);
    if (bytes[pos] === CLOSE_BRACE) return this.close(index, role, pos + 1);
    for (;;) {
      if (bytes[pos] !== QUOTE) return this.stop('a member name was expected', pos);
      if (--this.room.members < 0) return this.exceed('members', pos);
      const keyStart = pos + 1;
      pos = this.readKey(keyStart);
      if (pos < 0) return -1;
      const keyEnd = pos - 1;
      const valueRole = this.judgeKey(keyStart, keyEnd, depth, role);
      pos = skipSpace(bytes, pos);
      if (bytes[pos] !== COLON) return this.stop('a colon was expected', pos);
      const valueStart = skipSpace(bytes, pos + 1);
      if (index !== undefined && !this.keyPlain) index.plain = false;
      pos = this.readValue(valueStart, depth + 1, valueRole);
      if (pos < 0) return -1;
      index?.offsets.push(keyStart, keyEnd, valueStart, pos);
      pos = skipSpace(bytes, pos);
      if (bytes[pos] === CLOSE_BRACE) return this.close(index, role, pos + 1);
      if (bytes[pos] !== COMMA) return this.stop('a comma or the end of an object was expected', pos);
      pos = skipSpace(bytes, pos + 1);
    }
  }

  /** `pos` is after the opening quote. Leaves what the name is like in the scanner's own fields. */
  private readKey(pos: number): number {
    const { bytes, end } = this;
    let hash = NAME_HASH_START;
    let high = 0;
    for (let at = pos; at < end; at++) {
      const c = bytes[at]!;
      if (c === QUOTE) {
        this.keyHash = hash;
        this.keyPlain = high < 0x80;
        this.keyEscaped = false;
        return at + 1;
      }
      if (c < 0x20) break;
      if (c === BACKSLASH) return this.readEscapedKey(pos);
      hash = nameHashStep(hash, c);
      high |= c;
    }
    return this.stop('a malformed member name', pos);
  }

  private readEscapedKey(pos: number): number {
    const end = readString(this.bytes, pos, this.end);
    if (end < 0) return this.stop('a malformed member name', pos);
    unescaped.read(this.bytes, pos, end - 1);
    this.keyHash = unescaped.hash;
    this.keyPlain = false;
    this.keyEscaped = true;
    return end;
  }

  /** Notes names that could be read two ways; returns what the member's value is to this object. */
  private judgeKey(start: number, end: number, depth: number, role: Role): Role {
    if (!this.keyPlain) return this.judgeUnescaped(start, end, depth, role);
    const { bytes } = this;
    if (!keyring.add(bytes, depth, this.keyHash, start, end, false)) this.suspectTwice(start, role);
    if (this.keyHash === PROTO_HASH && spelling(bytes, start, end, PROTO) === 'exact') {
      this.suspect('a member is named __proto__', start);
    }
    if (role === ROLE.NONE) return ROLE.NONE;
    const control = controlKeyAt(bytes, start, end, role);
    if (control === undefined) return ROLE.NONE;
    const as = spelling(bytes, start, end, control.text);
    if (as === 'exact') return control.opens;
    if (as === 'variant') this.suspectName('a control member in another spelling', start, role);
    return ROLE.NONE;
  }

  private judgeUnescaped(start: number, end: number, depth: number, role: Role): Role {
    // One fault is enough to refuse, and these are dear; after it only the top level's names still decide what the refusal may say.
    if (this.fault !== undefined && (role !== ROLE.TOP || this.ambiguousTop)) return ROLE.NONE;
    if (!keyring.add(this.bytes, depth, this.keyHash, start, end, this.keyEscaped)) this.suspectTwice(start, role);
    if (!this.keyEscaped) {
      if (role === ROLE.NONE) return ROLE.NONE;
      unescaped.read(this.bytes, start, end);
    }
    if (this.keyHash === PROTO_HASH && isExactly(PROTO)) this.suspect('a member is named __proto__', start);
    if (role === ROLE.NONE) return ROLE.NONE;
    const control = controlKeyOf(unescaped, role);
    if (control === undefined) return ROLE.NONE;
    if (isExactly(control.text)) return control.opens;
    this.suspectName('a control member in another spelling', start, role);
    return ROLE.NONE;
  }

  private close(index: MemberIndex | undefined, role: Role, end: number): number {
    if (index === undefined) return end;
    index.end = end;
    if (role === ROLE.TOP || role === ROLE.VIEW) this.top = index;
    else if (role === ROLE.PARAMS || role === ROLE.RESULT) this.body = index;
    else if (role === ROLE.ERROR) this.error = index;
    else if (role === ROLE.META) this.meta = index;
    return end;
  }

  private stop(why: string, at: number): -1 {
    this.broken ??= `${why} at byte ${at}`;
    return -1;
  }

  private exceed(limit: 'depth' | 'members', at: number): -1 {
    this.over = limit;
    return this.stop(limit === 'depth' ? 'nested too deeply' : 'too many members', at);
  }

  private suspectTwice(at: number, role: Role): void {
    this.suspectName('a member name comes twice', at, role);
  }

  private suspectName(why: string, at: number, role: Role): void {
    if (role === ROLE.TOP) this.ambiguousTop = true;
    this.suspect(why, at);
  }

  private suspect(why: string, at: number): void {
    this.fault ??= `${why} at byte ${at}`;
  }
}

function isExactly(text: string): boolean {
  return spelling(unescaped.bytes, 0, unescaped.length, text) === 'exact';
}

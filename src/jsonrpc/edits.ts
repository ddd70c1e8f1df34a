import type { Message } from './message.ts';
import type { RequestId, Span } from './span.ts';
import type { ObjectView } from './view.ts';
import { idToken, jsonString } from './write.ts';

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What is to become of one member: its new raw value, or undefined for "gone". */
interface Change {
  readonly key: string;
  raw: string | undefined;
}

/** What is to change in one object. Each name stands in it once; the last word about it counts. */
interface ObjectPlan {
  readonly view: ObjectView;
  readonly changes: Change[];
}

const NONE_GONE: ReadonlySet<number> = new Set();

/**
 * Collects named changes to a message and makes an edited copy; every byte not named stays as it was.
 *
 * Raw values are JSON text the caller vouches for. The original bytes are never written to.
 * Only views and spans of the same bytes may be used.
 */
export class Edits {
  private readonly bytes: Buffer;
  private readonly splices: Splice[] = [];
  private readonly plans: ObjectPlan[] = [];

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Replaces one value. The same span again: the last call counts. */
  replace(span: Span, rawJson: string): this {
    const splice = { start: span.start, end: span.end, text: rawJson };
    for (let i = 0; i < this.splices.length; i++) {
      if (byPlace(this.splices[i]!, splice) !== 0) continue;
      this.splices[i] = splice;
      return this;
    }
    this.splices.push(splice);
    return this;
  }

  /** Sets a member, in place when it is there, else after the last one. */
  setMember(object: ObjectView, key: string, rawJson: string): this {
    this.change(object, key, rawJson);
    return this;
  }

  /** Removes a member and the comma that went with it. Nothing happens when it is not there. */
  removeMember(object: ObjectView, key: string): this {
    this.change(object, key, undefined);
    return this;
  }

  get isEmpty(): boolean {
    return this.splices.length === 0 && this.plans.every(changesNothing);
  }

  /**
   * The edited copy; the same buffer when there is nothing to edit.
   * @throws Error when two edits touch the same bytes: a defect of the caller, never of the message.
   */
  toBuffer(): Buffer {
    if (this.isEmpty) return this.bytes;
    const splices = [...this.splices];
    for (const plan of this.plans) addSplices(plan, splices);
    if (splices.length > 1) splices.sort(byPlace);
    return splice(this.bytes, splices);
  }

  private change(view: ObjectView, key: string, raw: string | undefined): void {
    const { start } = view.span;
    let plan = this.plans.find((known) => known.view.span.start === start);
    if (plan === undefined) {
      plan = { view, changes: [] };
      this.plans.push(plan);
    }
    const known = plan.changes.find((change) => change.key === key);
    if (known === undefined) plan.changes.push({ key, raw });
    else known.raw = raw;
  }
}

function changesNothing({ view, changes }: ObjectPlan): boolean {
  return changes.every(({ key, raw }) => raw === undefined && !view.has(key));
}

function addSplices({ view, changes }: ObjectPlan, splices: Splice[]): void {
  let gone: Set<number> | undefined;
  let added = '';
  for (const { key, raw } of changes) {
    const value = view.spanOf(key);
    if (value !== undefined) {
      if (raw !== undefined) splices.push({ start: value.start, end: value.end, text: raw });
      else gone = (gone ?? new Set()).add(view.indexOf(key));
    } else if (raw !== undefined) {
      added += `${added === '' ? '' : ','}${jsonString(key)}:${raw}`;
    }
  }
  addRemovals(view, gone ?? NONE_GONE, splices);
  if (added === '') return;
  const survivors = view.size - (gone?.size ?? 0);
  const at = view.size === 0 ? view.span.start + 1 : view.memberSpan(view.size - 1).end;
  splices.push({ start: at, end: at, text: survivors > 0 ? `,${added}` : added });
}

/** A member goes with the comma before it, or, when nothing before it stays, with the comma after it. */
function addRemovals(view: ObjectView, gone: ReadonlySet<number>, splices: Splice[]): void {
  if (gone.size === 0) return;
  let stays = false;
  for (let position = 0; position < view.size; position++) {
    if (!gone.has(position)) {
      stays = true;
      continue;
    }
    const { start, end } = view.memberSpan(position);
    const isLast = position === view.size - 1;
    if (stays) splices.push({ start: view.memberSpan(position - 1).end, end, text: '' });
    else splices.push({ start, end: isLast ? end : view.memberSpan(position + 1).start, text: '' });
  }
}

/** An insertion comes before a change that starts where it stands. */
function byPlace(a: Splice, b: Splice): number {
  return a.start - b.start || a.end - b.end;
}

function splice(bytes: Buffer, splices: readonly Splice[]): Buffer {
  let length = bytes.length;
  let reached = 0;
  for (const { start, end, text } of splices) {
    if (start < reached) throw new Error(`two edits touch byte ${start} of a message`);
    length += Buffer.byteLength(text) - (end - start);
    reached = end;
  }
  const out = Buffer.allocUnsafe(length);
  let from = 0;
  let to = 0;
  for (const { start, end, text } of splices) {
    copy(bytes, out, to, from, start);
    to += start - from;
    if (text !== '') to += out.write(text, to);
    from = end;
  }
  copy(bytes, out, to, from, bytes.length);
  return out;
}

/**
 * The message under another id, all other bytes as they were: the edit every call goes through twice.
 * @throws Error when the message has no id to replace: a notification must never become a request.
 */
export function withId(message: Message, id: RequestId): Buffer {
  const { bytes, idSpan } = message;
  if (idSpan === undefined) throw new Error('a message without an id cannot be given one');
  const token = idToken(id);
  const tokenLength = typeof id === 'number' ? token.length : Buffer.byteLength(token);
  const out = Buffer.allocUnsafe(bytes.length - (idSpan.end - idSpan.start) + tokenLength);
  copy(bytes, out, 0, 0, idSpan.start);
  out.write(token, idSpan.start);
  copy(bytes, out, idSpan.start + tokenLength, idSpan.end, bytes.length);
  return out;
}

/** Below this a loop is faster than crossing into native code. */
const SHORT_COPY = 64;

/** `Buffer.copy`, but quick for a handful of bytes. */
function copy(from: Buffer, to: Buffer, at: number, start: number, end: number): void {
  if (end - start > SHORT_COPY) {
    from.copy(to, at, start, end);
    return;
  }
  for (let i = start; i < end; i++) to[at + i - start] = from[i]!;
}

/**
 * The same message without line breaks, for transports that end a message at one (stdio) or a field (SSE).
 * In a message the scanner accepted they stand only between tokens, where a space means the same.
 */
export function onOneLine(bytes: Buffer): Buffer {
  if (bytes.indexOf(LINE_FEED) < 0 && bytes.indexOf(CARRIAGE_RETURN) < 0) return bytes;
  const out = Buffer.from(bytes);
  blank(out, LINE_FEED);
  blank(out, CARRIAGE_RETURN);
  return out;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

function blank(bytes: Buffer, byte: number): void {
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) bytes[at] = 0x20;
}

import { decodeString } from './tokens.ts';

/** Up to this many names are compared one by one, by hash; an object with more gets a table. */
const FEW = 32;
const LONG = 64;
/** Per name: hash, start, end; the end is inverted (negative) when the name is written with escapes. */
const SLOT = 3;

/**
 * The member names met so far in every object that is open, one ring per depth, to find a name that comes twice.
 *
 * Names are equal when they are equal after unescaping: `"na\u006de"` is `"name"` to every parser behind us.
 * Work stays in proportion to the input: names are compared only when their hashes are equal.
 */
export class Keyring {
  private readonly slots: Int32Array;
  private readonly counts: Int32Array;
  private readonly tables: (NameTable | undefined)[];
  private spilled = false;

  constructor(depths: number) {
    this.slots = new Int32Array(depths * FEW * SLOT);
    this.counts = new Int32Array(depths);
    this.tables = new Array<NameTable | undefined>(depths).fill(undefined);
  }

  /** An object opens at this depth; what an earlier one left there is forgotten. */
  open(depth: number): void {
    this.counts[depth] = 0;
    this.tables[depth] = undefined;
  }

  /** Adds the name at `start`..`end` (between its quotes); false when this object has it already. */
  add(bytes: Buffer, depth: number, hash: number, start: number, end: number, escaped: boolean): boolean {
    const mark = escaped ? ~end : end;
    const table = this.tables[depth];
    if (table !== undefined) return table.add(bytes, hash, start, mark);
    const slots = this.slots;
    const count = this.counts[depth]!;
    const base = depth * FEW * SLOT;
    const top = base + count * SLOT;
    for (let at = base; at < top; at += SLOT) {
      if (slots[at] === hash && sameName(bytes, slots[at + 1]!, slots[at + 2]!, start, mark)) return false;
    }
    if (count === FEW) {
      this.spilled = true;
      this.tables[depth] = new NameTable(slots.subarray(base, base + FEW * SLOT));
      return this.tables[depth].add(bytes, hash, start, mark);
    }
    slots[top] = hash;
    slots[top + 1] = start;
    slots[top + 2] = mark;
    this.counts[depth] = count + 1;
    return true;
  }

  /** Lets go of the tables an unusual message made. */
  release(): void {
    if (!this.spilled) return;
    this.spilled = false;
    this.tables.fill(undefined);
  }
}

/** The names of one large object: a hash table of offsets, so that no name becomes a string. Half full at most. */
class NameTable {
  private slots: Int32Array = new Int32Array(FEW * SLOT * 4);
  private capacity = FEW * 4;
  private size = 0;

  /** `few`: distinct names, as slots. */
  constructor(few: Int32Array) {
    this.fill(few);
  }

  add(bytes: Buffer, hash: number, start: number, mark: number): boolean {
    let at = this.place(hash);
    // No name ends at 0 and no inverted end is 0, so 0 says that the slot is free.
    for (; this.slots[at + 2] !== 0; at = this.next(at)) {
      if (this.slots[at] === hash && sameName(bytes, this.slots[at + 1]!, this.slots[at + 2]!, start, mark))
        return false;
    }
    this.put(at, hash, start, mark);
    if (this.size * 2 > this.capacity) this.grow();
    return true;
  }

  private grow(): void {
    const old = this.slots;
    this.capacity *= 4;
    this.slots = new Int32Array(this.capacity * SLOT);
    this.size = 0;
    this.fill(old);
  }

  private fill(from: Int32Array): void {
    for (let i = 0; i < from.length; i += SLOT) {
      if (from[i + 2] === 0) continue;
      let at = this.place(from[i]!);
      while (this.slots[at + 2] !== 0) at = this.next(at);
      this.put(at, from[i]!, from[i + 1]!, from[i + 2]!);
    }
  }

  private put(at: number, hash: number, start: number, mark: number): void {
    this.slots[at] = hash;
    this.slots[at + 1] = start;
    this.slots[at + 2] = mark;
    this.size++;
  }

  private place(hash: number): number {
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return ((mixed ^ (mixed >>> 13)) & (this.capacity - 1)) * SLOT;
  }

  private next(at: number): number {
    return at + SLOT === this.slots.length ? 0 : at + SLOT;
  }
}

/** Whether two names whose hashes are equal are the same name. Negative ends are inverted: such a name has escapes. */
function sameName(bytes: Buffer, aStart: number, aMark: number, bStart: number, bMark: number): boolean {
  if (aMark < 0 || bMark < 0) return text(bytes, aStart, aMark) === text(bytes, bStart, bMark);
  const length = bMark - bStart;
  if (aMark - aStart !== length) return false;
  if (length > LONG) return bytes.compare(bytes, aStart, aMark, bStart, bMark) === 0;
  for (let i = 0; i < length; i++) {
    if (bytes[aStart + i] !== bytes[bStart + i]) return false;
  }
  return true;
}

function text(bytes: Buffer, start: number, mark: number): string {
  return decodeString(bytes, start, mark < 0 ? ~mark : mark);
}

import { decodeString } from './tokens.ts';

/** Names up to this many are compared one by one, by hash; an object with more gets a set. */
const FEW = 32;
const LONG = 64;
const SLOT = 3;

/**
 * The member names met so far in every object that is open, one ring per depth, to find a name that comes twice.
 *
 * Names are equal when they are equal after unescaping: `"na\u006de"` is `"name"` to every parser behind us.
 */
export class Keyring {
  private readonly slots: Int32Array;
  private readonly counts: Int32Array;
  private readonly many: (Set<string> | undefined)[];
  private spilled = false;

  constructor(depths: number) {
    this.slots = new Int32Array(depths * FEW * SLOT);
    this.counts = new Int32Array(depths);
    this.many = new Array<Set<string> | undefined>(depths).fill(undefined);
  }

  /** An object opens at this depth; what an earlier one left there is forgotten. */
  open(depth: number): void {
    this.counts[depth] = 0;
    this.many[depth] = undefined;
  }

  /** Adds the name at `start`..`end` (between its quotes); false when this object has it already. */
  add(bytes: Buffer, depth: number, hash: number, start: number, end: number): boolean {
    const many = this.many[depth];
    if (many !== undefined) return addTo(many, decodeString(bytes, start, end));
    const { slots } = this;
    const count = this.counts[depth]!;
    const base = depth * FEW * SLOT;
    const top = base + count * SLOT;
    for (let at = base; at < top; at += SLOT) {
      if (slots[at] === hash && sameName(bytes, slots[at + 1]!, slots[at + 2]!, start, end)) return false;
    }
    if (count === FEW) {
      this.spilled = true;
      this.many[depth] = this.spill(bytes, base).add(decodeString(bytes, start, end));
      return true;
    }
    slots[top] = hash;
    slots[top + 1] = start;
    slots[top + 2] = end;
    this.counts[depth] = count + 1;
    return true;
  }

  /** Lets go of the sets an unusual message made. */
  release(): void {
    if (!this.spilled) return;
    this.spilled = false;
    this.many.fill(undefined);
  }

  private spill(bytes: Buffer, base: number): Set<string> {
    const names = new Set<string>();
    for (let at = base; at < base + FEW * SLOT; at += SLOT) {
      names.add(decodeString(bytes, this.slots[at + 1]!, this.slots[at + 2]!));
    }
    return names;
  }
}

function addTo(names: Set<string>, name: string): boolean {
  const before = names.size;
  names.add(name);
  return names.size > before;
}

function sameName(bytes: Buffer, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  const length = bEnd - bStart;
  if (aEnd - aStart === length && sameBytes(bytes, aStart, bStart, length)) return true;
  const a = decodeString(bytes, aStart, aEnd);
  return a === decodeString(bytes, bStart, bEnd);
}

function sameBytes(bytes: Buffer, a: number, b: number, length: number): boolean {
  if (length > LONG) return bytes.compare(bytes, a, a + length, b, b + length) === 0;
  for (let i = 0; i < length; i++) {
    if (bytes[a + i] !== bytes[b + i]) return false;
  }
  return true;
}

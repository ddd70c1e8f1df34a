import type { Random } from './random.ts';

const NUMBERS = ['0', '-0', '1', '-1', '255', '256', '65536', '2147483648', '4294967296', '9007199254740993', '1e400'];
const BYTES = [0, 9, 10, 13, 32, 34, 44, 58, 92, 0x7f, 0x80, 0xbf, 0xc0, 0xed, 0xef, 0xff];

type Mutation = (bytes: Buffer, random: Random, words: readonly (string | Buffer)[], other: Buffer) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  // One byte becomes another.
  (bytes, random) => {
    const out = Buffer.from(bytes);
    if (out.length > 0) out[random.below(out.length)] = random.once(2) ? random.pick(BYTES) : random.below(256);
    return out;
  },
  // One bit turns, which also changes the case of a letter.
  (bytes, random) => {
    const out = Buffer.from(bytes);
    if (out.length > 0) out[random.below(out.length)]! ^= 1 << random.below(8);
    return out;
  },
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return splice(bytes, at, at + random.size(bytes.length - at), '');
  },
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return splice(bytes, at, at, random.bytes(1 + random.size(16)));
  },
  (bytes, random, words) => {
    const at = random.below(bytes.length + 1);
    return splice(bytes, at, at + (random.once(2) ? 0 : random.size(8)), random.pick(words));
  },
  (bytes, random, words) => {
    const at = random.below(bytes.length + 1);
    return splice(bytes, at, at, random.pick(words));
  },
  // A piece comes again, elsewhere or many times.
  (bytes, random) => {
    const from = random.below(bytes.length + 1);
    const piece = bytes.subarray(from, from + 1 + random.size(bytes.length - from));
    const at = random.below(bytes.length + 1);
    const again = random.once(6) ? Buffer.concat(new Array<Buffer>(2 + random.below(100)).fill(piece)) : piece;
    return splice(bytes, at, at, again);
  },
  (bytes, random) => {
    const text = bytes.toString('latin1');
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const found = random.pick(numbers);
    return splice(bytes, found.index, found.index + found[0].length, random.pick(NUMBERS));
  },
  // The beginning of one input with the end of another.
  (bytes, random, _words, other) => {
    const from = random.below(other.length + 1);
    return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(from)]);
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
];

function splice(bytes: Buffer, start: number, end: number, piece: string | Buffer): Buffer {
  const put = typeof piece === 'string' ? Buffer.from(piece) : piece;
  return Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(end)]);
}

/** One to four changes to an input, more now and then. `other` is what it may be crossed with. */
export function mutate(input: Buffer, random: Random, words: readonly (string | Buffer)[], other: Buffer): Buffer {
  let bytes = input;
  const times = random.once(10) ? 4 + random.below(12) : 1 + random.below(4);
  for (let i = 0; i < times; i++) bytes = random.pick(MUTATIONS)(bytes, random, words, other);
  return bytes;
}

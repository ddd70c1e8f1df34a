import type { Random } from './random.ts';

/** The same bytes cut in different ways: byte by byte, everywhere in two when they are few, and at random places. */
export function* pieces(bytes: Buffer, random: Random): Generator<Buffer[]> {
  if (bytes.length <= 512) yield Array.from(bytes, (byte) => Buffer.of(byte));
  if (bytes.length <= 24) for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  for (let times = 0; times < 3; times++) {
    const places = Array.from({ length: 1 + random.below(5) }, () => random.below(bytes.length + 1));
    places.sort((a, b) => a - b);
    yield [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
  }
}

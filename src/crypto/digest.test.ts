import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestBytes, digestEquals, digestKey, digestKeyOf } from './digest.ts';
import { randomId, uuid } from './random.ts';
import { hashToken } from './token.ts';

describe('a digest key', () => {
  it('is the same from the secret and from its stored hash', () => {
    fc.assert(fc.property(fc.string(), (text) => digestKey(text) === digestKeyOf(hashToken(text))));
  });

  it('equals its own bytes and no others', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const bytes = digestBytes(digestKey(a));
        return (
          bytes.length === 32 && digestEquals(digestKey(a), bytes) && digestEquals(digestKey(b), bytes) === (a === b)
        );
      }),
    );
  });

  it('differs when only the last byte differs', () => {
    const bytes = digestBytes(digestKey('a'));
    bytes[31] = (bytes[31] ?? 0) ^ 1;
    expect(digestEquals(digestKey('a'), bytes)).toBe(false);
  });
});

describe('a random id', () => {
  it('is visible ASCII and carries the bits asked for', () => {
    expect(randomId()).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(randomId(32)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it.each([0, 15, -1, 16.5, Number.NaN])('is refused with %d bytes', (bytes) => {
    expect(() => randomId(bytes)).toThrow(RangeError);
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashToken, isToken, isTokenHash, newToken, tokenPrefix } from './token.ts';

describe('a new token', () => {
  it('starts with sp_, is 52 characters long and legal in an Authorization header', () => {
    expect(newToken()).toMatch(/^sp_[A-Za-z0-9_-]{43}[A-Za-z0-9]{6}$/);
  });

  it('is never made twice', () => {
    expect(new Set(Array.from({ length: 1000 }, newToken)).size).toBe(1000);
  });

  it('is recognised as ours', () => {
    for (let i = 0; i < 200; i++) expect(isToken(newToken())).toBe(true);
  });

  it('is not recognised once any one character is mistyped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 51 }), fc.constantFrom(...'abcXYZ019'), (at, letter) => {
        const token = newToken();
        fc.pre(token[at] !== letter);
        return !isToken(token.slice(0, at) + letter + token.slice(at + 1));
      }),
    );
  });

  it.each(['', 'sp_', 'undefined', `${newToken()}x`, newToken().slice(0, -1)])('is not %j', (text) => {
    expect(isToken(text)).toBe(false);
  });

  it('shows six characters in lists', () => {
    const token = newToken();
    expect(tokenPrefix(token)).toBe(token.slice(0, 6));
  });
});

describe('a stored hash', () => {
  it('is sha256: and the lower-case hex digest of the UTF-8 bytes', () => {
    expect(hashToken('abc')).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(hashToken('grün')).toBe(`sha256:${createHash('sha256').update('grün', 'utf8').digest('hex')}`);
  });

  it('is told from other texts', () => {
    expect(isTokenHash(hashToken('x'))).toBe(true);
    expect(isTokenHash(hashToken('x').toUpperCase())).toBe(false);
    expect(isTokenHash(`${hashToken('x')} `)).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newToken } from '../crypto/token.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { readBearer } from './bearer.ts';
import { compileChallenges } from './challenge.ts';

describe('the Authorization header', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'BeArEr'])('may spell the scheme %s', (scheme) => {
    const token = newToken();
    expect(readBearer([`${scheme} ${token}`])).toBe(token);
  });

  it('may hold several spaces after the scheme, and padding after the token', () => {
    expect(readBearer(['Bearer   abc=='])).toBe('abc==');
  });

  it.each([
    ['nothing', []],
    ['Basic credentials', ['Basic dXNlcjpzcF9h']],
    ['a scheme that only begins like ours', ['Bearerish abc']],
    ['a scheme that only begins like ours', ['Bearer-x abc']],
    ['DPoP', ['DPoP abc']],
    ['an empty header', ['']],
  ])('with %s is for another method', (_, values) => {
    expect(readBearer(values)).toBeUndefined();
  });

  it.each([
    ['valid then invalid', ['Bearer good', 'Bearer bad']],
    ['invalid then valid', ['Bearer bad', 'Bearer good']],
    ['two identical', ['Bearer good', 'Bearer good']],
    ['two schemes', ['Basic x', 'Bearer good']],
  ])('sent twice (%s) is refused as ambiguous', (_, values) => {
    expect(readBearer(values)).toEqual({ rejected: PROBLEMS.AMBIGUOUS_CREDENTIALS, reason: 'authorization.repeated' });
  });

  it.each([
    'Bearer',
    'Bearer ',
    'Bearer good, Bearer bad',
    'Bearer good,bad',
    'Bearer good bad',
    'Bearer good ',
    'Bearer \tgood',
    'Bearer\tgood',
    'Bearer: good',
    'Bearer good\r\nX: y',
    'Bearer good\n',
    'Bearer =',
    'Bearer a=b',
    'Bearer "good"',
    'Bearer token="good"',
    'Bearer gööd',
    'Bearer good\0',
  ])('%j is malformed', (value) => {
    expect(readBearer([value])).toEqual({ rejected: PROBLEMS.INVALID_TOKEN, reason: 'token.malformed' });
  });

  it.each(['undefined', 'null'])('with the word %s for a token is refused', (word) => {
    expect(readBearer([`Bearer ${word}`])).toMatchObject({ rejected: PROBLEMS.INVALID_TOKEN });
    expect(readBearer([`Bearer ${word}1`])).toBe(`${word}1`);
  });

  it('takes 4096 characters and refuses more, without reading them', () => {
    expect(readBearer([`Bearer ${'a'.repeat(4096)}`])).toHaveLength(4096);
    for (const length of [4097, 65_536, 1_048_576]) {
      expect(readBearer([`Bearer ${'a'.repeat(length)}`])).toMatchObject({ reason: 'token.too-long' });
    }
  });

  it('never yields anything but a token68, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const token = readBearer([`Bearer ${text}`]);
        return typeof token !== 'string' || /^[A-Za-z0-9\-._~+/]+=*$/.test(token);
      }),
    );
  });
});

describe('the challenge', () => {
  it('says only Bearer to a caller that presented nothing', () => {
    expect(compileChallenges().absent).toBe('Bearer');
    expect(compileChallenges({ realm: 'mcp' }).absent).toBe('Bearer realm="mcp"');
  });

  it('says invalid_token to a bad one', () => {
    expect(compileChallenges().invalid).toBe(
      'Bearer error="invalid_token", error_description="The bearer token is not valid"',
    );
  });

  it('quotes a realm and refuses one that could split the header', () => {
    expect(compileChallenges({ realm: 'a "b" \\c' }).absent).toBe('Bearer realm="a \\"b\\" \\\\c"');
    expect(() => compileChallenges({ realm: 'a\r\nSet-Cookie: x' })).toThrow(TypeError);
  });
});

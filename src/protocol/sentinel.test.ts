import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSentinel, encodeSentinel } from './sentinel.ts';

describe('encodeSentinel', () => {
  // The table of MCP 2026-07-28, streamable-http "Value Encoding".
  it.each([
    ['us-west1', 'us-west1'],
    ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
    [' padded ', '=?base64?IHBhZGRlZCA=?='],
    ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
    ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
  ])('writes %j as the specification does', (value, header) => {
    expect(encodeSentinel(value)).toBe(header);
    expect(decodeSentinel(header)).toBe(value);
  });

  it('leaves an empty value, an inner blank and a half marker as they are', () => {
    for (const value of ['', 'two words', 'tab\there', '=?base64?open', 'close?=', '=?BASE64?eA==?='])
      expect(encodeSentinel(value)).toBe(value);
  });

  it('gives back every string it was given', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (value) => decodeSentinel(encodeSentinel(value)) === value));
  });

  it('never lets a line break or a non-ASCII character into a header', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => /^[\t\x20-\x7e]*$/.test(encodeSentinel(value))));
  });
});

describe('decodeSentinel', () => {
  it.each([
    ['upper-case marker', '=?BASE64?eA==?='],
    ['no closing marker', '=?base64?eA=='],
    ['no opening marker', 'eA==?='],
    ['overlapping markers', '=?base64?='],
  ])('takes a value with %s as a literal', (_, header) => {
    expect(decodeSentinel(header)).toBe(header);
  });

  it.each([
    ['missing padding', '=?base64?eA?='],
    ['too much padding', '=?base64?eA===?='],
    ['the URL alphabet', '=?base64?_-8=?='],
    ['a stray blank', '=?base64?e A==?='],
    ['bits after the end', '=?base64?eB==?='],
    ['UTF-8 that is overlong', '=?base64?wIA=?='],
    ['a surrogate in UTF-8', '=?base64?7aCA?='],
    ['a non-ASCII character outside the markers', 'caf\u00e9'],
    ['a control character', 'a\u0000b'],
  ])('refuses %s', (_, header) => {
    expect(decodeSentinel(header)).toBeUndefined();
  });

  it('accepts the same value spelled correctly', () => {
    expect(decodeSentinel('=?base64?eA==?=')).toBe('x');
    expect(decodeSentinel('=?base64??=')).toBe('');
  });
});

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MAC_KEY_BYTES, MacKey } from './mac.ts';

describe('a mark', () => {
  const key = new MacKey(Buffer.alloc(MAC_KEY_BYTES, 7));

  it('is known again for its text and for no other', () => {
    expect(key.isMark(key.mark('a'), 'a')).toBe(true);
    expect(key.isMark(key.mark('a'), 'b')).toBe(false);
  });

  it('is that of HMAC-SHA256 (RFC 4231, test case 1 with its key filled up with zeros)', () => {
    const rfc = new MacKey(Buffer.concat([Buffer.alloc(20, 0x0b), Buffer.alloc(12)]));
    const digest = Buffer.from('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7', 'hex');
    expect(rfc.mark('Hi There')).toBe(digest.toString('base64url'));
  });

  it('is made by nobody with another key', () => {
    const other = new MacKey(randomBytes(MAC_KEY_BYTES));
    expect(key.isMark(other.mark('a'), 'a')).toBe(false);
  });

  it.each(['', 'a', 'x'.repeat(43), '\u0000'])('is not %j', (mark) => {
    expect(key.isMark(mark, 'a')).toBe(false);
  });

  it('has one spelling', () => {
    const mark = key.mark('a');
    expect(key.isMark(`${mark}=`, 'a')).toBe(false);
    expect(key.isMark(mark.replaceAll('-', '+').replaceAll('_', '/').concat('='), 'a')).toBe(false);
  });

  it('needs a key of the right length', () => {
    expect(() => new MacKey(Buffer.alloc(16))).toThrow(RangeError);
  });
});

import { describe, expect, it } from 'vitest';
import { isScanFailure, scanMessage } from './scan.ts';

function call(args: string | Buffer): Buffer {
  const [before, after] = ['{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":', '}}'];
  return Buffer.concat([Buffer.from(before), Buffer.from(args), Buffer.from(after)]);
}

function verdict(bytes: Buffer): string {
  const scanned = scanMessage(bytes);
  return isScanFailure(scanned) ? scanned.problem.code : 'accepted';
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}

/** What is wrong, the argument that is refused, and the nearest one that is not. */
const malformed: readonly (readonly [string, string | Buffer, string | Buffer])[] = [
  ['a trailing comma in an object', '{"a":1,}', '{"a":1}'],
  ['a trailing comma in an array', '[1,]', '[1]'],
  ['a leading comma', '[,1]', '[1]'],
  ['a doubled comma', '[1,,2]', '[1,2]'],
  ['a missing comma', '[1 2]', '[1,2]'],
  ['a missing colon', '{"a" 1}', '{"a":1}'],
  ['a missing value', '{"a":}', '{"a":0}'],
  ['a name without quotes', '{a:1}', '{"a":1}'],
  ['a name in single quotes', "{'a':1}", '{"a":1}'],
  ['a number as a name', '{1:1}', '{"1":1}'],
  ['a comment', '1/* one */', '1'],
  ['a line comment', '1// one\n', '1\n'],
  ['NaN', 'NaN', 'null'],
  ['Infinity', 'Infinity', '1e9'],
  ['undefined', 'undefined', 'null'],
  ['a word in capitals', 'True', 'true'],
  ['a word cut short', 'tru', 'true'],
  ['a word with a tail', 'nullx', 'null'],
  ['a leading zero', '01', '1'],
  ['a leading zero after a minus', '-01', '-1'],
  ['a leading plus', '+1', '1'],
  ['a bare minus', '-', '-0'],
  ['a point without a fraction', '1.', '1.0'],
  ['a point without an integer', '.5', '0.5'],
  ['an exponent without digits', '1e', '1e1'],
  ['an exponent with only a sign', '1e+', '1e+1'],
  ['a hexadecimal number', '0x1F', '31'],
  ['a bare line feed in a string', '"a\nb"', '"a\\nb"'],
  ['a bare tab in a string', '"a\tb"', '"a\\tb"'],
  ['a bare NUL in a string', '"a\0b"', '"a\\u0000b"'],
  ['a bare control character in a name', '{"a\u0001":1}', '{"a\\u0001":1}'],
  ['an unknown escape', '"\\x41"', '"\\u0041"'],
  ['an escaped single quote', '"\\\'"', '"\'"'],
  ['an escape in capitals', '"\\U0041"', '"\\u0041"'],
  ['a short unicode escape', '"\\u41"', '"\\u0041"'],
  ['a unicode escape with a bad digit', '"\\u00g1"', '"\\u00f1"'],
  ['an unknown escape in a name', '{"\\q":1}', '{"\\"":1}'],
  ['a lone high surrogate', '"\\ud800"', '"\\ud800\\udc00"'],
  ['a lone low surrogate', '"\\udc00"', '"\\ud83d\\ude00"'],
  ['a low surrogate before another', '"\\udc00\\udc00"', '"\\ud800\\udc00"'],
  ['a high surrogate before another', '"\\ud800\\ud800"', '"\\ud800\\udc00"'],
  ['a high surrogate before plain text', '"\\ud800abcdef"', '"\\ud7ffabcdef"'],
  ['a lone surrogate in a name', '{"\\ud800":1}', '{"\\ud800\\udc00":1}'],
  ['mismatched brackets', '[1}', '[1]'],
  ['an unclosed array', '[1', '[1]'],
  ['one bracket too many', '[1]]', '[1]'],
  ['a vertical tab between tokens', '[1,\u000b2]', '[1,\t2]'],
  ['a no-break space between tokens', '[1,\u00a02]', '[1, 2]'],
  ['an overlong encoding', hex('22c0af22'), '"/"'],
  ['an encoded surrogate', hex('22eda08022'), hex('22ed9fbf22')],
  ['a truncated sequence', hex('22e28222'), hex('22e282ac22')],
  ['a code point past U+10FFFF', hex('22f490808022'), hex('22f48fbfbf22')],
  ['Latin-1 text', hex('22e922'), hex('22c3a922')],
];

/** The same for whole documents. */
const documents: readonly (readonly [string, string | Buffer, string | Buffer])[] = [
  ['an empty body', '', '{"jsonrpc":"2.0","method":"m"}'],
  ['a body of white space', ' \r\n\t', ' \r\n\t{"jsonrpc":"2.0","method":"m"}'],
  ['text after the end', '{"jsonrpc":"2.0","method":"m"}x', '{"jsonrpc":"2.0","method":"m"}\n'],
  ['two documents', '{"jsonrpc":"2.0","method":"m"}{}', '{"jsonrpc":"2.0","method":"m"} '],
  ['a NUL after the end', '{"jsonrpc":"2.0","method":"m"}\0', '{"jsonrpc":"2.0","method":"m"}'],
  ['a byte order mark', '\ufeff{"jsonrpc":"2.0","method":"m"}', '{"jsonrpc":"2.0","method":"\ufeff"}'],
  ['UTF-16', Buffer.from('{"jsonrpc":"2.0","method":"m"}', 'utf16le'), '{"jsonrpc":"2.0","method":"m"}'],
  ['an unclosed object', '{"jsonrpc":"2.0","method":"m"', '{"jsonrpc":"2.0","method":"m"}'],
  ['an unclosed string', '{"jsonrpc":"2.0","method":"m', '{"jsonrpc":"2.0","method":"m"}'],
  ['a string that ends in a backslash', '{"jsonrpc":"2.0","method":"m\\', '{"jsonrpc":"2.0","method":"m\\\\"}'],
];

describe('the grammar of RFC 8259', () => {
  it.each(malformed)('refuses %s', (_what, refused, twin) => {
    expect(verdict(call(refused))).toBe('PARSE_ERROR');
    expect(verdict(call(twin))).toBe('accepted');
  });

  it.each(documents)('refuses %s', (_what, refused, twin) => {
    expect(verdict(Buffer.from(refused))).toBe('PARSE_ERROR');
    expect(verdict(Buffer.from(twin))).toBe('accepted');
  });

  it('finds a defect wherever it stands in a long string', () => {
    for (let at = 0; at < 40; at++) {
      const text = `${'x'.repeat(at)}\n${'x'.repeat(40 - at)}`;
      expect(verdict(call(`"${text}"`))).toBe('PARSE_ERROR');
      expect(verdict(call(JSON.stringify(text)))).toBe('accepted');
    }
  });
});

describe('the limits', () => {
  const nested = (levels: number) => call('['.repeat(levels) + ']'.repeat(levels));

  it('refuses one level too many and takes the last one allowed', () => {
    // The message and its params are the first two levels of 64.
    expect(verdict(nested(62))).toBe('accepted');
    expect(verdict(nested(63))).toBe('PARSE_ERROR');
  });

  it('counts objects as levels too', () => {
    const objects = (levels: number) => call(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
    expect(verdict(objects(62))).toBe('accepted');
    expect(verdict(objects(63))).toBe('PARSE_ERROR');
  });

  it('survives a million opening brackets', () => {
    expect(verdict(Buffer.alloc(1_000_000, '['))).toBe('PARSE_ERROR');
    expect(verdict(Buffer.from('{"a":'.repeat(200_000)))).toBe('PARSE_ERROR');
  });

  it('holds a ceiling on depth whatever the configuration says', () => {
    const limits = { maxDepth: 1_000_000, maxMembers: 1_000_000 };
    expect(isScanFailure(scanMessage(nested(200), limits))).toBe(false);
    expect(isScanFailure(scanMessage(nested(100_000), limits))).toBe(true);
  });

  it('refuses one member or element too many', () => {
    const limits = { maxDepth: 64, maxMembers: 10 };
    // Five members stand around the argument.
    expect(isScanFailure(scanMessage(call('[1,2,3,4,5]'), limits))).toBe(false);
    expect(isScanFailure(scanMessage(call('[1,2,3,4,5,6]'), limits))).toBe(true);
    expect(isScanFailure(scanMessage(call('{"a":1,"b":2,"c":[3,4]}'), limits))).toBe(false);
    expect(isScanFailure(scanMessage(call('{"a":1,"b":2,"c":[3,4,5]}'), limits))).toBe(true);
  });

  it('refuses a number of more than a thousand characters', () => {
    expect(verdict(call('1'.repeat(1_000)))).toBe('accepted');
    expect(verdict(call('1'.repeat(1_001)))).toBe('INVALID_REQUEST');
    expect(verdict(call(`0.${'1'.repeat(999)}`))).toBe('INVALID_REQUEST');
  });
});

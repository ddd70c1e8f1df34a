import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineFramer } from './line-framer.ts';

function frame(chunks: readonly Buffer[], limit = 1000): { lines: string[]; cut: string[] } {
  const lines: string[] = [];
  const cut: string[] = [];
  const framer = new LineFramer(limit, (line, wasCut) => void (wasCut ? cut : lines).push(line.toString('latin1')));
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  return { lines, cut };
}

function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

describe('LineFramer', () => {
  it('gives the same lines wherever the bytes were cut, also inside a character and between CR and LF', () => {
    const bytes = Buffer.from('{"a":"grüße 🏰"}\r\n\n{"b":1}\n{"c":2}');
    const whole = frame([bytes]).lines;
    expect(whole).toHaveLength(4);
    for (let at = 0; at <= bytes.length; at++) {
      expect(frame([bytes.subarray(0, at), bytes.subarray(at)]).lines).toEqual(whole);
    }
    expect(frame(Array.from(bytes, (byte) => Buffer.of(byte))).lines).toEqual(whole);
  });

  it('agrees with a plain split for any bytes and any cutting', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(10, 13, 65, 66, 0), { maxLength: 60 }), fc.array(fc.nat(60)), (raw, at) => {
        const bytes = Buffer.from(raw);
        const pieces = bytes.toString('latin1').split('\n');
        if (pieces.at(-1) === '') pieces.pop();
        expect(frame(split(bytes, at)).lines).toEqual(pieces.map((line) => line.replace(/\r$/, '')));
      }),
    );
  });

  it('passes a line as long as the limit, with either line end', () => {
    const line = 'x'.repeat(10);
    expect(frame([Buffer.from(`${line}\n${line}\r\n`)], 10)).toEqual({ lines: [line, line], cut: [] });
  });

  it('cuts a line over the limit once, before its end has come, and finds the next line', () => {
    const cut: string[] = [];
    const lines: string[] = [];
    const framer = new LineFramer(10, (line, wasCut) => void (wasCut ? cut : lines).push(line.toString()));
    framer.push(Buffer.from('x'.repeat(7)));
    framer.push(Buffer.from('y'.repeat(7)));
    expect(cut).toEqual(['xxxxxxxyyy']);
    framer.push(Buffer.from('z'.repeat(100)));
    framer.push(Buffer.from('z\nnext\n'));
    expect({ cut: cut.length, lines }).toEqual({ cut: 1, lines: ['next'] });
  });

  it('cuts at the same place however the bytes come', () => {
    fc.assert(
      fc.property(fc.integer({ min: 11, max: 60 }), fc.array(fc.nat(60)), (length, at) => {
        const result = frame(split(Buffer.from(`${'x'.repeat(length)}\nok\n`), at), 10);
        expect(result).toEqual({ lines: ['ok'], cut: ['x'.repeat(10)] });
      }),
    );
  });

  it('does not let a later line overwrite one it gave away', () => {
    const kept: Buffer[] = [];
    const framer = new LineFramer(100, (line) => void kept.push(line));
    for (const piece of ['fir', 'st\nsec', 'ond\n']) framer.push(Buffer.from(piece));
    expect(kept.map(String)).toEqual(['first', 'second']);
  });
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the signs are what is tested
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDotenv } from './dotenv.ts';

const values = (text: string) =>
  Object.fromEntries(parseDotenv(text, '.env').variables.map(({ name, value }) => [name, value]));
const faults = (text: string) => parseDotenv(text, '.env').faults.map(({ line, code }) => `${line} ${code}`);

describe('.env', () => {
  it.each([
    ['a plain value', 'A=b', 'b'],
    ['a comment after a value', 'A=900000    # 15 minutes', '900000'],
    ['a comment after a tab', 'A=b\t#c', 'b'],
    ['a # without a blank before it', 'A=a#b', 'a#b'],
    ['a # at once', 'A=#b', '#b'],
    ['only a comment', 'A= # nothing', ''],
    ['nothing', 'A=', ''],
    ['export', 'export A=b', 'b'],
    ['blanks around', '  A = b c  ', 'b c'],
    ['double quotes', 'A="b # c" # d', 'b # c'],
    ['single quotes', "A='b # c\\n'", 'b # c\\n'],
    ['escapes', String.raw`A="a\nb\t\"c\\\$d\q"`, 'a\nb\t"c\\$d\\q'],
    ['quotes over lines', 'A="a\nb"', 'a\nb'],
    ['CRLF', 'A=b\r\n', 'b'],
    ['a byte order mark', '\ufeffA=b', 'b'],
    ['an equals sign in the value', 'A=b=c==', 'b=c=='],
    ['a template, unexpanded', 'A=${B}', '${B}'],
  ])('reads %s', (_, text, value) => {
    expect(values(text)).toEqual({ A: value });
    expect(faults(text)).toEqual([]);
  });

  it('skips comments and empty lines, and keeps counting', () => {
    expect(parseDotenv('# a\n\nA="x\ny"\n  # b\nB=c\n', '.env').variables).toEqual([
      { name: 'A', value: 'x\ny', line: 3 },
      { name: 'B', value: 'c', line: 6 },
    ]);
  });

  it('takes the same assignment twice, and refuses two that differ', () => {
    expect(faults('A=b\nA=b\n')).toEqual([]);
    expect(faults('A=b\nA=c\n')).toEqual(['2 conflict']);
  });

  it('names the line of everything it cannot read, and reads the rest', () => {
    const text = 'just text\nB=c\n1X=2\nC="d" e\nD=f\nA="open\n';
    expect(faults(text)).toEqual(['1 syntax', '3 syntax', '4 syntax', '6 syntax']);
    expect(values(text)).toEqual({ B: 'c', D: 'f' });
  });

  it.each([
    'PATH',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'DYLD_INSERT_LIBRARIES',
  ])('may not set %s', (name) => {
    expect(faults(`A=b\n${name}=/tmp/x\n`)).toEqual(['2 forbidden-variable']);
    expect(values(`MY_${name}=/tmp/x`)).toEqual({ [`MY_${name}`]: '/tmp/x' });
  });

  it('gives back any value written between double quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        fc.pre(!/[\0\r]/.test(value) && !value.startsWith('\ufeff'));
        const quoted = value.replaceAll(/["\\$]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`);
        expect(values(`A="${quoted}" # comment\nB=c`)).toEqual({ A: value, B: 'c' });
      }),
    );
  });

  it('never quotes a value in a fault', () => {
    fc.assert(
      fc.property(fc.string(), (noise) => {
        const text = `A="hunter2-hunter2\n${noise}\nhunter2-hunter2 = x\nPATH=hunter2-hunter2\n`;
        expect(JSON.stringify(parseDotenv(text, '.env').faults)).not.toContain('hunter2');
      }),
    );
  });
});

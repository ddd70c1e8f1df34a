import { describe, expect, it } from 'vitest';
import { readTree } from './yaml-tree.ts';

const problems = (text: string) => readTree(text, 'x.yaml').faults.map(({ line, problem }) => `${line} ${problem}`);

describe('YAML that is refused with its line', () => {
  it.each([
    ['a tab as indentation', 'a:\n\tb: 1\n', /^2 a tab cannot indent/],
    ['a duplicate key', 'a: 1\nb: 2\na: 3\n', /^3 the key "a" is already on line 1/],
    ['a tag that names code', 'a: !!js/function "x"\n', /^1 tags/],
    ['a local tag', 'a: 1\nb: !x y\n', /^2 tags/],
    ['an alias without an anchor', 'a: 1\nb: *x\n', /^2 the alias/],
    ['an alias to itself', 'a: &x [*x]\n', /nested too deeply|repeat too much/],
    ['two documents', 'a: 1\n---\nb: 2\n', /^2 there is more than one document/],
    ['YAML 1.1', '%YAML 1.1\n---\na: yes\n', /only YAML 1.2/],
    ['a key that is not a word', '? [a]\n: b\n', /^1 is not a key/],
    ['a number as key', '1: b\n', /^1 is not a key/],
    ['a key that would change the prototype', 'a: 1\n__proto__: { b: 1 }\n', /^2 is not a key/],
    ['only comments', '# a\n', /^1 the file is empty/],
    ['an open bracket', 'a: [1,\nb: 2\n', /./],
    ['a key without a blank behind the colon', 'a: 1\ntoken:abc\nb: 2\n', /^2 /],
  ])('%s', (_, text, problem) => {
    const told = problems(text);
    expect(told.length).toBeGreaterThan(0);
    expect(told[0]).toMatch(problem);
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['braces', '{a: '.repeat(100_000)],
    ['dashes', '- '.repeat(100_000)],
    ['indentation', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('%s nested without end', (_, text) => {
    expect(problems(text).length).toBeGreaterThan(0);
  });

  it('more values than anybody needs', () => {
    expect(problems(`a: [1${',1'.repeat(500_000)}]\n`)).toEqual(['1 there are too many values']);
  });

  it('a bomb of aliases', () => {
    const layers = 'abcdefghij'.split('').map((name, index, all) => {
      const inner =
        index === 0
          ? '"lol"'
          : Array(10)
              .fill(`*${all[index - 1]}`)
              .join(', ');
      return `${name}: &${name} [${inner}]\n`;
    });
    expect(problems(layers.join(''))).toEqual([expect.stringContaining('aliases repeat too much')]);
  });
});

describe('YAML that is read', () => {
  it.each([
    ['CRLF and a byte order mark', '\ufeffa: 1\r\nb: x\r\n', { a: 1, b: 'x' }],
    ['a shared block', 'a: &x { c: 1 }\nb: *x\n', { a: { c: 1 }, b: { c: 1 } }],
    ['dates and yes as text', 'a: 2027-01-01\nb: yes\n', { a: '2027-01-01', b: 'yes' }],
    ['JSON', '{"a": [1, true, null]}', { a: [1, true, null] }],
  ])('with %s', (_, text, value) => {
    const { layer, faults } = readTree(text, 'x.yaml');
    expect(faults).toEqual([]);
    expect(layer?.value).toEqual(value);
  });

  it('knows the place of every key and value', () => {
    const { layer } = readTree('a:\n  b: [x, y]\n', 'x.yaml');
    expect(layer?.origins.get('a.b[1]')).toMatchObject({ source: 'x.yaml', line: 2, column: 10 });
    expect(layer?.origins.get('a.b')).toMatchObject({ line: 2, column: 6, key: { line: 2, column: 3 } });
  });
});

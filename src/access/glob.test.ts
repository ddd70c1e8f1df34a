import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob } from './glob.ts';

/** What a glob means, written for the eye and not for the clock. */
function reference(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  const [first, rest] = [pattern[0], pattern.slice(1)];
  if (first === '*') return reference(rest, name) || (name !== '' && reference(pattern, name.slice(1)));
  return name !== '' && (first === '?' || first === name[0]) && reference(rest, name.slice(1));
}

const matches = (pattern: string, name: string) => compileGlob(pattern).matches(name);

describe('a glob', () => {
  it('agrees with a naive matcher on every pattern and name', () => {
    const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '_'), minLength: 1, maxLength: 9 });
    const names = fc.string({ unit: fc.constantFrom('a', 'b', '_', '\n', '?'), maxLength: 11 });
    fc.assert(
      fc.property(patterns, names, (pattern, name) => matches(pattern, name) === reference(pattern, name)),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['search_*', 'search_', true],
    ['search_*', 'search_people', true],
    ['search_*', 'research_people', false],
    ['*_admin', 'search_admin', true],
    ['*_admin', 'search_admin2', false],
    ['get_?', 'get_a', true],
    ['get_?', 'get_', false],
    ['get_?', 'get_ab', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*', '', true],
    ['*', 'line\nbreak', true],
    ['Search', 'search', false],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['(a+)+$', '(a+)+$', true],
    ['a\\*', 'a\\x', true],
  ])('%j against %j: %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  it('only goes forward: a 50 KiB name made to be slow costs at most one look per character and pattern character', () => {
    const evil = 'a'.repeat(50 * 1024);
    for (const pattern of [
      'a*a*a*a*a*a*a*a*a*a*a*b',
      `${'*a'.repeat(120)}*b`,
      `*${'?'.repeat(200)}b*`,
      `*${'a'.repeat(200)}b*`,
    ]) {
      expect(looks(pattern, evil)).toBeLessThanOrEqual(pattern.length * evil.length);
      expect(matches(pattern, evil)).toBe(false);
      expect(matches(pattern, `${evil}b`)).toBe(true);
    }
  });

  it.each(['', 'x'.repeat(257)])('is refused when it is empty or overlong', (pattern) => {
    expect(() => compileGlob(pattern)).toThrow(TypeError);
    expect(() => compileGlob('x'.repeat(256))).not.toThrow();
  });
});

/** How often the matcher looks at a character of the name: a count instead of a clock. */
function looks(pattern: string, name: string): number {
  let count = 0;
  const counted = {
    length: name.length,
    charCodeAt(at: number) {
      count += 1;
      return name.charCodeAt(at);
    },
  };
  compileGlob(pattern).matches(counted as unknown as string);
  return count;
}

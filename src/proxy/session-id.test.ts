import { describe, expect, it } from 'vitest';
import { randomId } from '../crypto/random.ts';
import { sessionIdOf, sessionKeyOf } from './session-id.ts';

describe('a session id', () => {
  it.each(['abc', 'a'.repeat(128), '!~', '3f2c8a1e-7f0b-4a55-9a43-0c2b1d3e4f50'])('may be %s', (id) => {
    expect(sessionIdOf(id)).toBe(id);
  });

  it.each([
    ['empty', ''],
    ['too long', 'a'.repeat(129)],
    ['a blank inside', 'a b'],
    ['a tab', 'a\tb'],
    ['a line break', 'a\nb'],
    ['beyond ASCII', 'é'],
    ['absent', undefined],
  ])('is none when it is %s', (_, id) => {
    expect(sessionIdOf(id)).toBeUndefined();
  });

  it('of ours is well formed, and never the same twice', () => {
    const ids = Array.from({ length: 100 }, () => randomId(24));
    for (const id of ids) expect(sessionIdOf(id)).toBe(id);
    expect(new Set(ids).size).toBe(100);
  });

  it('is told apart in records by a digest that does not open it', () => {
    const [one, two] = [sessionKeyOf('session-one'), sessionKeyOf('session-two')];
    expect(one).toMatch(/^[A-Za-z0-9_-]{16}$/);
    expect(one).not.toBe(two);
    expect(one).toBe(sessionKeyOf('session-one'));
    expect(one).not.toContain('session');
  });
});

import { describe, expect, it } from 'vitest';
import { enclosingResources } from './sub-resources.ts';

describe('a resource lies in', () => {
  it.each([
    ['file:///dir/child.txt', ['file:///dir/', 'file:///dir', 'file:///', 'file://', 'file:/', 'file:']],
    ['file:///dir/', ['file:///dir', 'file:///', 'file://', 'file:/', 'file:']],
    ['a:b?c#d', ['a:b?c', 'a:b']],
    ['note:1', []],
  ])('%s', (uri, expected) => expect([...enclosingResources(uri)]).toEqual(expected));

  it('no resource that only begins alike', () => {
    expect([...enclosingResources('file:///directory/x')]).not.toContain('file:///dir');
  });

  it.each([
    'file:///dir/../other',
    'file:///dir/%2E./other',
    'file:///dir/..',
  ])('nothing when its path climbs: %s', (uri) => expect([...enclosingResources(uri)]).toEqual([]));

  it('what a path with dots that do not climb says', () => {
    expect([...enclosingResources('file:///dir/..a/b')]).toContain('file:///dir');
  });

  it('no more than a few, and nothing when it is very long', () => {
    expect(enclosingResources(`a:/${'b/'.repeat(100)}`).size).toBeLessThan(35);
    expect(enclosingResources(`a:/${'b/'.repeat(5_000)}`).size).toBe(0);
  });
});

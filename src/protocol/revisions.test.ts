import { describe, expect, it } from 'vitest';
import { eraOf, isRevision, LEGACY_REVISIONS, MODERN_REVISIONS, REVISIONS } from './revisions.ts';

describe('a revision', () => {
  it('is of one era, and each era has its own', () => {
    expect(REVISIONS.map((revision) => eraOf(revision))).toEqual(['modern', 'legacy', 'legacy', 'legacy', 'legacy']);
    expect([...MODERN_REVISIONS, ...LEGACY_REVISIONS]).toEqual([...REVISIONS]);
  });

  it('is listed newest first', () => {
    expect([...REVISIONS]).toEqual([...REVISIONS].sort().reverse());
  });

  it.each([
    '2026-07-29',
    '2026-7-28',
    '',
    'latest',
    '2025-11-25 ',
    'constructor',
    '__proto__',
  ])('is none when it is spelt %j', (text) => {
    expect(eraOf(text)).toBeUndefined();
    expect(isRevision(text)).toBe(false);
  });

  it('is one when it is spelt as published', () => {
    for (const revision of REVISIONS) expect(isRevision(revision)).toBe(true);
  });
});

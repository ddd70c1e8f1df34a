import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VOCABULARY } from './vocabulary.ts';

const src = new URL('../', import.meta.url);
const code = ['policy', 'proxy', 'access', 'identity']
  .flatMap((module) => readdirSync(new URL(`${module}/`, src)).map((name) => new URL(`${module}/${name}`, src)))
  .filter(({ pathname }) => pathname.endsWith('.ts') && !/(?:\.test|vocabulary)\.ts$/.test(pathname))
  .map((url) => readFileSync(url, 'utf8'))
  .join('\n');

/** Reasons written out in the code: `area.what`, as the second argument of `refuse` or the member `reason`. */
const written = new Set(
  [...code.matchAll(/(?:refuse\([^,']+,|reason:|\?|unknownTool\(name,)\s*'([a-z-]+\.[a-z_.-]+)'/g)].map(
    ([, reason]) => reason as string,
  ),
);

describe('the words of metrics', () => {
  it('hold every reason the code refuses for', () => {
    expect(written.size).toBeGreaterThan(25);
    expect([...written].filter((reason) => !VOCABULARY.reasons.includes(reason))).toEqual([]);
  });

  it('are each there once', () => {
    for (const words of Object.values(VOCABULARY)) expect(new Set(words).size).toBe(words.length);
  });
});

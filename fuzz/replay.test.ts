import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inputAt, keptInputs } from './inputs.ts';
import { Random, randomOf } from './random.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets/all.ts';
import { runJob } from './work.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SEED = 20_260_728;

/** The gateway's own target needs a compiled gateway: test/attack/mutated.test.ts. */
const INPUTS = new Map([
  ['jsonrpc', 3_000],
  ['sse', 1_500],
  ['framer', 1_500],
  ['headers', 1_500],
  ['addresses', 600],
  ['proxy-protocol', 1_500],
  ['config', 60],
]);
const targets = TARGETS.filter(({ name }) => INPUTS.has(name));

describe.each(targets)('$name', (target) => {
  const kept = keptInputs(ROOT, target.name);

  it('holds for every kept input', async () => {
    expect(kept.length).toBeGreaterThan(0);
    await target.start?.();
    for (const { name, bytes } of kept) {
      try {
        await target.check(bytes, randomOf(bytes));
      } catch (error) {
        throw new Error(`fuzz/corpus/${target.name}/${name}`, { cause: error });
      }
    }
    await target.stop?.();
  });

  it('holds for inputs nobody wrote', async () => {
    const job = { target: target.name, seed: SEED, from: 0, to: INPUTS.get(target.name)! };
    expect(await runJob(target, kept, job, () => {})).toEqual([]);
  });
});

describe('a run', () => {
  const sloppy: Target = {
    name: 'sloppy',
    weight: 1,
    maxBytes: 64,
    dictionary: ['a', 'b'],
    generate: (random) => random.bytes(8),
    check(bytes) {
      if (bytes.includes(0x61)) throw new Error('an a');
    },
  };
  const job = { target: 'sloppy', seed: 7, from: 0, to: 400 };

  it('finds what is wrong, and the same seed finds it again', async () => {
    const findings = await runJob(sloppy, [], job, () => {});
    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]?.what).toContain('an a');
    const again = await runJob(sloppy, [], job, () => {});
    expect(again.map((finding) => finding.index)).toEqual(findings.map((finding) => finding.index));
    const { index, bytes } = findings[0]!;
    expect(inputAt(sloppy, [], 7, index!)).toEqual(bytes);
  });

  it('draws differently for another seed or another input', () => {
    const draw = (seed: number, stream: number) => new Random(seed, stream).bytes(32).toString('hex');
    expect(draw(1, 2)).toBe(draw(1, 2));
    expect(new Set([draw(1, 2), draw(1, 3), draw(2, 2)]).size).toBe(3);
  });
});

it('every folder of kept inputs belongs to a target', () => {
  const names = TARGETS.map(({ name }) => name);
  expect(readdirSync(`${ROOT}/fuzz/corpus`).filter((name) => !names.includes(name))).toEqual([]);
});

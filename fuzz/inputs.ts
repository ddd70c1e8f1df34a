import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';

export interface KeptInput {
  readonly name: string;
  readonly bytes: Buffer;
}

/** What lies in `fuzz/corpus/<target>/`, in the order of the names. */
export function keptInputs(root: string, target: string): KeptInput[] {
  const folder = join(root, 'fuzz', 'corpus', target);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).sort();
  return names.map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

/**
 * Input number `index` of the run with this seed: depends on nothing else, so any one can be made again alone.
 * Half are mutations of kept inputs, the others are generated, most of those with something broken afterwards.
 */
export function inputAt(target: Target, kept: readonly KeptInput[], seed: number, index: number): Buffer {
  const random = new Random(seed, index);
  const fresh = kept.length === 0 || random.once(2);
  const input = fresh ? target.generate(random) : random.pick(kept).bytes;
  if (fresh && random.once(4)) return input.subarray(0, target.maxBytes);
  const other = kept.length === 0 ? input : random.pick(kept).bytes;
  return mutate(input, random, target.dictionary, other).subarray(0, target.maxBytes);
}

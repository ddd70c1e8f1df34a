import { randomInt } from 'node:crypto';

// Chosen at start, so that nobody can prepare names that all meet in one place.
const SEED = randomInt(0x7fffffff);
const MULTIPLIER = randomInt(0x3fffffff) * 2 + 1;

/** One step of the hash that tells names apart. It runs over the UTF-8 bytes of the unescaped name. */
export function nameHashStep(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, MULTIPLIER);
}

export const NAME_HASH_START: number = SEED;

export function nameHash(utf8: Uint8Array): number {
  let hash = NAME_HASH_START;
  for (const byte of utf8) hash = nameHashStep(hash, byte);
  return hash;
}

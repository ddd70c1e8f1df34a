import { createHash } from 'node:crypto';

export const ALGORITHMS = ['sha256', 'sha512', 'md5'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface HashedText {
  [key: string]: unknown;
  algorithm: Algorithm;
  /** Lower-case hex. */
  digest: string;
  /** Length of the text in UTF-8. */
  bytes: number;
  matches?: boolean;
}

/** @throws RangeError when `expected` is not a digest of that algorithm: a truncated one must not read as "does not match". */
export function hashText(text: string, algorithm: Algorithm, expected?: string): HashedText {
  const digest = createHash(algorithm).update(text, 'utf8').digest('hex');
  const hashed = { algorithm, digest, bytes: Buffer.byteLength(text) };
  if (expected === undefined) return hashed;
  const wanted = expected.trim().toLowerCase();
  if (!/^[0-9a-f]*$/.test(wanted) || wanted.length !== digest.length) {
    throw new RangeError(`expected is not a ${algorithm} digest: ${digest.length} hexadecimal digits are needed`);
  }
  return { ...hashed, matches: wanted === digest };
}

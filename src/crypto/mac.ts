import { createHmac, timingSafeEqual } from 'node:crypto';

/** Bytes of the key and of a digest. */
export const MAC_KEY_BYTES = 32;

/**
 * Marks texts so that they are known again and cannot be made by anybody else: HMAC-SHA256 (RFC 2104), in base64url.
 * A mark proves where a text comes from; it hides nothing.
 */
export class MacKey {
  readonly #key: Buffer;

  /** @throws RangeError when the key has another length than `MAC_KEY_BYTES` */
  constructor(key: Buffer) {
    if (key.length !== MAC_KEY_BYTES) throw new RangeError(`a key of ${MAC_KEY_BYTES} bytes is needed`);
    this.#key = Buffer.from(key);
  }

  mark(text: string): string {
    return this.#digest(text).toString('base64url');
  }

  /** In time that does not depend on where the mark is wrong. */
  isMark(mark: string, text: string): boolean {
    const digest = this.#digest(text);
    const given = Buffer.from(mark, 'base64url');
    // One spelling only: two handles for one thing would be two things to whoever compares them.
    return given.length === digest.length && timingSafeEqual(given, digest) && given.toString('base64url') === mark;
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

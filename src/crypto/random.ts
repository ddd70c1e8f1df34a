import { randomInt as nodeRandomInt, randomBytes, randomUUID } from 'node:crypto';

const MINIMUM_BYTES = 16;

/**
 * An unguessable identifier in visible ASCII (base64url): session ids, tickets, decision ids.
 *
 * @param bytes random bytes, 16 (128 bits) or more
 * @throws RangeError when fewer are asked for
 */
export function randomId(bytes: number = MINIMUM_BYTES): string {
  if (!Number.isInteger(bytes) || bytes < MINIMUM_BYTES) {
    throw new RangeError(`randomId needs at least ${MINIMUM_BYTES} bytes, not ${bytes}`);
  }
  return randomBytes(bytes).toString('base64url');
}

/** An unguessable integer from 0 on, below `limit`. */
export function randomInt(limit: number): number {
  return nodeRandomInt(limit);
}

/** A random UUID (RFC 9562, version 4), for records that live in a store. */
export function uuid(): string {
  return randomUUID();
}

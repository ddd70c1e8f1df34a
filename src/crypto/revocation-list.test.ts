import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Authority, type Certificate, createAuthority } from '../../test/support/certificates.ts';
import { integer, objectId, octets, sequence, tagged, time, yes } from './der.ts';
import { certificateKey, readRevocationList } from './revocation-list.ts';

let authority: Authority;
let good: Certificate;
let revoked: Certificate;
beforeAll(() => {
  authority = createAuthority();
  good = authority.issue();
  revoked = authority.issue();
});
afterAll(() => authority?.remove());

it('reads whom a list of OpenSSL names, and for how long', () => {
  expect(readRevocationList(readFileSync(authority.revoke(), 'latin1'))?.revoked.size).toBe(0);
  const list = readRevocationList(readFileSync(authority.revoke(revoked), 'latin1'));
  const [its, other] = [revoked, good].map(({ x509 }) => certificateKey(x509.raw));
  expect(list?.issuer).toBe(its?.issuer);
  expect([...(list?.revoked ?? [])]).toEqual([its?.serial]);
  expect(Number.parseInt(its?.serial as string, 16)).toBe(Number.parseInt(revoked.x509.serialNumber, 16));
  expect(list?.revoked.has(other?.serial as string)).toBe(false);
  expect((list?.until ?? 0) - (list?.from ?? 0)).toBe(30 * 86_400_000);
  expect(Math.abs(Date.now() - (list?.from ?? 0))).toBeLessThan(120_000);
});

const pem = (der: Buffer) => `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`;
const [from, until] = [new Date(Date.UTC(2049, 0, 2, 3, 4, 5)), new Date(Date.UTC(2051, 0, 1))];
const list = (isCritical: boolean) => {
  const extension = sequence(objectId('2.5.29.27'), ...(isCritical ? [yes()] : []), octets(integer(Buffer.of(1))));
  const entry = sequence(integer(Buffer.of(7)), time(from));
  const more = tagged(0, sequence(extension), true);
  return sequence(
    sequence(integer(Buffer.of(1)), sequence(), sequence(), time(from), time(until), sequence(entry), more),
  );
};

it('reads both ways to write a time', () => {
  expect(readRevocationList(pem(list(false)))).toEqual({
    issuer: '',
    revoked: new Set(['07']),
    from: from.getTime(),
    until: until.getTime(),
  });
});

it('takes no list whose meaning it does not know, and none that is not whole', () => {
  expect(readRevocationList(pem(list(true)))).toBeUndefined();
  const whole = list(false);
  for (let length = 0; length < whole.length; length += 1) {
    expect(readRevocationList(pem(whole.subarray(0, length)))).toBeUndefined();
  }
});

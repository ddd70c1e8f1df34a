import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { bits, integer, objectId, octets, sequence, set, tagged, text, time, yes } from './der.ts';

export interface DevelopmentNames {
  /** Host names, in ASCII. */
  readonly dns: readonly string[];
  /** Addresses as bytes, 4 or 16 of them. */
  readonly addresses: readonly Uint8Array[];
}

/** All in PEM. */
export interface DevelopmentCertificate {
  /** Of the authority. Its key is gone when this is returned, so nothing else can ever be issued in its name. */
  readonly authority: string;
  readonly certificate: string;
  /** Of `certificate`. A secret. */
  readonly key: string;
  readonly notAfter: Date;
}

const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));
const COMMON_NAME = objectId('2.5.4.3');
const SERVER_AUTH = sequence(objectId('1.3.6.1.5.5.7.3.1'));
const HOUR_MS = 3_600_000;

const extension = (id: string, value: Buffer, isCritical = false): Buffer =>
  sequence(objectId(id), ...(isCritical ? [yes()] : []), octets(value));
const name = (common: string): Buffer => sequence(set(sequence(COMMON_NAME, text(common))));
const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
/** RFC 5280 section 4.2.1.2: any digest of the key will do. */
const identifierOf = (key: KeyObject): Buffer => createHash('sha256').update(spkiOf(key)).digest().subarray(0, 20);
const dnsName = (host: string): Buffer => tagged(2, Buffer.from(host, 'latin1'), false);
const ipAddress = (bytes: Uint8Array): Buffer => tagged(7, bytes, false);

/** What the authority may vouch for, so that trusting it for a test opens no other site (RFC 5280 section 4.2.1.10). */
function constraints({ dns, addresses }: DevelopmentNames): Buffer {
  const roots = dns.map((host) => host.replace(/^\*\./, ''));
  const exact = addresses.map((bytes) => ipAddress(Buffer.concat([bytes, Buffer.alloc(bytes.length, 0xff)])));
  const permitted = [...roots.map(dnsName), ...exact].map((base) => sequence(base));
  return sequence(tagged(0, Buffer.concat(permitted), true));
}

function authorityExtensions(names: DevelopmentNames, key: KeyObject): Buffer[] {
  return [
    extension('2.5.29.19', sequence(yes(), integer(Buffer.of(0))), true),
    // keyCertSign
    extension('2.5.29.15', bits(Buffer.of(0x04), 2), true),
    extension('2.5.29.37', SERVER_AUTH),
    extension('2.5.29.30', constraints(names), true),
    extension('2.5.29.14', octets(identifierOf(key))),
  ];
}

function serverExtensions({ dns, addresses }: DevelopmentNames, key: KeyObject, issuer: KeyObject): Buffer[] {
  return [
    extension('2.5.29.19', sequence(), true),
    // digitalSignature
    extension('2.5.29.15', bits(Buffer.of(0x80), 7), true),
    extension('2.5.29.37', SERVER_AUTH),
    extension('2.5.29.17', sequence(...dns.map(dnsName), ...addresses.map(ipAddress))),
    extension('2.5.29.14', octets(identifierOf(key))),
    extension('2.5.29.35', sequence(tagged(0, identifierOf(issuer), false))),
  ];
}

interface Statement {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly validity: Buffer;
  readonly key: KeyObject;
  readonly extensions: readonly Buffer[];
}

/** RFC 5280 section 4.1. */
function certificate({ issuer, subject, validity, key, extensions }: Statement, signer: KeyObject): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const version3 = tagged(0, integer(Buffer.of(2)), true);
  const more = tagged(3, sequence(...extensions), true);
  const body = sequence(version3, integer(serial), ECDSA_SHA256, issuer, validity, subject, spkiOf(key), more);
  const der = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, signer)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** An authority of its own and one server certificate by it, ECDSA on P-256, valid from an hour ago for so many days. */
export function developmentCertificate(names: DevelopmentNames, days: number): DevelopmentCertificate {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const notAfter = new Date(now + days * 24 * HOUR_MS);
  const validity = sequence(time(new Date(now - HOUR_MS)), time(notAfter));
  // Each has a name of its own: two of one name in a trust store are taken for each other.
  const issuer = name(`Sallyport development ${randomBytes(4).toString('hex')}`);
  const above = {
    issuer,
    subject: issuer,
    validity,
    key: authority.publicKey,
    extensions: authorityExtensions(names, authority.publicKey),
  };
  const below = {
    issuer,
    subject: name(names.dns[0] ?? 'localhost'),
    validity,
    key: server.publicKey,
    extensions: serverExtensions(names, server.publicKey, authority.publicKey),
  };
  return {
    authority: certificate(above, authority.privateKey),
    certificate: certificate(below, authority.privateKey),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    notAfter,
  };
}

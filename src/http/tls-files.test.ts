import { appendFileSync, chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, type Certificate, createAuthority } from '../../test/support/certificates.ts';
import { loadAuthorities, loadKeyPair, TlsFileError } from './tls-files.ts';

let authority: Authority;
let good: Certificate;
let other: Certificate;
beforeAll(() => {
  authority = createAuthority();
  good = authority.issue();
  other = authority.issue();
});
afterAll(() => authority?.remove());

const at = (name: string) => join(authority.folder, name);
const file = (name: string, text: string, mode = 0o600) => {
  writeFileSync(at(name), text, { mode });
  chmodSync(at(name), mode);
  return at(name);
};
const link = (name: string) => {
  symlinkSync(name, at(name));
  return at(name);
};
const pair = (cert_file: string, key_file: string, more = {}) =>
  loadKeyPair({ cert_file, key_file, ...more }, 'server.tls');

function complaint(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(TlsFileError);
    return (error as Error).message;
  }
  return 'no complaint';
}

describe('a certificate and its key', () => {
  it('are loaded together, with the chain', () => {
    const chain = file('chain.pem', `subject=somebody\n${good.cert}${authority.cert}`);
    const loaded = pair(chain, good.keyFile);
    expect(loaded.cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(loaded).toMatchObject({ key: good.key, passphrase: undefined, doubts: [] });
    expect(loaded.leaf.fingerprint256).toBe(good.x509.fingerprint256);
  });

  it('may stand in one file', () => {
    const both = file('both.pem', good.key + good.cert);
    expect(pair(both, both).leaf.serialNumber).toBe(good.x509.serialNumber);
  });

  it('may have a passphrase in a file', () => {
    const locked = authority.issue({ passphrase: 'open sesame' });
    const key_passphrase_file = file('passphrase', 'open sesame\n');
    expect(pair(locked.certFile, locked.keyFile, { key_passphrase_file }).passphrase).toBe('open sesame');
    expect(complaint(() => pair(locked.certFile, locked.keyFile))).toContain('is encrypted. Write');
    const wrong = { key_passphrase_file: file('wrong', 'something else') };
    expect(complaint(() => pair(locked.certFile, locked.keyFile, wrong))).toContain('not with this passphrase');
  });

  it.each([
    ['a missing certificate', () => pair(at('none.pem'), good.keyFile), 'server.tls.cert_file', 'does not exist'],
    ['a folder', () => pair(authority.folder, good.keyFile), 'server.tls.cert_file', 'is not a regular file'],
    ['a missing key', () => pair(good.certFile, at('none.key')), 'server.tls.key_file', 'does not exist'],
    ['no PEM', () => pair(file('der', '0\x82'), good.keyFile), 'cert_file', 'holds no certificate in PEM'],
    ['half a certificate', () => pair(file('half', good.cert.slice(0, 300)), good.keyFile), 'cert_file', 'holds no'],
    [
      'half a chain',
      () => pair(file('half-chain', good.cert + authority.cert.slice(0, 300)), good.keyFile),
      'cert_file',
      'ends in the middle of a certificate',
    ],
    [
      'a damaged certificate',
      () => pair(file('damaged', good.cert.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAAAAAAAAAAAAAAAAAA')), good.keyFile),
      'cert_file',
      'cannot be decoded',
    ],
    ['the key of another', () => pair(good.certFile, other.keyFile), 'key_file', 'is not the key of'],
    ['a certificate as key', () => pair(good.certFile, good.certFile), 'key_file', 'can be read'],
    [
      'a chain in the wrong order',
      () => pair(file('wrong-order', authority.cert + good.cert), good.keyFile),
      'cert_file',
      'is not the first one',
    ],
    ['half a key', () => pair(good.certFile, file('half.key', good.key.slice(0, 90))), 'key_file', 'no private key'],
    ['a key for all to read', () => pair(good.certFile, file('open.key', good.key, 0o644)), 'key_file', 'chmod 600'],
  ])('are refused for %s', (_, load, setting, reason) => {
    const said = complaint(load);
    expect(said).toMatch(/^failed to load certificate: server\.tls\.\w+ = \//);
    expect(said).toContain(setting);
    expect(said).toContain(reason);
    for (const line of good.key.split('\n').slice(1, 3)) expect(said).not.toContain(line);
  });

  it.each([
    ['is missing', () => at('none.pem'), 'does not exist. Name a file that does, or put it there.'],
    ['lies below a file', () => join(good.certFile, 'x'), 'does not exist. Name'],
    ['is a folder', () => authority.folder, 'is not a regular file. Name a file of PEM text.'],
    ['is a device', () => '/dev/null', 'is not a regular file. Name'],
    ['is large', () => file('large.pem', '\n'.repeat(4_194_305)), 'is larger than 4 MiB. Name a file of PEM text'],
    ['is a link to itself', () => link('loop.pem'), 'cannot be read (ELOOP). Name a file that can.'],
  ])('say what to do about a file that %s', (_, path, said) => {
    expect(complaint(() => pair(path(), good.keyFile))).toContain(`: ${said}`);
  });

  it('draw a doubt when clients will refuse them, or the group can read the key', () => {
    const over = authority.issue({ validFrom: -7_200_000, validTo: -3_600_000 });
    expect(pair(over.certFile, over.keyFile).doubts).toEqual([expect.stringContaining('expired on')]);
    const early = authority.issue({ validFrom: 3_600_000 });
    expect(pair(early.certFile, early.keyFile).doubts).toEqual([expect.stringContaining('is not valid before')]);
    const shared = file('group.key', good.key, 0o640);
    expect(pair(good.certFile, shared).doubts).toEqual([expect.stringContaining('by its group')]);
  });
});

describe('a bundle of authorities', () => {
  it('is taken apart', () => {
    const bundle = file('bundle.pem', `# ours\n${authority.cert}\n# and another\n${authority.cert}`);
    expect(loadAuthorities(bundle, 'server.tls.ca_file')).toHaveLength(2);
  });

  it('says whether it could not be read or not be understood', () => {
    const load = (path: string) => complaint(() => loadAuthorities(path, 'server.tls.ca_file'));
    expect(load(at('none.pem'))).toBe(
      `failed to read CA certificate: server.tls.ca_file = ${at('none.pem')}: does not exist. ` +
        'Name a file that does, or put it there.',
    );
    mkdirSync(at('folder.pem'));
    expect(load(at('folder.pem'))).toMatch(/^failed to read CA certificate/);
    expect(load(file('empty.pem', ''))).toMatch(/^failed to parse CA certificate: server\.tls\.ca_file = /);
    appendFileSync(at('empty.pem'), authority.cert.slice(0, 200));
    expect(load(at('empty.pem'))).toMatch(/^failed to parse CA certificate/);
  });
});

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';

// What people who do not trust us would run against the gateway. Their machine-readable reports are read here, so that a
// finding fails the test whatever else they print.

const run = promisify(execFile);

let authority: Authority;
let folder: string;
let modern: Gateway;
let old: Gateway;

beforeAll(async () => {
  authority = createAuthority();
  folder = join(authority.folder, 'reports');
  mkdirSync(folder);
  const { certFile: cert_file, keyFile: key_file } = authority.issue();
  const behind = (tls: object) => startGateway({ config: { server: { tls: { cert_file, key_file, ...tls } } } });
  [modern, old] = await Promise.all([behind({}), behind({ min_version: '1.0' })]);
});

afterAll(async () => {
  await modern?.stop();
  await old?.stop();
  authority?.remove();
});

const place = ({ url }: Gateway): string => new URL(url).host;

/** The attributes of every element of a name in the report of sslscan, in order. */
function elements(report: string, name: string): Record<string, string>[] {
  return [...report.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, 'g'))].map(([, attributes = '']) =>
    Object.fromEntries([...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value])),
  );
}

async function sslscan(gateway: Gateway): Promise<string> {
  const { stdout } = await run('sslscan', ['--no-colour', '--xml=-', place(gateway)]);
  return stdout;
}

const spoken = (report: string): string[] =>
  elements(report, 'protocol')
    .filter(({ enabled }) => enabled === '1')
    .map(({ type, version }) => `${type} ${version}`);

describe('sslscan', () => {
  it('finds TLS 1.2 and 1.3 alone, with suites of forward secrecy and authenticated encryption', async () => {
    const report = await sslscan(modern);
    expect(spoken(report)).toEqual(['tls 1.2', 'tls 1.3']);
    const ciphers = elements(report, 'cipher').map(({ sslversion, cipher }) => `${sslversion} ${cipher}`);
    expect(ciphers[0]).toMatch(/^TLSv1\.3 /);
    expect(ciphers.length).toBeGreaterThanOrEqual(5);
    const accepted = /^TLSv1\.3 TLS_(AES_\d+_GCM|CHACHA20_POLY1305)_SHA\d+$|^TLSv1\.2 ECDHE-ECDSA-.*(GCM|POLY1305)/;
    expect(ciphers.filter((cipher) => !accepted.test(cipher))).toEqual([]);
  });

  it('finds no renegotiation, no heartbleed and no compression', async () => {
    const report = await sslscan(modern);
    expect(elements(report, 'renegotiation')).toEqual([{ supported: '0', secure: expect.any(String) }]);
    const heartbleed = elements(report, 'heartbleed');
    expect(heartbleed.length).toBeGreaterThan(0);
    expect(heartbleed.every(({ vulnerable }) => vulnerable === '0')).toBe(true);
    expect(elements(report, 'compression').filter(({ supported }) => supported !== '0')).toEqual([]);
  });

  it('finds the older versions where they are written down, and so would have found them', async () => {
    expect(spoken(await sslscan(old))).toEqual(['tls 1.0', 'tls 1.1', 'tls 1.2', 'tls 1.3']);
  });
});

interface TestsslFinding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** Of no interest here, and why. */
const NOT_OURS: ReadonlySet<string> = new Set([
  // About the openssl program of the machine that scans.
  'engine_problem',
]);

async function testssl(gateway: Gateway, ...checks: string[]): Promise<readonly TestsslFinding[]> {
  const file = join(folder, `${Date.now()}.json`);
  const quiet = ['--quiet', '--color', '0', '--nodns', 'none', '--warnings', 'batch'];
  const target = ['--add-ca', authority.certFile, '--jsonfile', file, ...checks, `https://${place(gateway)}`];
  // Its exit code counts findings; the report says which.
  await run('testssl', [...quiet, ...target]).catch(() => {});
  return JSON.parse(readFileSync(file, 'utf8'));
}

it('testssl finds none of the vulnerabilities it knows', { timeout: 90_000 }, async () => {
  const findings = await testssl(modern, '--vulnerable');
  const looked = new Map(findings.map(({ id, severity }) => [id, severity]));
  for (const id of [
    'heartbleed',
    'CCS',
    'ticketbleed',
    'ROBOT',
    'secure_client_renego',
    'CRIME_TLS',
    'SWEET32',
    'LUCKY13',
    'RC4',
  ])
    expect([id, looked.get(id)]).toEqual([id, 'OK']);
  const bad = findings.filter(({ id, severity }) => !['OK', 'INFO'].includes(severity) && !NOT_OURS.has(id));
  expect(bad).toEqual([]);
});

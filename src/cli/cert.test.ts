import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadAuthorities, loadKeyPair } from '../http/tls-files.ts';
import { certCommands } from './cert.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'sallyport-cert-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

/** Runs `sallyport cert dev` into a folder of its own. */
async function dev(...args: string[]): Promise<{ out: string; err: string }> {
  let [out, err] = ['', ''];
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const program = new Command('sallyport').exitOverride().configureOutput({ writeErr: stderr.write });
  certCommands(program, { stateDir: () => scratch, stdout, stderr, exitCode: () => {} });
  await program.parseAsync(['cert', 'dev', '--out', join(scratch, 'certs'), ...args], { from: 'user' });
  return { out, err };
}

const file = (name: string) => join(scratch, 'certs', name);
const leaf = () => new X509Certificate(readFileSync(file('server.pem')));

it('makes a pair and an authority a listener and a client can load, readable by their owner alone', async () => {
  const { out } = await dev();
  const { tls } = (parse(out) as { server: { tls: { cert_file: string; key_file: string } } }).server;
  expect(tls).toEqual({ cert_file: file('server.pem'), key_file: file('server.key') });
  const pair = loadKeyPair(tls, 'server.tls');
  expect(pair.doubts).toEqual([]);
  expect(pair.leaf.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  expect(loadAuthorities(file('ca.pem'), 'ca_file')).toHaveLength(1);
  for (const name of ['ca.pem', 'server.pem', 'server.key']) expect(statSync(file(name)).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(scratch, 'certs'))).toHaveLength(3);
});

it('says how to use them, how long they last and what they are not for', async () => {
  const { out, err } = await dev('--days', '7');
  expect(err).toContain(`curl --cacert ${file('ca.pem')} https://`);
  expect(err).toContain(`NODE_EXTRA_CA_CERTS=${file('ca.pem')}`);
  expect(err).toContain(new Date(Date.parse(leaf().validTo)).toISOString().slice(0, 10));
  expect(err).toContain('Not for production');
  expect(out + err).not.toContain('PRIVATE KEY');
});

it('names the hosts asked for, international ones as they go over the wire', async () => {
  await dev(
    '--host',
    'mcp.test',
    '--host',
    '[2001:db8::1]',
    '--host',
    '*.lab.test',
    '--host',
    'bücher.test',
    '--host',
    '10.0.0.7',
  );
  const names = leaf().subjectAltName ?? '';
  for (const name of ['DNS:mcp.test', 'DNS:*.lab.test', 'DNS:xn--bcher-kva.test', 'IP Address:10.0.0.7'])
    expect(names).toContain(name);
  expect(names).toContain('IP Address:2001:DB8:0:0:0:0:0:1');
});

describe('refuses', () => {
  it.each([
    ['a b'],
    ['https://x.test'],
    ['10.0.0.256'],
    ['010.0.0.1'],
    ['*'],
    ['a.*.test'],
    [''],
    ['a\nb.test'],
    ['a%62.test'],
    ['a\u00a0b.test'],
  ])('host %j', async (host) => {
    await expect(dev('--host', host)).rejects.toThrow(/--host/);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it.each([['0'], ['826'], ['1.5'], ['-1'], ['forever']])('%s days', async (days) => {
    await expect(dev('--days', days)).rejects.toThrow(/--days/);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('a folder that cannot be made, and comes back', async () => {
    await expect(dev('--out', '/proc/sallyport/certs')).rejects.toThrow(/ENOENT/);
  });

  it('to replace a file, unless told to', async () => {
    await dev();
    const before = readFileSync(file('server.pem'), 'utf8');
    await expect(dev()).rejects.toThrow(/server\.pem.*--force/);
    expect(readFileSync(file('server.pem'), 'utf8')).toBe(before);
    await dev('--force');
    expect(readFileSync(file('server.pem'), 'utf8')).not.toBe(before);
  });

  it('to write through a link that lies in the way', async () => {
    await dev();
    const elsewhere = join(scratch, 'elsewhere');
    writeFileSync(elsewhere, 'precious');
    rmSync(file('server.key'));
    symlinkSync(elsewhere, file('server.key'));
    await expect(dev()).rejects.toThrow(/--force/);
    await dev('--force');
    expect(readFileSync(elsewhere, 'utf8')).toBe('precious');
    expect(readFileSync(file('server.key'), 'utf8')).toContain('PRIVATE KEY');
  });
});

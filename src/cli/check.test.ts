import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { folderWith } from '../../test/fixtures/config/folder.ts';
import { ConfigurationError } from '../config/fault.ts';
import { check } from './check.ts';

const SERVER = 'mcps: [{ id: files, transport: stdio, command: node }]\n';

function checked(
  files: Readonly<Record<string, string>>,
  file?: string,
  flags: Readonly<Record<string, unknown>> = {},
) {
  const cwd = folderWith(files);
  let [out, err] = ['', ''];
  const run = () =>
    check(file, flags, {
      env: { HOME: cwd },
      cwd,
      isTerminal: false,
      logFormat: 'json',
      print: (text) => {
        out += `${text}\n`;
      },
      complain: (text) => {
        err += `${text}\n`;
      },
    });
  return { cwd, run, said: () => ({ out, err }) };
}

describe('sallyport check', () => {
  it('says that a good configuration is good, and which servers are in it', async () => {
    const { run, said } = checked({ 'sallyport.yaml': SERVER });
    expect(await run()).toBe(0);
    expect(said().out).toMatch(/sallyport\.yaml: good \(files\)\n$/);
    expect(said().err).toBe('');
  });

  it('judges the file that is named, or none', async () => {
    const named = checked({ 'other.yaml': SERVER }, 'other.yaml');
    expect(await named.run()).toBe(0);
    expect(named.said().out).toContain('other.yaml: good');
    const none = checked({});
    expect(await none.run()).toBe(0);
    expect(none.said().out).toBe('defaults (no configuration file): good (no servers)\n');
  });

  it('judges flags as a start would', async () => {
    const { run } = checked({ 'sallyport.yaml': SERVER }, undefined, { port: 'many' });
    await expect(run()).rejects.toThrow('--port');
  });

  it('tells every fault at once', async () => {
    const { run, said } = checked({ 'sallyport.yaml': 'server: { prot: 1, host: 999 }\nlog: { level: loud }\n' });
    await expect(run()).rejects.toMatchObject({ faults: [{}, {}, {}] });
    expect(said().out).toBe('');
  });

  it('warns on standard error and still finds the configuration good', async () => {
    const { run, said } = checked({ 'sallyport.yaml': `auth: { anonymous: { roles: [user] } }\n${SERVER}` });
    expect(await run()).toBe(0);
    expect(said().err).toMatch(/^warning: .*auth\.anonymous\.roles/);
  });

  it('finds a socket whose path no socket can have', async () => {
    const { run } = checked({ 'sallyport.yaml': `server: { socket: run/${'a'.repeat(130)}, trust_proxy: unix }\n` });
    await expect(run()).rejects.toThrow(
      /server\.socket: .* is the most a Unix socket's path may have; choose a shorter/,
    );
  });

  it('tells every file that cannot be used at once, each with the line of its setting', async () => {
    const { cwd, run, said } = checked({
      'empty.txt': '# nobody yet\n',
      'sallyport.yaml': [
        'server:',
        '  tls:',
        '    cert_file: none.pem',
        '    key_file: none.key',
        '    client_certificates: require',
        '    ca_file: none-ca.pem',
        '    crl_file: none-crl.pem',
        '  trust_proxy: [edge]',
        '  trust_proxy_sets: { edge: none-edge.txt }',
        'security:',
        '  ip_blacklist:',
        '    - 10.0.0.50',
        '    - file: empty.txt',
        'admin:',
        '  ip_whitelist: [{ file: none-admin.txt }]',
        'mcps:',
        '  - id: search',
        '    transport: streamable-http',
        '    url: https://127.0.0.1:9/mcp',
        '    tls:',
        '      ca_file: none-search.pem',
        '    security:',
        '      ip_whitelist: [{ file: none-search.txt }]',
      ].join('\n'),
    });
    const error = await run().catch((caught: unknown) => caught as ConfigurationError);
    if (!(error instanceof ConfigurationError)) throw new Error(`judged as good: ${said().out}`);
    const told = error.message.split('\n  ').slice(1);
    const expected = [
      [3, `server.tls.cert_file = ${cwd}/none.pem: does not exist.`],
      [4, `server.tls.key_file = ${cwd}/none.key: does not exist.`],
      [6, `server.tls.ca_file = ${cwd}/none-ca.pem: does not exist.`],
      [7, `server.tls.crl_file = ${cwd}/none-crl.pem: does not exist.`],
      [21, `mcps "search" tls.ca_file = ${cwd}/none-search.pem: does not exist.`],
      [9, `server.trust_proxy_sets.edge: ${cwd}/none-edge.txt cannot be read (ENOENT).`],
      [13, `security.ip_blacklist[1].file = ${cwd}/empty.txt holds no address and no network.`],
      [15, `admin.ip_whitelist[0].file = ${cwd}/none-admin.txt cannot be read (ENOENT)`],
      [23, `mcps.search.security.ip_whitelist[0].file = ${cwd}/none-search.txt cannot be read (ENOENT)`],
    ] as const;
    expect(told).toHaveLength(expected.length);
    for (const [index, [line, text]] of expected.entries()) {
      expect(told[index]).toMatch(new RegExp(`^sallyport\\.yaml:${line}(:|  )`));
      expect(told[index]).toContain(text);
    }
  });

  it('warns of what a start would warn of', async () => {
    const text = `server: { host: 0.0.0.0, public_url: "https://mcp.example.com" }\naudit: { enabled: false }\n${SERVER}`;
    const tried = checked({ 'sallyport.yaml': text });
    expect(await tried.run()).toBe(0);
    expect(tried.said().err).toContain('warning: audit.enabled is false');
    expect(tried.said().err).not.toContain('plain HTTP');
    const production = checked({ 'sallyport.yaml': text, '.env': 'NODE_ENV=production\n' });
    expect(await production.run()).toBe(0);
    expect(production.said().err).toContain(
      'warning: server.host = 0.0.0.0 takes plain HTTP from other machines, in production; set server.tls',
    );
  });

  it('leaves nothing behind', async () => {
    const { cwd, run } = checked({ 'sallyport.yaml': SERVER });
    await run();
    expect(readdirSync(cwd)).toEqual(['sallyport.yaml']);
  });
});

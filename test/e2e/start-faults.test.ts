import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli, startGateway } from '../support/gateway.ts';
import { stateFolder, testFolder } from './state.ts';

const TEN_FAULTS = `server:
  prot: 3000
  host: 010.0.0.1
auth:
  enabled: maybe
  methods:
    - { type: token, tokens: [{ name: ci, hash: "md5:abc" }] }
mcps:
  - { id: servers, transport: stdio, command: node }
  - { id: two, transport: pigeon, command: node }
  - { id: three, transport: streamable-http, url: "ftp://example.com/mcp" }
  - { id: four, transport: stdio }
audit:
  durability: forever
log:
  level: "{{ .env.NOT_SET_ANYWHERE }}"
`;
const FAULTY_LINES = [2, 3, 5, 7, 9, 10, 11, 12, 14, 16];

function file(text: string): string {
  const path = join(testFolder(), 'sallyport.yaml');
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

describe('a configuration with ten faults', () => {
  it.each(['check', 'serve'])('is told all ten by %s, each with its line', async (command) => {
    const config = file(TEN_FAULTS);
    const { code, stdout, stderr } = await runCli([command, '--config', config], {
      SALLYPORT_STATE_DIR: stateFolder(),
    });
    expect(code).toBe(1);
    expect(stdout).toBe('');
    const lines = [...stderr.matchAll(/sallyport\.yaml:(\d+)/g)].map(([, line]) => Number(line));
    expect(lines).toEqual(FAULTY_LINES);
    expect(stderr).toContain('"port"');
    expect(stderr).toContain('NOT_SET_ANYWHERE');
  });

  it('is good once they are mended', async () => {
    const config = file('server: { port: 0 }\nmcps:\n  - { id: two, transport: stdio, command: node }\n');
    const { code, stdout } = await runCli(['check', '--config', config]);
    expect(code).toBe(0);
    expect(stdout).toBe(`${config}: good (two)\n`);
  });
});

describe('a list file', () => {
  it.each([
    ['that is good', '203.0.113.0/24 # office\n', 0, ''],
    ['with a line that is no network', '203.0.113.0/24\n10.0.0.0/33\n', 1, ':2: "10.0.0.0/33" has a prefix beyond /32'],
  ])('%s is judged by check', async (_, lines, expected, words) => {
    const list = file(lines);
    const config = file(`security: { ip_blacklist: [{ file: ${list} }] }\n`);
    const { code, stderr } = await runCli(['check', '--config', config]);
    expect({ code, says: stderr.includes(words) }).toEqual({ code: expected, says: true });
  });
});

describe('a bind beyond loopback', () => {
  const without = (more: string) =>
    `server: { host: 0.0.0.0, port: 0 }\nadmin: { port: 0 }\nauth: { enabled: false${more} }\n`;

  it('is refused without authentication, with the remedy', async () => {
    const config = file(without(''));
    const { code, stderr } = await runCli(['serve', '--config', config], { SALLYPORT_STATE_DIR: stateFolder() });
    expect(code).toBe(1);
    expect(stderr).toMatch(/server\.host/);
    expect(stderr).toMatch(/auth\.enabled|auth\.anonymous\.roles/);
  });

  it.each([
    ['authentication is on', 'server: { host: 0.0.0.0, port: 0 }\n'],
    ['what anonymous callers may do is written down', without(', anonymous: { roles: [user] }')],
  ])('passes where %s', async (_, text) => {
    const { code, stderr } = await runCli(['check', '--config', file(text)]);
    expect([code, stderr.includes('server.host')]).toEqual([0, false]);
  });
});

describe('a start that cannot be', () => {
  it('names the port that is in use, and how to choose another', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as AddressInfo;
    const env = { SALLYPORT_STATE_DIR: stateFolder(), SALLYPORT_ADMIN_PORT: '0' };
    const { code, stdout, stderr } = await runCli(['serve', '--port', String(port)], env);
    expect(code).toBe(1);
    expect(stdout).not.toContain('is open');
    expect(stderr).toContain(`127.0.0.1:${port} is in use (server.port)`);
    expect(stderr).toContain('--port');
  });

  it('names the setting when the admin port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as AddressInfo;
    const env = { SALLYPORT_STATE_DIR: stateFolder(), SALLYPORT_SERVER_PORT: '0' };
    const { code, stderr } = await runCli(['serve', '--admin-port', String(port)], env);
    expect(code).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port} is in use (admin.port)`);
    expect(stderr).toContain('--admin-port');
  });

  it('does not share a state folder with a gateway that runs', async () => {
    const gateway = await startGateway({ env: { SALLYPORT_SERVER_PORT: '0', SALLYPORT_ADMIN_PORT: '0' } });
    onTestFinished(async () => void (await gateway.stop()));
    const second = await gateway.command('serve', '--port', '0', '--admin-port', '0');
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(gateway.stateDir);
    expect((await gateway.command('status')).code).toBe(0);
  });

  it('has nothing to start after --', async () => {
    const { code, stderr } = await runCli(['--'], { SALLYPORT_STATE_DIR: stateFolder() });
    expect(code).toBe(1);
    expect(stderr).toContain('nothing follows --');
  });
});

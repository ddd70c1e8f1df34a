import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectV1, connectV2, HTTP_CLIENTS } from '../support/clients.ts';
import { stdioFixture } from '../support/fixture-server.ts';
import { type GatewayOptions, runCli, startGateway } from '../support/gateway.ts';
import { get } from './requests.ts';
import { stateFolder } from './state.ts';

const FREE_PORTS = { SALLYPORT_SERVER_PORT: '0', SALLYPORT_ADMIN_PORT: '0' };

async function start(options: GatewayOptions) {
  const gateway = await startGateway({ env: FREE_PORTS, ...options });
  onTestFinished(async () => void (await gateway.stop()));
  return gateway;
}

const permissions = (...path: string[]) => (statSync(join(...path)).mode & 0o777).toString(8);
const firstToken = (stateDir: string) => readFileSync(join(stateDir, 'first-run.token'), 'utf8').trim();

describe('a start with nothing configured', () => {
  it('serves the demo to whoever has the token of the first run', async () => {
    const stateDir = stateFolder();
    const gateway = await start({ args: ['--log-level', 'info'], stateDir });
    const token = firstToken(stateDir);
    expect(gateway.stdout()).toContain(`Your token is in ${join(stateDir, 'first-run.token')}`);
    expect(gateway.stdout()).not.toContain(token);
    expect(permissions(stateDir, 'first-run.token')).toBe('600');

    for (const connect of [connectV1, HTTP_CLIENTS['SDK v2 auto'] as typeof connectV1]) {
      const client = await connect(`${gateway.url}/mcp`, { token });
      const names = (await client.listTools()).map(({ name }) => name);
      expect(names).toEqual(['convert_time', 'hash_text', 'compare_text']);
      const hashed = await client.callTool('hash_text', { text: 'abc', algorithm: 'md5' });
      expect(hashed.structuredContent).toMatchObject({ digest: '900150983cd24fb0d6963f7d28e17f72' });
      await client.close();
    }
    await expect(connectV1(`${gateway.url}/mcp`)).rejects.toThrow();
  });

  it('prints a command that works as it stands', async () => {
    const gateway = await start({ args: ['--log-level', 'info'] });
    const command = /^ {2}(curl (?:.*\\\n)*.*)$/m.exec(gateway.stdout())?.[1] ?? 'no command';
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    expect(stdout).toContain('convert_time');
  });

  it('prints where everything is, and configuration for five clients', async () => {
    const gateway = await start({ args: ['--log-level', 'info'] });
    const said = gateway.stdout();
    expect(said).toContain(`Sallyport is open at ${gateway.url}\n`);
    expect(said).toContain(`${gateway.adminUrl}/metrics`);
    expect(said).toContain(gateway.stateDir);
    for (const client of ['Claude Code', 'Claude Desktop', 'Cursor', 'VS Code', 'MCP Inspector']) {
      expect(said).toContain(client);
    }
    expect(gateway.stderr()).not.toMatch(/"level":"(warn|error)"/);
  });

  it('keeps its state where nobody else can read it', async () => {
    const stateDir = stateFolder();
    await start({ args: ['--log-level', 'info'], stateDir });
    expect(permissions(stateDir)).toBe('700');
    for (const file of ['state.db', 'control.sock', 'audit/audit.jsonl'])
      expect(permissions(stateDir, file)).toBe('600');
    expect(permissions(stateDir, 'audit')).toBe('700');
  });

  it('says the second time that tokens exist, and takes the first one', async () => {
    const stateDir = stateFolder();
    const first = await startGateway({ env: FREE_PORTS, stateDir });
    const token = firstToken(stateDir);
    await first.stop();

    const second = await start({ stateDir });
    expect(second.stdout()).toContain('Tokens exist already. Make another: sallyport token create --name laptop');
    expect(second.stdout()).not.toContain('Your token is in');
    expect((await get(`${second.url}/mcp/servers`, token)).status).toBe(200);
  });
});

describe('sallyport -- COMMAND', () => {
  it('puts that program behind the gate', async () => {
    const fixture = stdioFixture();
    onTestFinished(() => fixture.remove());
    const gateway = await start({ args: ['--', fixture.command, ...fixture.args] });
    const token = firstToken(gateway.stateDir);
    expect(gateway.stdout()).toContain(`${gateway.url}/mcp/main-stdio`);
    const client = await connectV2(`${gateway.url}/mcp`, 'auto', { token });
    expect((await client.callTool('add', { a: 20, b: 22 })).structuredContent).toEqual({ sum: 42 });
    await client.close();
    expect((await get(`${gateway.url}/mcp/servers`)).status).toBe(401);
  });
});

describe('sallyport client-config', () => {
  it('prints what a client needs to reach the gateway', async () => {
    const gateway = await start({});
    const { code, stdout } = await gateway.command('client-config', 'cursor');
    expect(code).toBe(0);
    expect(stdout).toContain(`${gateway.url}/mcp`);
  });

  it('names the public URL of the gateway that runs, and of the configuration while none does', async () => {
    const stateDir = stateFolder();
    const publicUrl = { SALLYPORT_SERVER_PUBLIC_URL: 'https://mcp.example.com/' };
    const gateway = await start({ env: { ...FREE_PORTS, ...publicUrl }, stateDir });
    expect((await gateway.command('client-config', 'inspector')).stdout).toContain(' https://mcp.example.com/mcp ');
    const url = await gateway.command('client-config', 'inspector', '--url', 'https://other.example');
    expect(url.stdout).toContain(' https://other.example/mcp ');
    await gateway.stop();
    expect((await gateway.command('client-config', 'inspector')).stdout).not.toContain('mcp.example.com');
    const alone = await runCli(['client-config', 'inspector', '--state-dir', stateDir], publicUrl);
    expect(alone.stdout).toContain(' https://mcp.example.com/mcp ');
  });
});

describe('sallyport status', () => {
  it('tells of the gateway that runs, and when it is gone', async () => {
    const stateDir = stateFolder();
    const gateway = await startGateway({ env: FREE_PORTS, stateDir });
    const running = await gateway.command('status', '--json');
    expect(running.code).toBe(0);
    expect(JSON.parse(running.stdout)).toMatchObject({ running: true, pid: gateway.pid, state_dir: stateDir });
    await gateway.stop();
    const gone = await gateway.command('status', '--json');
    expect(gone.code).toBe(3);
    expect(JSON.parse(gone.stdout)).toEqual({ running: false, state_dir: stateDir });
  });
});

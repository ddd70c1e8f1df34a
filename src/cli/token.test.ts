import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GatewayStatus } from '../control/command.ts';
import { ControlServer } from '../control/server.ts';
import { isToken } from '../crypto/token.ts';
import { isAccepted } from '../identity/authentication.ts';
import { TokenRegistry } from '../identity/token-registry.ts';
import { openSqlite } from '../storage/sqlite.ts';
import { statusCommand } from './status.ts';
import { tokenCommands } from './token.ts';

let scratch: string;
let stateDir: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'sallyport-cli-'));
  stateDir = join(scratch, 'state');
});
afterEach(() => rmSync(scratch, { recursive: true }));

/** Runs one command line as `sallyport` would. */
async function sallyport(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  let [out, err, code] = ['', '', 0];
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const program = new Command('sallyport')
    .exitOverride()
    .configureOutput({ writeOut: stdout.write, writeErr: stderr.write });
  const context = {
    stateDir: (options: Readonly<Record<string, unknown>>) => (options.stateDir as string | undefined) ?? stateDir,
    stdout,
    stderr,
    exitCode: (value: number) => {
      code = value;
    },
  };
  tokenCommands(program, context);
  statusCommand(program, context);
  for (const command of program.commands.flatMap((one) => [one, ...one.commands]))
    command.copyInheritedSettings(program);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    code = (error as { exitCode: number }).exitCode;
  }
  return { out, err, code };
}

const STATUS: GatewayStatus = {
  pid: 4711,
  version: '0.1.0',
  started_at: new Date(Date.now() - 3_900_000).toISOString(),
  state_dir: '/var/lib/sallyport',
  config_file: '/etc/sallyport.yaml',
  public_url: null,
  listeners: [{ name: 'main', url: 'http://127.0.0.1:3000' }],
  servers: [
    { id: 'crm', transport: 'stdio', state: 'up', children: 1, last_error: null },
    { id: 'search', transport: 'streamable-http', state: 'down', children: 0, last_error: 'refused\x1b[2J' },
  ],
  open_streams: 2,
  sessions: 3,
  audit: { enabled: true, healthy: false },
  perimeter: {
    mode: 'report',
    otherwise: ['crm'],
    lists: [
      { setting: 'security.ip_whitelist', entries: 3 },
      { setting: 'mcps.crm.security.ip_blacklist', entries: 1 },
    ],
    trust_proxy: { value: 2, why: 'server.trust_proxy' },
    forwarded_header: 'x-forwarded-for',
  },
};

/** A gateway as far as the control socket goes. */
async function withGateway(work: (opens: (secret: string) => boolean) => Promise<void>): Promise<void> {
  const storage = openSqlite(stateDir);
  const onError = (error: unknown) => expect.unreachable(String(error));
  const registry = await TokenRegistry.open(storage, { onError });
  const accepted = await registry.gatewayTokens([]);
  const server = await ControlServer.open(
    { stateDir, onError },
    {
      storage,
      registry,
      perimeter: undefined,
      status: () => STATUS,
      serverIds: () => ['crm'],
      record: () => undefined,
    },
  );
  try {
    await work((secret) => isAccepted(registry.authenticate([`Bearer ${secret}`], accepted)));
  } finally {
    await server.close();
    await registry.close();
    await storage.close();
  }
}

describe('sallyport token', () => {
  it('create writes the secret and nothing else to standard output, and names the state folder beside it', async () => {
    const { out, err, code } = await sallyport('token', 'create', '--name', 'ci', '--expires', '30d');
    expect(isToken(out.trimEnd())).toBe(true);
    expect(out).toMatch(/^\S+\n$/);
    expect(err).toContain(stateDir);
    expect(err).toMatch(/shown this once/);
    expect(err).not.toContain(out.trim());
    expect(code).toBe(0);
  });

  it('made without a gateway opens the one that starts later', async () => {
    const secret = (await sallyport('token', 'create')).out.trim();
    await withGateway(async (opens) => expect(opens(secret)).toBe(true));
  });

  it('made, rotated and revoked beside a running gateway counts at once', async () => {
    await sallyport('token', 'create', '--name', 'before');
    await withGateway(async (opens) => {
      const first = (await sallyport('token', 'create', '--name', 'ci', '--role', 'user', 'admin')).out.trim();
      expect(opens(first)).toBe(true);
      const rotated = await sallyport('token', 'rotate', 'ci', '--grace', '1h');
      expect(rotated.err).toMatch(/old secret is accepted until \d{4}-/);
      const second = rotated.out.trim();
      expect([opens(first), opens(second)]).toEqual([true, true]);
      const revoked = await sallyport('token', 'revoke', 'ci');
      expect(revoked.out.match(/^revoked ci /gm)).toHaveLength(2);
      expect(revoked.err).toContain('refuses it already');
      expect([opens(first), opens(second)]).toEqual([false, false]);
    });
  });

  it('create warns of a server the running gateway does not know', async () => {
    expect((await sallyport('token', 'create', '--server', 'x', '--name', 'a')).err).not.toContain('note:');
    await withGateway(async () => {
      expect((await sallyport('token', 'create', '--server', 'crm', '--name', 'b')).err).not.toContain('note:');
      expect((await sallyport('token', 'create', '--server', 'cmr')).err).toMatch(/note: .*"cmr".*crm/);
    });
  });

  it('list shows each token and no secret', async () => {
    const secret = (await sallyport('token', 'create', '--name', 'ci', '--server', 'crm')).out.trim();
    await sallyport('token', 'create', '--name', 'old');
    await sallyport('token', 'revoke', 'old');
    const { out } = await sallyport('token', 'list');
    expect(out.split('\n')[0]).toMatch(/^NAME +STATE +ROLES/);
    expect(out).toMatch(/^ci +active +user +crm +sp_\S{3}… +never +never +[0-9a-f-]{36}$/m);
    expect(out).toMatch(/^old +revoked/m);
    expect(out).not.toContain(secret);
  });

  it('list of an empty store says how to make one', async () => {
    await sallyport('token', 'create', '--name', 'x');
    const listed = await sallyport('token', 'list', '--state-dir', scratch);
    expect(listed.out).toBe('');
    expect(listed.err).toContain('sallyport token create');
    expect(listed.err).toContain(scratch);
  });

  it('speaks JSON when asked', async () => {
    const created = JSON.parse((await sallyport('token', 'create', '--name', 'ci', '--json')).out);
    expect(created).toMatchObject({ state_dir: stateDir, token: { name: 'ci', state: 'active' } });
    const rotated = JSON.parse((await sallyport('token', 'rotate', 'ci', '--json')).out);
    expect(rotated).toMatchObject({ replaced: { id: created.token.id, state: 'replaced' } });
    const revoked = JSON.parse((await sallyport('token', 'revoke', 'ci', '--json')).out);
    expect(revoked.revoked).toEqual([expect.objectContaining({ id: rotated.token.id })]);
    const { tokens } = JSON.parse((await sallyport('token', 'list', '--json')).out);
    expect(tokens.map(({ state }: { state: string }) => state)).toEqual(['replaced', 'revoked']);
  });

  it.each([
    [['create', '--expires', 'soon'], /"soon".*30d/],
    [['create', '--name', 'taken'], /"taken" exists.*rotate/],
    [['create', '--role', 'root'], /user, admin/],
    [['revoke', 'nobody'], /"nobody".*token list/],
    [['rotate', 'taken', '--grace', 'long'], /"long".*24h/],
  ])('%j is refused with what to do', async (args, remedy) => {
    await sallyport('token', 'create', '--name', 'taken');
    const { out, err, code } = await sallyport('token', ...args);
    expect(err).toMatch(remedy);
    expect([out, code]).toEqual(['', 1]);
  });

  it.each([
    ['list'],
    ['revoke', 'ci'],
    ['rotate', 'ci'],
  ])('%s does not make a state folder that is not there', async (...args) => {
    const { err, code } = await sallyport('token', ...args);
    expect(err).toContain('--state-dir');
    expect(code).toBe(1);
    expect(existsSync(stateDir)).toBe(false);
  });

  it('teaches by example', async () => {
    expect((await sallyport('token', '--help')).out).toContain('sallyport token rotate ci --grace 24h');
  });
});

describe('sallyport status', () => {
  it('says what runs, and ends with 0', async () => {
    await withGateway(async () => {
      const { out, code } = await sallyport('status');
      expect(out).toMatch(/^running +pid 4711, version 0\.1\.0, up 1 h 5 min$/m);
      expect(out).toMatch(/^main +http:\/\/127\.0\.0\.1:3000$/m);
      expect(out).toMatch(/^audit +FAILING/m);
      expect(out).toMatch(/^crm +stdio +up +1 child$/m);
      expect(out).toMatch(/^search +streamable-http +down +0 connections +refused\?\[2J$/m);
      expect(out).toMatch(
        /^lists +security\.ip_whitelist \(3 entries\), mcps\.crm\.security\.ip_blacklist \(1 entry\)$/m,
      );
      expect(out).toMatch(/^mode +REPORT: nobody is refused .*\(sallyport ip report\), but enforced for crm$/m);
      expect(out).toMatch(/^trusts +2 hops \(server\.trust_proxy; server\.forwarded_header x-forwarded-for\)$/m);
      expect(code).toBe(0);
      expect(JSON.parse((await sallyport('status', '--json')).out)).toEqual({ running: true, ...STATUS });
    });
  });

  it('says that nothing runs, naming the folder, and ends with 3', async () => {
    expect(await sallyport('status')).toEqual({ out: `not running (state folder ${stateDir})\n`, err: '', code: 3 });
    const { out, code } = await sallyport('status', '--json');
    expect([JSON.parse(out), code]).toEqual([{ running: false, state_dir: stateDir }, 3]);
  });
});

import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TokenRegistry } from '../identity/token-registry.ts';
import { openSqlite } from '../storage/sqlite.ts';
import type { Storage } from '../storage/storage.ts';
import { callGateway } from './client.ts';
import type { ControlServices, GatewayStatus } from './command.ts';
import { ControlServer } from './server.ts';
import { MAX_REQUEST_BYTES } from './wire.ts';

const STATUS: GatewayStatus = {
  pid: process.pid,
  version: '0.1.0',
  started_at: '2026-09-01T00:00:00.000Z',
  state_dir: '/nowhere',
  config_file: null,
  public_url: null,
  listeners: [{ name: 'main', url: 'http://127.0.0.1:3000' }],
  servers: [{ id: 'crm', transport: 'stdio', state: 'up', children: 1, last_error: null }],
  open_streams: 0,
  sessions: 0,
  audit: { enabled: true, healthy: true },
  perimeter: {
    mode: 'enforce',
    otherwise: [],
    lists: [],
    trust_proxy: { value: 'loopback', why: 'server.trust_proxy' },
    forwarded_header: 'x-forwarded-for',
  },
};

let folder: string;
let storage: Storage;
let registry: TokenRegistry;
let errors: unknown[];
let server: ControlServer | undefined;

const open = (services: Partial<ControlServices> = {}, stateDir = folder) =>
  ControlServer.open(
    { stateDir, onError: (error) => errors.push(error) },
    {
      storage,
      registry,
      perimeter: undefined,
      status: () => STATUS,
      serverIds: undefined,
      record: () => undefined,
      ...services,
    },
  );

/** Sends bytes as they are and gathers what comes back: so many lines, or less when the other end closes before. */
function talk(lines: number, ...parts: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(join(folder, 'control.sock'), () => {
      for (const part of parts) socket.write(part);
    });
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.split('\n').length > lines) socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-control-'));
  storage = openSqlite(folder);
  errors = [];
  registry = await TokenRegistry.open(storage, { onError: (error) => errors.push(error) });
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await registry.close();
  await storage.close();
  rmSync(folder, { recursive: true });
});

describe('the control socket', () => {
  it('is 0600 whatever the umask, in the state folder, and gone after close', async () => {
    const before = process.umask(0);
    server = await open().finally(() => process.umask(before));
    expect(server.path).toBe(join(folder, 'control.sock'));
    expect((statSync(server.path).mode & 0o777).toString(8)).toBe('600');
    await server.close();
    await server.close();
    expect(existsSync(server.path)).toBe(false);
  });

  it('carries commands and their results', async () => {
    server = await open();
    expect(await callGateway(folder, 'ping', {})).toEqual({ pid: process.pid });
    expect(await callGateway(folder, 'status', {})).toEqual(STATUS);
    const created = await callGateway(folder, 'token.create', { name: 'ci' });
    expect(created).toMatchObject({ token: { name: 'ci' } });
    expect(await callGateway(folder, 'token.list', {})).toMatchObject({ tokens: [{ name: 'ci', state: 'active' }] });
  });

  it('answers a revocation only when the gateway already refuses the token', async () => {
    server = await open();
    const accepted = await registry.gatewayTokens([]);
    const created = await callGateway(folder, 'token.create', { name: 'ci' });
    if (created === 'not-running') throw new Error(created);
    const bearer = [`Bearer ${created.secret}`];
    expect(registry.authenticate(bearer, accepted)).toHaveProperty('principal');
    await callGateway(folder, 'token.revoke', { token: 'ci' });
    expect(registry.authenticate(bearer, accepted)).toHaveProperty('rejected');
  });

  it('carries refusals, with their code', async () => {
    server = await open();
    await expect(callGateway(folder, 'token.revoke', { token: 'nobody' })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('nobody'),
    });
  });

  it('keeps the details of its own failures to the log', async () => {
    server = await open({
      status: () => {
        throw new Error('private');
      },
    });
    await expect(callGateway(folder, 'status', {})).rejects.toMatchObject({
      code: 'failed',
      message: expect.not.stringContaining('private'),
    });
    expect(errors).toEqual([new Error('private')]);
  });

  it('says not-running when there is nobody', async () => {
    expect(await callGateway(folder, 'ping', {})).toBe('not-running');
    expect(await callGateway(join(folder, 'no', 'such'), 'ping', {})).toBe('not-running');
  });
});

describe('a peer that does not keep to the protocol', () => {
  beforeEach(async () => {
    server = await open();
  });
  afterEach(async () => {
    expect(await callGateway(folder, 'ping', {})).toEqual({ pid: process.pid });
  });

  it.each([
    'not json',
    '[]',
    '7',
    'null',
    '{"command":"constructor"}',
    '{"command":7}',
    '{}',
    '{"command":"ping","input":{"x":1}}',
    '',
  ])('is told that %j is no command', async (line) => {
    expect(JSON.parse(await talk(1, `${line}\n`))).toMatchObject({ ok: false, error: { code: 'invalid' } });
  });

  it('may send a command in pieces, and several in one go', async () => {
    expect(JSON.parse(await talk(1, '{"comm', 'and":"ping"}\n'))).toMatchObject({ ok: true });
    const answers = (await talk(3, '{"command":"ping"}\n{"command":"nope"}\n', '{"command":"ping"}\n'))
      .trim()
      .split('\n');
    expect(answers.map((answer) => JSON.parse(answer).ok)).toEqual([true, false, true]);
  });

  it('is cut off when its line does not end', async () => {
    const text = await talk(2, Buffer.alloc(MAX_REQUEST_BYTES + 1, 0x61), '\n', '{"command":"ping"}\n');
    expect(text.split('\n').filter((line) => line !== '')).toEqual([expect.stringContaining('"ok":false')]);
  });
});

describe('a second gateway', () => {
  it('on the same state folder is refused with the pid of the first, and does it no harm', async () => {
    server = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`pid ${process.pid}`),
    });
    expect(await callGateway(folder, 'ping', {})).toEqual({ pid: process.pid });
  });

  it('takes over once the first has stopped', async () => {
    await (await open()).close();
    server = await open();
    expect(await callGateway(folder, 'ping', {})).toEqual({ pid: process.pid });
  });

  it('starts over what a killed one left behind', async () => {
    const path = join(folder, 'control.sock');
    writeFileSync(path, '');
    expect(await callGateway(folder, 'ping', {})).toBe('not-running');
    server = await open();
    expect(await callGateway(folder, 'ping', {})).toEqual({ pid: process.pid });
  });

  it('gives the folder free again when it could not start', async () => {
    const path = join(folder, 'control.sock');
    mkdirSync(path);
    await expect(open()).rejects.toThrow();
    rmSync(path, { recursive: true });
    server = await open();
  });
});

describe('a state folder', () => {
  it('with too long a path for a socket is refused with the remedy', async () => {
    const long = join(folder, 'x'.repeat(100));
    mkdirSync(long, { mode: 0o700 });
    await expect(open({}, long)).rejects.toThrow('--state-dir');
    await expect(callGateway(long, 'ping', {})).rejects.toThrow('--state-dir');
  });

  it('others can write to is refused with the remedy', async () => {
    chmodSync(folder, 0o770);
    await expect(open()).rejects.toThrow('chmod 700');
    chmodSync(folder, 0o700);
    server = await open();
  });
});

describe('a gateway that does not answer', () => {
  it('or hangs up is an error, not "not running"', async () => {
    const rude = createServer((socket) => socket.destroy());
    await new Promise<void>((done) => rude.listen(join(folder, 'control.sock'), done));
    await expect(callGateway(folder, 'ping', {})).rejects.toMatchObject({ code: 'failed' });
    await new Promise((done) => rude.close(done));
  });
});

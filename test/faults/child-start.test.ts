import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV1, connectV2 } from '../support/clients.ts';
import { descendants } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { toolValue } from './talk.ts';

const restart = { backoff_ms: 1, backoff_max_ms: 1, crash_loop_after: 1000 };
const quick = { restart, start_timeout_ms: 300, call_timeout_ms: 300 };

const START = 50_206;
const CLOSED = 50_203;
const TIMEOUT = 50_401;

/** A modern call waits until the gateway has asked for the era; a session hands the child the client's own `initialize`. */
const CASES = [
  { server: 'missing', legacy: START, remedy: /install it or give an absolute path in mcps\[\]\.command/ },
  { server: 'locked', legacy: START, remedy: /chmod \+x/ },
  { server: 'nowhere', legacy: START, remedy: /correct mcps\[\]\.cwd/ },
  { server: 'crash', legacy: CLOSED, remedy: /run the command by hand; check mcps\[\]\.args, mcps\[\]\.env/ },
  { server: 'garbage', legacy: CLOSED, remedy: /run the command by hand/ },
  { server: 'mute', legacy: TIMEOUT, remedy: /run the command by hand/ },
];

let folder: string;
let gate: Gate;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-start-'));
  const locked = join(folder, 'locked.sh');
  writeFileSync(locked, '#!/bin/sh\n', { mode: 0o644 });
  const stdio = { transport: 'stdio', ...quick };
  gate = await Gate.start([
    { id: 'missing', ...stdio, command: 'sallyport-no-such-program' },
    { id: 'locked', ...stdio, command: locked },
    { id: 'nowhere', ...stdio, command: process.execPath, cwd: join(folder, 'none') },
    script('crash', ['crash.mjs'], { ...quick, start_timeout_ms: 5_000, call_timeout_ms: 5_000 }),
    { id: 'garbage', ...stdio, command: 'yes', args: ['Server listening on stdio!'] },
    { id: 'mute', ...stdio, command: 'sleep', args: ['1000'] },
    script('well', ['server.mjs', 'modern']),
    script('old', ['server.mjs', 'legacy']),
  ]);
});
afterAll(async () => {
  await gate.stop();
  rmSync(folder, { recursive: true });
});

describe.each(CASES)('a server that cannot start ($server)', ({ server, legacy, remedy }) => {
  it('gives a modern client an error under its own id, and the operator one line with the remedy', async () => {
    const before = gate.remedies(server).length;
    const { status, last } = await gate.caller(server).tool('mine', 'echo');
    expect(last).toMatchObject({ id: 'mine', error: { code: START, data: { decision_id: expect.any(String) } } });
    expect(status).toBe(502);
    expect(await gate.told(server, before)).toEqual([expect.stringMatching(remedy)]);
  });

  it('gives a legacy client an error under its own id and no session, and the operator one line', async () => {
    const before = gate.remedies(server).length;
    const { status, last } = await gate.caller(server).initialize(7);
    expect(last).toMatchObject({ id: 7, error: { code: legacy } });
    expect(status).toBe(Math.floor(legacy / 100));
    expect(await gate.told(server, before)).toEqual([expect.stringMatching(remedy)]);
  });

  it('tells the caller nothing of commands, paths and variables', async () => {
    const answers = [await gate.caller(server).tool(1, 'echo'), await gate.caller(server).initialize()];
    expect(answers.map(({ last }) => last.error?.message).join()).not.toMatch(/no-such|\/|API_KEY|yes|sleep|node/);
  });

  it('is a clean refusal to official clients', async () => {
    const options = { token: gate.token() };
    await expect(connectV1(gate.url(server), options)).rejects.toThrow(/The server/);
    await expect(connectV2(gate.url(server), 'legacy', options)).rejects.toThrow(/The server/);
  });
});

describe('beside servers that cannot start', () => {
  it('others answer meanwhile, on both eras', async () => {
    const failing = CASES.map(({ server }) => gate.caller(server).tool(1, 'echo'));
    expect(toolValue(await gate.caller('well').tool(1, 'echo', { a: 1 }))).toEqual({ a: 1 });
    const session = await gate.caller('old').open();
    expect(toolValue(await session.tool(1, 'echo', { a: 2 }))).toEqual({ a: 2 });
    await session.end();
    for (const { last } of await Promise.all(failing)) expect(last.error?.code).toBe(START);
  });

  it('no process is left of those', async () => {
    const left = () =>
      descendants(gate.gateway.pid).filter(({ command }) => /^yes |^sleep 1000|crash\.mjs/.test(command));
    await until(() => left().length === 0, 'every one of them is gone');
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectV2 } from '../support/clients.ts';
import { type FixtureHttp, startFixtureHttp, stdioFixture } from '../support/fixture-server.ts';
import { type Gateway, runCli, startGateway } from '../support/gateway.ts';
import { descendants, expectGone } from '../support/processes.ts';
import { openRaw } from '../support/raw.ts';
import { ScriptedListen } from '../support/scripted-listen.ts';
import { until, within } from '../support/wait.ts';
import { follow, get, legacyStream, modern, modernStream, open, slowCall } from './requests.ts';
import { stateFolder } from './state.ts';

const stdio = stdioFixture();
let http: FixtureHttp;
beforeAll(async () => {
  http = await startFixtureHttp();
});
afterAll(async () => {
  await http?.stop();
  stdio.remove();
});

async function start(stateDir: string, limits = {}): Promise<Gateway> {
  const mcps = [
    { id: 'stdio', transport: 'stdio', command: stdio.command, args: stdio.args, env: stdio.env },
    { id: 'http', transport: 'streamable-http', url: http.url },
  ];
  const gateway = await startGateway({ config: { mcps, server: { limits } }, stateDir });
  // A test that fails half-way must leave no gateway behind; for one that has ended this does nothing.
  onTestFinished(async () => void (await gateway.kill()));
  return gateway;
}

/** The record is whole: every line parses and the chain of hashes is unbroken. */
async function expectVerified(stateDir: string): Promise<void> {
  const { code, stdout, stderr } = await runCli(['audit', 'verify', join(stateDir, 'audit', 'audit.jsonl')]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('unbroken');
}

const children = (gateway: Gateway) => descendants(gateway.pid);

describe('a gateway told to stop', () => {
  it('lets calls finish, ends streams, and leaves nothing behind', async () => {
    const stateDir = stateFolder();
    const gateway = await start(stateDir);
    const token = await gateway.token('busy');
    const at = (id: string) => `${gateway.url}/mcp/${id}`;
    const calls = await Promise.all(['stdio', 'http'].map((id) => slowCall(at(id), token, 20, 50)));
    const streams = await Promise.all(
      ['stdio', 'http'].flatMap((id) => [legacyStream(at(id), token), modernStream(at(id), token)]),
    );
    for (const call of calls) await until(() => call.text().includes('"progress":1'), 'the call is under way');
    const family = children(gateway);
    expect(family.length).toBeGreaterThan(1);

    const stopped = gateway.stop();
    const ends = within(Promise.all([...streams, ...calls].map(({ over }) => over)), 'all streams are over');
    expect(new Set(await ends)).toEqual(new Set(['ended']));
    for (const call of calls) expect(call.text()).toContain('20 steps');
    for (const at of [1, 3]) expect(streams[at]?.text()).toContain('"result":{"resultType":"complete"');
    expect(await stopped).toEqual({ code: 0, signal: null });
    await expectGone(family);
    await expectVerified(stateDir);
    expect(gateway.audit().at(-1)).toMatchObject({ type: 'lifecycle', detail: 'gateway stopped' });
    await expect(get(`${gateway.url}/healthz`)).rejects.toThrow();
  });

  it('tells calls that take longer than it may wait', async () => {
    const stateDir = stateFolder();
    const gateway = await start(stateDir, { shutdown_timeout_ms: 300 });
    const token = await gateway.token('slow');
    const call = await slowCall(`${gateway.url}/mcp/stdio`, token, 60_000, 10);
    await until(() => call.text().includes('"progress":1'), 'the call is under way');
    const family = children(gateway);

    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    expect(await call.over).toBe('ended');
    expect(call.text()).toContain('"code":50302');
    await expectGone(family);
    await expectVerified(stateDir);
  });

  it('is not held up by connections that ask nothing', async () => {
    const gateway = await start(stateFolder(), { shutdown_timeout_ms: 600_000 });
    const silent = await openRaw(gateway.url);
    const idle = await openRaw(gateway.url);
    idle.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    expect((await idle.answer()).status).toBe(200);
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    await Promise.all([silent.closed, idle.closed]);
  });

  it('is not held up by a client that left its subscription', async () => {
    const gateway = await start(stateFolder(), { shutdown_timeout_ms: 600_000 });
    const client = await connectV2(`${gateway.url}/mcp/stdio`, 'auto', { token: await gateway.token('gone') });
    await client.sdk.listen({ toolsListChanged: true });
    await client.close();
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  });
});

it('a subscription has the final result of a stopping gateway where it stood, and an error where it did not yet', async () => {
  const server = await ScriptedListen.start();
  onTestFinished(() => server.stop());
  const mcps = [{ id: 'one', transport: 'streamable-http', url: server.http.url, era: 'modern' }];
  const gateway = await startGateway({ config: { mcps } });
  const token = await gateway.token('ada');
  const listen = (filter: object) => {
    const { body, headers } = modern('subscriptions/listen', { notifications: filter });
    return open(`${gateway.url}/mcp/one`, body, token, headers);
  };
  void server.nth(0).then((subscription) => subscription.acknowledge());
  const stands = follow(await listen({ toolsListChanged: true }));
  await until(() => stands.text().includes('acknowledged'), 'the subscription stands');
  const pending = listen({ resourceSubscriptions: ['slow:1'] });
  await server.nth(1);
  const [refused] = await Promise.all([pending, gateway.stop()]);
  expect(await stands.over).toBe('ended');
  expect(stands.text()).toContain('"result":{"resultType":"complete"');
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ id: 'q', error: { code: 50302 } });
});

describe('a gateway that was killed', () => {
  it('leaves no child, a record that verifies, and a state folder the next one starts on', async () => {
    const stateDir = stateFolder();
    const gateway = await start(stateDir);
    const token = await gateway.token('survivor');
    const calls = await Promise.all(
      ['stdio', 'http'].map((id) => slowCall(`${gateway.url}/mcp/${id}`, token, 60_000, 5)),
    );
    await legacyStream(`${gateway.url}/mcp/stdio`, token);
    for (const call of calls) await until(() => call.text().includes('"progress":3'), 'the call is under way');
    const family = children(gateway);
    expect(family.length).toBeGreaterThan(1);

    expect(await gateway.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    await expectGone(family);
    expect(await calls[0]?.over).toBe('cut');
    await expectVerified(stateDir);

    const next = await start(stateDir);
    const after = await connectV2(`${next.url}/mcp/stdio`, 'auto', { token });
    expect((await after.callTool('add', { a: 1, b: 2 })).structuredContent).toEqual({ sum: 3 });
    await after.close();
    await next.stop();
    await expectVerified(stateDir);
  });

  it('shows in the record that somebody changed it', async () => {
    const stateDir = stateFolder();
    const gateway = await start(stateDir);
    await gateway.token('one');
    await gateway.kill();
    const file = join(stateDir, 'audit', 'audit.jsonl');
    const changed = gateway.audit().map((line) => JSON.stringify(line).replace('"one', '"two'));
    writeFileSync(file, `${changed.join('\n')}\n`);
    const { code, stderr } = await runCli(['audit', 'verify', file]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('audit.jsonl:')]);
  });
});

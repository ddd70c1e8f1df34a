import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { type FixtureHttp, startFixtureHttp, stdioFixture } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { descendants, expectGone } from '../support/processes.ts';
import { until, within } from '../support/wait.ts';
import { follow, get, legacyStream, modern, modernStream, open, post } from './requests.ts';
import { testFolder } from './state.ts';

const stdio = stdioFixture();
let http: FixtureHttp;
beforeAll(async () => {
  http = await startFixtureHttp();
});
afterAll(async () => {
  await http?.stop();
  stdio.remove();
});

const program = (id: string, more = {}) => {
  return { id, transport: 'stdio', command: stdio.command, args: stdio.args, env: stdio.env, ...more };
};
const remote = (id: string) => ({ id, transport: 'streamable-http', url: http.url });

/** A gateway and the file it reads again on SIGHUP. */
async function start(mcps: object[]) {
  const file = join(testFolder(), 'sallyport.yaml');
  const write = (text: string) => writeFileSync(file, text, { mode: 0o600 });
  const settings = (servers: object[], more = {}) =>
    stringify({ server: { port: 0 }, admin: { port: 0 }, ...more, mcps: servers });
  write(settings(mcps));
  const gateway = await startGateway({ configFile: file });
  onTestFinished(async () => void (await gateway.stop()));
  const token = await gateway.token('reload');
  let generation = 1;
  const reload = async (servers: object[], more = {}) => {
    write(settings(servers, more));
    process.kill(gateway.pid, 'SIGHUP');
    generation += 1;
    const detail = `configuration reloaded, generation ${generation}`;
    await gateway.audited((line) => line.detail === detail, detail);
  };
  return { gateway, token, write, reload };
}

/** The processes of stdio servers that run now. */
const programs = (gateway: Gateway) =>
  descendants(gateway.pid).filter(({ command }) => command.includes(String(stdio.args[0])));

const servers = async (gateway: Gateway, token: string): Promise<string[]> => {
  const { body } = await get(`${gateway.url}/mcp/servers`, token);
  return body.servers.map(({ id }: { id: string }) => id);
};
const call = (gateway: Gateway, id: string, token: string, tool: string, args: object) => {
  const { body, headers } = modern('tools/call', { name: tool, arguments: args });
  return post(`${gateway.url}/mcp/${id}`, body, token, headers);
};

describe('a reload', () => {
  it('brings new servers, ends what belongs to removed ones, and leaves the others alone', async () => {
    const { gateway, token, reload } = await start([program('stays'), program('goes'), remote('leaves')]);
    const at = (id: string) => `${gateway.url}/mcp/${id}`;
    const kept = await Promise.all([legacyStream(at('stays'), token), modernStream(at('stays'), token)]);
    const pidsOfStays = programs(gateway).map(({ pid }) => pid);
    const doomed = await Promise.all([
      legacyStream(at('goes'), token),
      modernStream(at('goes'), token),
      legacyStream(at('leaves'), token),
      modernStream(at('leaves'), token),
    ]);
    const waiting = call(gateway, 'goes', token, 'slow_progress', { steps: 1, interval_ms: 600_000 });
    await gateway.audited(({ tool, type }) => type === 'decision' && tool === 'slow_progress', 'the call under way');
    const family = programs(gateway);
    const familyOfGoes = family.filter(({ pid }) => !pidsOfStays.includes(pid));
    expect([pidsOfStays.length, familyOfGoes.length]).toEqual([2, 2]);

    await reload([program('stays'), program('arrives')]);
    expect(await servers(gateway, token)).toEqual(['stays', 'arrives']);
    const ends = await within(Promise.all(doomed.map(({ over }) => over)), 'streams of removed servers are over');
    expect(new Set(ends)).toEqual(new Set(['ended']));
    const told = await waiting;
    expect([told.status, told.body.error]).toMatchObject([404, { code: 40405 }]);
    await expectGone(familyOfGoes);
    expect((await get(at('goes'), token)).status).toBe(404);

    expect((await call(gateway, 'arrives', token, 'add', { a: 1, b: 1 })).status).toBe(200);
    expect((await call(gateway, 'stays', token, 'add', { a: 1, b: 1 })).status).toBe(200);
    const alive = programs(gateway).map(({ pid }) => pid);
    expect(alive).toEqual(expect.arrayContaining(pidsOfStays));
    await call(gateway, 'stays', token, 'toggle_extra_tool', {});
    await until(() => kept[1]?.text().includes('tools/list_changed'), 'the kept subscription still carries news');
  });

  it('applies new rules to a server without a new start of it', async () => {
    const { gateway, token, reload } = await start([program('one')]);
    expect((await call(gateway, 'one', token, 'echo', { text: 'a' })).body.result).toBeDefined();
    const pids = programs(gateway).map(({ pid }) => pid);

    await reload([program('one', { tools: { deny: ['echo'] } })]);
    const refused = await call(gateway, 'one', token, 'echo', { text: 'a' });
    expect(refused.body.error).toMatchObject({ code: -32602, message: 'Unknown tool: echo' });
    expect((await call(gateway, 'one', token, 'add', { a: 1, b: 1 })).body.result).toBeDefined();
    expect(programs(gateway).map(({ pid }) => pid)).toEqual(pids);
  });

  it('that shows other tools of a server tells those of its clients who listen for that', async () => {
    const { gateway, token, reload } = await start([program('one'), remote('two'), remote('three')]);
    const at = (id: string) => `${gateway.url}/mcp/${id}`;
    const told = await Promise.all(
      ['one', 'two'].flatMap((id) => [legacyStream(at(id), token), modernStream(at(id), token)]),
    );
    const prompts = modern('subscriptions/listen', { notifications: { promptsListChanged: true } });
    const others = [
      follow(await open(at('one'), prompts.body, token, prompts.headers)),
      await modernStream(at('three'), token),
      await legacyStream(at('three'), token),
    ];
    for (const stream of [told[1], told[3], ...others.slice(0, 2)]) {
      await until(() => stream?.text().includes('acknowledged'), 'the subscription stands');
    }

    const tools = { deny: ['echo'] };
    await reload([program('one', { tools }), { ...remote('two'), tools }, remote('three')]);
    for (const stream of told) await until(() => stream.text().includes('tools/list_changed'), 'the client is told');
    await reload([program('one', { tools }), { ...remote('two'), tools }, { ...remote('three'), description: 'new' }]);
    for (const stream of told) expect(stream.text().split('tools/list_changed').length).toBe(2);
    expect(told[1]?.text()).toContain('"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"q"}}');
    for (const stream of others) expect(stream.text()).not.toContain('tools/list_changed');
  });

  it('starts a server anew whose command changed', async () => {
    const { gateway, token, reload } = await start([program('one')]);
    await call(gateway, 'one', token, 'echo', { text: 'a' });
    const family = programs(gateway);
    await reload([program('one', { env: { ...stdio.env, CHANGED: 'yes' } })]);
    await expectGone(family);
    expect((await call(gateway, 'one', token, 'echo', { text: 'a' })).status).toBe(200);
  });

  it('ends the streams of a configured token that is taken out', async () => {
    const secret = 'configured-token-of-the-reload-test';
    const auth = { methods: [{ type: 'token', tokens: [{ name: 'ci', token: secret }] }] };
    const { gateway, token, reload } = await start([remote('one')]);
    await reload([remote('one')], { auth });
    const [stream, kept] = await Promise.all([
      modernStream(`${gateway.url}/mcp/one`, secret),
      modernStream(`${gateway.url}/mcp/one`, token),
    ]);
    await reload([remote('one')]);
    expect(await within(stream.over, 'the stream of the token is over')).toBe('ended');
    expect((await get(`${gateway.url}/mcp/servers`, secret)).status).toBe(401);
    const answer = get(`${gateway.url}/mcp/servers`, token).then(({ status }) => status);
    expect(await Promise.race([kept.over, answer])).toBe(200);
  });

  it('of a faulty file changes nothing, and says why', async () => {
    const { gateway, token, write } = await start([remote('one')]);
    write('mcps: [{ id: one, transprt: stdio }]');
    process.kill(gateway.pid, 'SIGHUP');
    await until(() => gateway.stderr().includes('was not reloaded'), 'the log says so');
    expect(gateway.stderr()).toContain('transprt');
    expect(await servers(gateway, token)).toEqual(['one']);
  });

  it('warns of the settings that need a restart, and of no others', async () => {
    const { gateway, token, reload } = await start([remote('one')]);
    const limits = { header_bytes: 4096, body_bytes: 5000 };
    await reload([remote('one')], {
      server: { port: 0, limits, allowed_hosts: ['mcp.example.com'] },
      sessions: { max: 7 },
      health: { service: 'renamed' },
    });
    const needed = '"needs_restart":"server.limits.header_bytes, sessions.max"';
    await until(() => gateway.stderr().includes(needed), 'the log names the settings');
    const line = gateway
      .stderr()
      .split('\n')
      .find((text) => text.includes(needed));
    expect(line).toContain('"level":"warn"');
    expect((await get(`${gateway.url}/health`)).body).toMatchObject({ service: 'renamed' });
    expect(await servers(gateway, token)).toEqual(['one']);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV1, connectV2, type TestClient } from '../support/clients.ts';
import { expectGone, isAlive, processes } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { type Reply, type RpcMessage, toolValue } from './talk.ts';

const CLOSED = 50_203;
const TIMEOUT = 50_401;

interface Identity {
  readonly pid: number;
  readonly grandchild?: number;
}

/** How a test calls tools, whichever the era: always as the same session, or the same principal. */
interface Voice {
  readonly server: string;
  tool(id: string | number, name: string, args?: object): Promise<Reply>;
  pid(): Promise<number>;
}

const restart = { backoff_ms: 1, backoff_max_ms: 1, crash_loop_after: 1000 };
let gate: Gate;
beforeAll(async () => {
  const prompt = { restart, call_timeout_ms: 2_000 };
  gate = await Gate.start([
    script('legacy', ['server.mjs', 'legacy'], { restart }),
    script('modern', ['server.mjs', 'modern'], { restart }),
    script('legacy-prompt', ['server.mjs', 'legacy'], prompt),
    script('modern-prompt', ['server.mjs', 'modern'], prompt),
    script('legacy-noisy', ['server.mjs', 'legacy', 'noise'], { restart }),
    script('modern-noisy', ['server.mjs', 'modern', 'noise'], { restart }),
    script('family', ['server.mjs', 'legacy', 'fork', 'stubborn'], { restart }),
    script('other', ['server.mjs', 'modern']),
  ]);
});
afterAll(() => gate.stop());

async function voice(era: string, kind = ''): Promise<Voice> {
  const server = `${era}${kind}`;
  const caller = gate.caller(server);
  const speaker = era === 'legacy' ? await caller.open() : caller;
  const tool: Voice['tool'] = (id, name, args) => speaker.tool(id, name, args);
  return { server, tool, pid: async () => toolValue<Identity>(await tool('who', 'identity')).pid };
}

describe.each(['legacy', 'modern'])('a child that fails in the middle of a call (%s)', (era) => {
  it.each([
    ['dies before the end of its answer', 'die-mid-answer'],
    ['exits', 'exit'],
    ['prints a line of 50 MB', 'flood'],
    ['closes its stdout', 'close-stdout'],
  ])('%s: an error under the own id, one line with the remedy, and the next call works', async (_, tool) => {
    const { server, ...ada } = await voice(era);
    const pid = await ada.pid();
    const before = gate.remedies(server).length;
    const bystander = gate.caller('other').tool(1, 'echo', { still: 'here' });
    const { status, last } = await ada.tool('mine', tool);
    expect(last).toMatchObject({ id: 'mine', error: { code: CLOSED } });
    expect(status).toBe(502);
    expect(toolValue(await bystander)).toEqual({ still: 'here' });
    expect(await gate.told(server, before)).toHaveLength(1);
    expect(toolValue(await ada.tool('mine', 'echo', { back: true }))).toEqual({ back: true });
    expect(await ada.pid()).not.toBe(pid);
    expect(isAlive(pid)).toBe(false);
  });

  it('fails every call that waited, each under its own id, and no other', async () => {
    const ada = await voice(era);
    await ada.pid();
    const ids = ['a', 'b', 1, 2, '1', '2'];
    const waiting = ids.map((id) => ada.tool(id, 'hang'));
    const killer = ada.tool('killer', 'exit');
    const answers = [...(await Promise.all(waiting)), await killer];
    expect(answers.map(({ last }) => last.id)).toEqual([...ids, 'killer']);
    expect(answers.map(({ last }) => last.error?.code)).toEqual(answers.map(() => CLOSED));
  });

  it('does not answer one call: time runs out, the server is told, and the next call works on the same child', async () => {
    const { server, ...ada } = await voice(era, '-prompt');
    const pid = await ada.pid();
    const before = gate.remedies(server).length;
    const { status, last } = await ada.tool(1, 'hang');
    expect(last).toMatchObject({ id: 1, error: { code: TIMEOUT } });
    expect(status).toBe(504);
    expect(await gate.told(server, before)).toHaveLength(1);
    const received = toolValue<RpcMessage[]>(await ada.tool(1, 'received'));
    const question = era === 'legacy' ? 'ping' : 'server/discover';
    expect(received.slice(-3).map(({ method }) => method)).toEqual(['notifications/cancelled', question, 'tools/call']);
    expect(await ada.pid()).toBe(pid);
  });

  it('is stopped (SIGSTOP): one call times out, and the next works on another child', async () => {
    const ada = await voice(era, '-prompt');
    const pid = await ada.pid();
    process.kill(pid, 'SIGSTOP');
    const { status, last } = await ada.tool('mine', 'echo');
    expect([status, last.id, last.error?.code]).toEqual([504, 'mine', TIMEOUT]);
    expect(toolValue(await ada.tool('next', 'echo', { back: true }))).toEqual({ back: true });
    expect(await ada.pid()).not.toBe(pid);
    await until(() => !isAlive(pid), 'the hung child was killed');
  });

  it('is stopped (SIGSTOP) under several calls: each times out, then another child takes over', async () => {
    const ada = await voice(era, '-prompt');
    const pid = await ada.pid();
    process.kill(pid, 'SIGSTOP');
    const answers = await Promise.all([1, 2, 3].map((id) => ada.tool(id, 'echo')));
    expect(answers.map(({ status, last }) => [status, last.id, last.error?.code])).toEqual([
      [504, 1, TIMEOUT],
      [504, 2, TIMEOUT],
      [504, 3, TIMEOUT],
    ]);
    await until(() => !isAlive(pid), 'the hung child was killed');
    expect(await ada.pid()).not.toBe(pid);
  });

  it('prints noise between its answers: only answers reach the client', async () => {
    const ada = await voice(era, '-noisy');
    const answers = await Promise.all([1, '1', 2].map((id) => ada.tool(id, 'echo', { id })));
    expect(answers.map((answer) => [answer.last.id, toolValue(answer)])).toEqual([
      [1, { id: 1 }],
      ['1', { id: '1' }],
      [2, { id: 2 }],
    ]);
    expect(answers.every(({ messages }) => messages.length === 1)).toBe(true);
    const complaints = gate.log(ada.server).filter(({ message }) => message.includes('no message'));
    expect(complaints.length).toBeGreaterThan(0);
    expect(complaints.length).toBeLessThanOrEqual(10);
  });

  it('floods stderr: the call is answered, and the log stays short', async () => {
    const ada = await voice(era);
    const before = gate.gateway.stderr().length;
    expect(toolValue(await ada.tool(1, 'mutter'))).toBe('muttered');
    expect(gate.gateway.stderr().length - before).toBeLessThan(10_000);
  });

  it('answers ids nobody used: they are dropped, the right one arrives', async () => {
    const ada = await voice(era);
    const answer = await ada.tool('mine', 'wrong-id');
    expect([answer.messages.length, answer.last.id, toolValue(answer)]).toEqual([1, 'mine', 'right']);
  });
});

describe('a child with a family', () => {
  it('that ignores SIGTERM is gone, with its children, when its session has ended', async () => {
    const session = await gate.caller('family').open();
    const { pid, grandchild } = toolValue<Identity>(await session.tool(1, 'identity'));
    const family = processes().filter((found) => found.pid === pid || found.pid === grandchild);
    expect(family).toHaveLength(2);
    expect((await session.end()).status).toBe(204);
    await expectGone(family);
  });

  it('that dies leaves no children of its own', async () => {
    const session = await gate.caller('family').open();
    const { pid, grandchild } = toolValue<Identity>(await session.tool(1, 'identity'));
    const family = processes().filter((found) => found.pid === pid || found.pid === grandchild);
    process.kill(pid, 'SIGKILL');
    await expectGone(family);
    // The gateway hears of the end a moment after the system shows it; a call in that moment fails like the ones before it.
    const next = await until(async () => {
      const answer = await session.tool(1, 'identity');
      return answer.status === 200 ? toolValue<Identity>(answer) : undefined;
    }, 'the next call works');
    expect(next.pid).not.toBe(pid);
    await session.end();
    await until(() => !isAlive(next.pid), 'the second family is gone');
  });
});

describe('official clients', () => {
  const clients: [string, string, () => Promise<TestClient>][] = [
    ['SDK v1', 'legacy', () => connectV1(gate.url('legacy'), { token: gate.token() })],
    ['SDK v2 legacy', 'legacy', () => connectV2(gate.url('legacy'), 'legacy', { token: gate.token() })],
    ['SDK v2 modern', 'modern', () => connectV2(gate.url('modern'), 'auto', { token: gate.token() })],
  ];

  it.each(clients)('%s sees the failure and goes on', async (_, _server, connect) => {
    const client = await connect();
    await expect(client.callTool('die-mid-answer')).rejects.toThrow(/The server ended the connection/);
    expect((await client.callTool('echo', { on: 1 })).content).toEqual([{ type: 'text', text: '{"on":1}' }]);
    await client.close();
  });
});

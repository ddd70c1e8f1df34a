import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isDead } from '../support/processes.ts';
import { answer, type Script, ScriptedHttp } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { type Reply, toolValue } from './talk.ts';

const CLOSED = 50_203;
const SESSION_LOST = 50_207;
const ROUNDS = 10;

interface Identity {
  readonly pid: number;
}

/** A server with sessions that it forgets when the test says so. */
class Forgetful {
  readonly http: ScriptedHttp;
  /** Every tools/call it carried out. */
  readonly done: unknown[] = [];
  introductions = 0;
  /** What becomes of calls of a session it does not know. */
  refusesAll = false;
  #known = '';

  constructor(http: ScriptedHttp) {
    this.http = http;
    http.otherwise = this.#serve;
  }

  forget(): void {
    this.#known = 'forgotten';
  }

  reset(): void {
    this.done.length = 0;
    this.introductions = 0;
    this.refusesAll = false;
  }

  #serve: Script = (request, response) => {
    const { id, method, params } = request.rpc;
    if (method === 'initialize') {
      this.introductions += 1;
      this.#known = `session-${Math.random()}`;
      const result = {
        protocolVersion: params?.protocolVersion,
        capabilities: {},
        serverInfo: { name: 's', version: '1' },
      };
      const headers = { 'content-type': 'application/json', 'mcp-session-id': this.#known };
      return void response.writeHead(200, headers).end(answer(request, result));
    }
    if (request.headers['mcp-session-id'] !== this.#known) return void response.writeHead(404).end();
    if (id === undefined) return void response.writeHead(202).end();
    if (method === 'tools/call' && this.refusesAll) return void response.writeHead(404).end();
    if (method === 'tools/call') this.done.push(params?.arguments);
    const tools = [{ name: 'tool', inputSchema: { type: 'object' } }];
    const result = method === 'tools/list' ? { tools } : { content: [{ type: 'text', text: '"done"' }] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer(request, result));
  };
}

let forgetful: Forgetful;
let gate: Gate;
beforeAll(async () => {
  forgetful = new Forgetful(await ScriptedHttp.start());
  const restart = { backoff_ms: 1, backoff_max_ms: 1, crash_loop_after: 1000 };
  const limits = { spawns_per_minute: 1000 };
  gate = await Gate.start([
    script('modern', ['server.mjs', 'modern'], { restart, limits }),
    script('legacy', ['server.mjs', 'legacy'], { restart, limits }),
    script('shared', ['server.mjs', 'legacy'], { restart, limits, child: 'shared' }),
    { id: 'remote', transport: 'streamable-http', url: forgetful.http.url, era: 'legacy' },
  ]);
});
beforeEach(() => forgetful.reset());
afterAll(async () => {
  await gate.stop();
  await forgetful.http.stop();
});

describe.each(['modern', 'legacy', 'shared'])('between two calls, a child (%s)', (server) => {
  it('that is killed is no news to the client: the next call is served by another', async () => {
    const caller = gate.caller(server);
    const speaker = server === 'modern' ? caller : await caller.open();
    const pids = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      const { pid } = toolValue<Identity>(await speaker.tool(round, 'identity'));
      pids.add(pid);
      process.kill(pid, 'SIGKILL');
      await until(() => isDead(pid), 'the child is dead, whether or not the gateway has heard');
      const replies = await Promise.all(['a', 'b'].map((id) => speaker.tool(id, 'echo', { id })));
      expect(replies.map((reply) => [reply.last.id, toolValue(reply)])).toEqual([
        ['a', { id: 'a' }],
        ['b', { id: 'b' }],
      ]);
    }
    expect(pids.size).toBe(ROUNDS);
  });

  it('that dies with a call in hand fails that call: it may have been carried out', async () => {
    const speaker = server === 'modern' ? gate.caller(server) : await gate.caller(server).open();
    const { status, last } = await speaker.tool('mine', 'exit');
    expect([status, last.id, last.error?.code]).toEqual([502, 'mine', CLOSED]);
    expect(toolValue(await speaker.tool(2, 'echo', { back: true }))).toEqual({ back: true });
  });
});

describe('a session that an HTTP server has forgotten', () => {
  const outcome = ({ status, last }: Reply) => [status, last.id, last.error?.code];

  it('is opened anew for the call that meets 404, which is carried out once', async () => {
    const session = await gate.caller('remote').open();
    expect(outcome(await session.tool('first', 'tool', { n: 0 }))).toEqual([200, 'first', undefined]);
    forgetful.forget();
    const replies = await Promise.all([1, 2, 3, 4, 5].map((n) => session.tool(n, 'tool', { n })));
    expect(replies.map(outcome)).toEqual([1, 2, 3, 4, 5].map((n) => [200, n, undefined]));
    expect(forgetful.done.map((args) => (args as { n: number }).n).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(forgetful.introductions).toBe(2);
  });

  it('is opened anew once and no more: a server that goes on saying 404 is an error', async () => {
    const session = await gate.caller('remote').open();
    forgetful.refusesAll = true;
    const before = forgetful.http.of('tools/call').length;
    expect(outcome(await session.tool('mine', 'tool'))).toEqual([502, 'mine', SESSION_LOST]);
    expect(forgetful.http.of('tools/call').length - before).toBe(2);
    forgetful.refusesAll = false;
    expect(outcome(await session.tool('next', 'tool', { n: 9 }))).toEqual([200, 'next', undefined]);
    expect(forgetful.done).toEqual([{ n: 9 }]);
  });
});

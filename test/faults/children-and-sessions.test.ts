import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { Gate, script, type Who } from './gate.ts';
import { type Reply, toolValue } from './talk.ts';

const BUSY = 50_304;
const TOO_MANY_SESSIONS = 42_901;

interface Speaker {
  tool(id: string | number, name: string, args?: object): Promise<Reply>;
}

const pidOf = async (speaker: Speaker) => toolValue<{ pid: number }>(await speaker.tool(1, 'identity')).pid;

describe('who shares a child', () => {
  let gate: Gate;
  beforeAll(async () => {
    const kinds = [{}, { child: 'per_session' }, { child: 'per_principal' }, { child: 'shared' }];
    gate = await Gate.start(
      ['legacy', 'modern'].flatMap((era) =>
        kinds.map((kind) => script(`${era}-${kind.child ?? 'default'}`, ['server.mjs', era], kind)),
      ),
    );
  });
  afterAll(() => gate.stop());

  /** Pids seen by two sessions (or requests) of Ada's and one of Bob's, as letters: equal letters are equal processes. */
  async function sharing(server: string): Promise<string> {
    const legacy = server.startsWith('legacy');
    const open = (who: Who) => (legacy ? gate.caller(server, who).open() : gate.caller(server, who));
    const speakers = await Promise.all([open('ada'), open('ada'), open('bob')]);
    const pids = await Promise.all(speakers.map(pidOf));
    expect(await Promise.all(speakers.map(pidOf))).toEqual(pids);
    return pids.map((pid) => 'abc'[pids.indexOf(pid)]).join('');
  }

  it.each([
    ['legacy-default', 'abc'],
    ['legacy-per_session', 'abc'],
    ['legacy-per_principal', 'aac'],
    ['legacy-shared', 'aaa'],
    ['modern-default', 'aac'],
    // The modern era has no sessions: what can be kept apart are principals.
    ['modern-per_session', 'aac'],
    ['modern-per_principal', 'aac'],
    ['modern-shared', 'aaa'],
  ])('%s: Ada, Ada again, Bob → %s', async (server, expected) => {
    expect(await sharing(server)).toBe(expected);
  });

  it('a session that is ended takes its own child along, and no other', async () => {
    const [one, two] = await Promise.all([1, 2].map(() => gate.caller('legacy-default').open()));
    const [first, second] = [await pidOf(one!), await pidOf(two!)];
    expect((await one?.end())?.status).toBe(204);
    await until(() => !isAlive(first), 'its child is gone');
    expect(await one?.tool(1, 'identity')).toMatchObject({ status: 404, last: { id: 1 } });
    expect(await pidOf(two!)).toBe(second);
  });
});

describe('caps', () => {
  let gate: Gate;
  beforeAll(async () => {
    const mcps = [
      script('two-children', ['server.mjs', 'legacy'], { limits: { children: 2 } }),
      script('one-child', ['server.mjs', 'modern'], { limits: { children: 1 } }),
      script('two-starts', ['server.mjs', 'legacy'], { limits: { spawns_per_minute: 2 } }),
      script('two-calls', ['server.mjs', 'modern'], { limits: { pending_calls: 2 } }),
      script('other', ['server.mjs', 'legacy']),
    ];
    gate = await Gate.start(mcps, { sessions: { max: 6, max_per_principal: 4 } });
  });
  afterAll(() => gate.stop());

  const busy = (id: string | number) => ({ status: 503, last: { id, error: { code: BUSY } } });

  it('children: one more is refused, and served when another has gone', async () => {
    const caller = gate.caller('two-children');
    const [one, two] = [await caller.open(), await caller.open()];
    const refused = await caller.initialize('third');
    expect(refused).toMatchObject(busy('third'));
    expect(refused.headers.get('retry-after')).not.toBeNull();
    await one.end();
    const three = await caller.open();
    expect(await pidOf(three)).not.toBe(await pidOf(two));
    await Promise.all([two.end(), three.end()]);
  });

  it('children: an idle one makes room, a busy one does not', async () => {
    const [ada, bob] = [gate.caller('one-child'), gate.caller('one-child', 'bob')];
    const first = await pidOf(ada);
    expect(await pidOf(bob)).not.toBe(first);
    expect(isAlive(first)).toBe(false);
    const client = new AbortController();
    const hanging = bob.tool(1, 'hang', {}, { signal: client.signal }).catch(() => undefined);
    await until(async () => JSON.stringify((await bob.tool(2, 'received')).last).includes('hang'), 'Bob’s call runs');
    expect(await ada.tool('mine', 'echo')).toMatchObject(busy('mine'));
    client.abort();
    await hanging;
    await until(async () => (await ada.tool(1, 'echo', {})).status === 200, 'there is room for Ada');
  });

  it('starts per minute: one more is refused, those that run go on', async () => {
    const caller = gate.caller('two-starts');
    const [one, two] = [await caller.open(), await caller.open()];
    await one.end();
    expect(await caller.initialize('third')).toMatchObject(busy('third'));
    expect(toolValue(await two.tool(1, 'echo', { on: 1 }))).toEqual({ on: 1 });
    await two.end();
  });

  it('calls: one more is refused, and served when another is over', async () => {
    const caller = gate.caller('two-calls');
    await caller.tool(1, 'echo');
    const clients = [new AbortController(), new AbortController()];
    const [first, second] = clients.map(({ signal }) => caller.tool(1, 'hang', {}, { signal }).catch(() => undefined));
    await until(async () => (await caller.tool('mine', 'echo')).status === 503, 'both calls wait');
    expect(await caller.tool('mine', 'echo')).toMatchObject(busy('mine'));
    clients[0]?.abort();
    await first;
    await until(async () => (await caller.tool('mine', 'echo', {})).status === 200, 'there is room again');
    clients[1]?.abort();
    await second;
  });

  it('sessions: one more is refused, of one caller and of all, and opened when another has ended', async () => {
    const [ada, bob] = [gate.caller('other'), gate.caller('other', 'bob')];
    const many = { status: 429, last: { id: 'more', error: { code: TOO_MANY_SESSIONS } } };
    const hers = await Promise.all([1, 2, 3, 4].map(() => ada.open()));
    expect(await ada.initialize('more')).toMatchObject(many);
    const his = await Promise.all([1, 2].map(() => bob.open()));
    expect(await bob.initialize('more')).toMatchObject(many);
    await hers.pop()?.end();
    hers.push(await ada.open());
    await Promise.all([...hers, ...his].map((session) => session.end()));
  });
});

describe('a session nobody uses', () => {
  let gate: Gate;
  beforeAll(async () => {
    const sessions = { idle_timeout_ms: 500, max_per_principal: 1 };
    gate = await Gate.start([script('old', ['server.mjs', 'legacy'])], { sessions });
  });
  afterAll(() => gate.stop());

  it('ends with its child when its time is over, and makes room for the next', async () => {
    const caller = gate.caller('old');
    const idle = await caller.open();
    const pid = await pidOf(idle);
    expect((await caller.initialize()).status).toBe(429);
    const next = await until(() => caller.open().catch(() => undefined), 'there is room for a session');
    await until(() => !isAlive(pid), 'the child of the idle session is gone');
    expect(await idle.tool(1, 'echo')).toMatchObject({ status: 404, last: { id: 1, error: { code: 40_401 } } });
    expect(isAlive(await pidOf(next))).toBe(true);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, child, leaseFor, tool } from '../../test/support/children/bench.ts';
import { httpSettings, leaseModern, notification, recordingLog } from '../../test/support/lane-calls.ts';
import { ScriptedListen, type ScriptedSubscription } from '../../test/support/scripted-listen.ts';
import { until } from '../../test/support/wait.ts';
import { createHttpUpstream } from '../upstream/http-upstream.ts';
import type { Lane, Upstream } from '../upstream/lane.ts';
import type { EventCopies } from './event-copies.ts';
import type { Listener } from './listener.ts';
import type { SharedSubscription } from './shared-subscription.ts';
import { SharedSubscriptions } from './shared-subscriptions.ts';
import type { Ending } from './upstream-subscription.ts';

/** Writes down what it hears, in order. */
class Ear implements Listener {
  readonly server = 'demo';
  readonly terms = { revision: '2026-07-28', timeoutMs: 10_000 } as const;
  readonly topics: ReadonlySet<string>;
  readonly heard: string[] = [];
  ending: Ending | undefined;
  shared: SharedSubscription | undefined;

  constructor(...topics: string[]) {
    this.topics = new Set(topics);
  }

  acknowledged(granted: ReadonlySet<string>): void {
    this.heard.push(`ack ${[...granted].join()}`);
  }

  event({ message }: EventCopies): void {
    this.heard.push(`${message.method?.slice(14)} ${message.params?.string('uri') ?? ''}`.trimEnd());
  }

  ended(ending: Ending): void {
    this.ending = ending;
    this.heard.push('end');
  }

  leave(): void {
    this.shared?.leave(this);
  }
}

const CHANGED = 'notifications/tools/list_changed';
const UPDATED = 'notifications/resources/updated';
const CHANGED_HEARD = 'tools/list_changed';

let server: ScriptedListen;
let upstream: Upstream;
let all: SharedSubscriptions;
/** Servers whose list of tools is known to be another. */
const relisted: string[] = [];
beforeEach(async () => {
  server = await ScriptedListen.start();
  const settings = httpSettings(server.http.url, { limits: { response_bytes: 1_000_000, pending_calls: 100 } });
  upstream = createHttpUpstream(settings, { log: recordingLog([]), onState: () => {} });
  relisted.length = 0;
  all = new SharedSubscriptions((name) => void relisted.push(name));
});
afterEach(async () => {
  await upstream.close(AbortSignal.timeout(2_000));
  await server.stop();
});

async function join(...topics: string[]): Promise<Ear> {
  const ear = new Ear(...topics);
  ear.shared = all.join(await leaseModern(upstream), ear);
  return ear;
}

/** One that listens already. */
async function listening(...topics: string[]): Promise<Ear> {
  const place = server.subscriptions.length;
  const ear = await join(...topics);
  (await server.nth(place)).acknowledge();
  await hears(ear, 1);
  return ear;
}

const hears = (ear: Ear, count: number) =>
  until(() => ear.heard.length >= count, `${count} things are heard, not only: ${ear.heard}`);

describe('a subscription many share', () => {
  it("is asked for once, in the gateway's own name, and each hears what it asked for", async () => {
    const tools = await listening('tools', 'resource a:1');
    const others = await Promise.all(Array.from({ length: 50 }, () => join('tools')));
    expect(others.map(({ heard }) => heard)).toEqual(others.map(() => ['ack tools']));
    server.subscriptions[0]?.say(UPDATED, { uri: 'a:1' });
    server.subscriptions[0]?.say(CHANGED);
    for (const ear of others) await hears(ear, 2);
    expect(new Set(others.map(({ heard }) => heard.join()))).toEqual(new Set([`ack tools,${CHANGED_HEARD}`]));
    expect(tools.heard).toEqual(['ack tools,resource a:1', 'resources/updated a:1', CHANGED_HEARD]);
    expect(relisted).toEqual(['demo']);
    expect(server.subscriptions.length).toBe(1);
    const { params } = server.http.of('subscriptions/listen')[0]?.rpc ?? {};
    expect(params).toEqual({
      notifications: { toolsListChanged: true, resourceSubscriptions: ['a:1'] },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    });
  });

  it('tells of a sub-resource who asked for what it lies in, once, and nobody else', async () => {
    const dir = await listening('resource file:///dir', 'resource file:///dir/', 'resource file:///dir/a', 'tools');
    const [same, other] = [await join('resource file:///dir/'), await join('resource file:///dir/a')];
    await hears(other, 1);
    server.subscriptions[0]?.say(UPDATED, { uri: 'file:///dir/child.txt' });
    server.subscriptions[0]?.say(UPDATED, { uri: 'file:///directory' });
    server.subscriptions[0]?.say(CHANGED);
    await hears(dir, 3);
    expect(dir.heard.slice(1)).toEqual(['resources/updated file:///dir/child.txt', CHANGED_HEARD]);
    expect(same.heard.slice(1)).toEqual(['resources/updated file:///dir/child.txt']);
    expect(other.heard.slice(1)).toEqual([]);
  });

  it('acknowledges what the server granted of what was asked, and passes on nothing else', async () => {
    const ear = await join('tools', 'prompts', 'resource a:1');
    const subscription = await server.nth(0);
    subscription.say(CHANGED);
    subscription.acknowledge({ toolsListChanged: true, resourcesListChanged: true, resourceSubscriptions: ['b:2'] });
    subscription.acknowledge();
    subscription.say('notifications/prompts/list_changed');
    subscription.say('notifications/resources/list_changed');
    subscription.say(UPDATED, { uri: 'b:2' });
    subscription.say(UPDATED, { uri: 'a:1' });
    subscription.say('notifications/message', { level: 'info', data: 1 });
    subscription.say(CHANGED, {}, {});
    subscription.say(CHANGED, {}, { 'io.modelcontextprotocol/subscriptionId': 'other' });
    subscription.say(CHANGED);
    await hears(ear, 2);
    expect(ear.heard).toEqual(['ack tools', CHANGED_HEARD]);
  });

  it('ends a listener to whom the server grants nothing, and no other', async () => {
    const ear = await listening('tools');
    const deaf = await join('prompts');
    (await server.nth(1)).acknowledge({ toolsListChanged: true });
    await hears(deaf, 2);
    expect(deaf.heard).toEqual(['ack ', 'end']);
    server.subscriptions[1]?.say(CHANGED);
    await hears(ear, 2);
    expect(ear.heard).toEqual(['ack tools', CHANGED_HEARD]);
  });

  it('is closed with the last listener', async () => {
    const first = await listening('tools');
    const second = await join('tools');
    first.leave();
    expect(all.size).toBe(1);
    expect(server.open.length).toBe(1);
    second.leave();
    second.leave();
    await server.subscriptions[0]?.over;
    expect(all.size).toBe(0);
    expect([first.heard, second.heard]).toEqual([['ack tools'], ['ack tools']]);
    await listening('tools');
    expect(server.subscriptions.length).toBe(2);
  });
});

describe('a listener that asks for very much', () => {
  it("is given a subscription of its own, so that its size is nobody else's matter", async () => {
    const first = await listening('tools');
    const greedy = await join(`resource ${'x'.repeat(300_000)}`);
    (await server.nth(1)).acknowledge();
    await hears(greedy, 1);
    expect(server.open.length).toBe(2);
    expect(all.size).toBe(2);
    const other = await join('tools');
    expect(other.heard).toEqual(['ack tools']);
    greedy.leave();
    await server.subscriptions[1]?.over;
    expect(all.size).toBe(1);
    expect(first.heard).toEqual(['ack tools']);
  });
});

describe('when somebody asks for more', () => {
  it('the wider subscription is acknowledged before the old one is closed, and nothing is lost or told twice', async () => {
    const first = await listening('tools');
    const second = await join('tools', 'resource a:1');
    const wider = await server.nth(1);
    expect(wider.asked).toEqual({ toolsListChanged: true, resourceSubscriptions: ['a:1'] });
    const [narrow] = server.subscriptions;
    narrow?.say(CHANGED);
    await hears(first, 2);
    expect(second.heard).toEqual([]);
    expect(narrow?.isOver).toBe(false);

    wider.acknowledge();
    await hears(second, 1);
    for (const subscription of [narrow, wider]) subscription?.say(CHANGED);
    for (const subscription of [wider, narrow]) subscription?.say(CHANGED);
    wider.say(UPDATED, { uri: 'a:1' });
    await hears(second, 4);
    await narrow?.over;
    wider.say(CHANGED);
    await hears(second, 5);
    await hears(first, 5);
    expect(first.heard).toEqual(['ack tools', ...Array(4).fill(CHANGED_HEARD)]);
    expect(second.heard.filter((heard) => heard === CHANGED_HEARD).length).toBe(3);
    expect(server.open).toEqual([wider]);
  });

  it('only one is being opened at a time: who comes meanwhile is in the next', async () => {
    const ears = [await join('resource a'), await join('resource b'), await join('resource c')];
    (await server.nth(0)).acknowledge();
    (await server.nth(1)).acknowledge();
    for (const ear of ears) await hears(ear, 1);
    expect(server.subscriptions.map(({ asked }) => asked.resourceSubscriptions)).toEqual([['a'], ['a', 'b', 'c']]);
  });

  it('a refusal reaches who asked, and nobody else', async () => {
    const first = await listening('tools');
    const pending = await join('resource p');
    const [good, bad] = [await join('resource good'), await join('resource bad')];
    (await server.nth(1)).acknowledge();
    await hears(pending, 1);
    (await server.nth(2)).refuse(-32602, 'no such resource');
    (await server.nth(3)).acknowledge();
    await hears(good, 1);
    (await server.nth(4)).refuse(-32602, 'no such resource');
    await hears(bad, 1);
    expect(bad.ending).toEqual({ kind: 'refused', rpcCode: -32602 });
    expect([first.heard, pending.heard, good.heard]).toEqual([
      ['ack tools'],
      ['ack resource p'],
      ['ack resource good'],
    ]);
  });

  it('a narrower one is asked for when most of it is no longer wanted', async () => {
    const wide = await listening(...Array.from({ length: 40 }, (_, at) => `resource ${at}`));
    const small = await join('resource 0');
    wide.leave();
    const narrow = await server.nth(1);
    expect(narrow.asked).toEqual({ resourceSubscriptions: ['0'] });
    const late = await join('resource 5');
    narrow.acknowledge();
    (await server.nth(2)).acknowledge();
    await hears(late, 1);
    server.subscriptions[2]?.say(UPDATED, { uri: '0' });
    await hears(small, 2);
    expect(small.heard).toEqual(['ack resource 0', 'resources/updated 0']);
  });
});

describe('a listener whose subscription the server does not acknowledge', () => {
  it('holds nobody up once it has left', async () => {
    const slow = await join('resource slow');
    const other = await join('tools');
    const unanswered = await server.nth(0);
    slow.leave();
    const next = await server.nth(1);
    expect(next.asked).toEqual({ toolsListChanged: true });
    next.acknowledge();
    await hears(other, 1);
    await unanswered.over;
    expect([slow.heard, other.heard]).toEqual([[], ['ack tools']]);
  });

  it('waits apart from those who come later, and hears its own when it is acknowledged after all', async () => {
    const slow = await join('resource slow');
    const other = await join('tools');
    const next = await server.nth(1);
    expect(next.asked).toEqual({ toolsListChanged: true });
    next.acknowledge();
    await hears(other, 1);
    server.subscriptions[0]?.acknowledge();
    await hears(slow, 1);
    server.subscriptions[0]?.say(UPDATED, { uri: 'slow' });
    server.subscriptions[1]?.say(CHANGED);
    for (const ear of [slow, other]) await hears(ear, 2);
    expect(slow.heard).toEqual(['ack resource slow', 'resources/updated slow']);
    expect(other.heard).toEqual(['ack tools', CHANGED_HEARD]);
    other.leave();
    await server.subscriptions[1]?.over;
    expect(server.open).toEqual([server.subscriptions[0]]);
    slow.leave();
    await server.subscriptions[0]?.over;
    expect(all.size).toBe(0);
  });

  it('does not take with it those who were asked for together with it', async () => {
    const first = await listening('prompts');
    const pending = await join('resource p');
    const [slow, good] = [await join('resource slow'), await join('tools')];
    (await server.nth(1)).acknowledge();
    await hears(pending, 1);
    const together = await server.nth(2);
    expect(together.asked.resourceSubscriptions).toEqual(['p', 'slow']);
    const alone = [await server.nth(3), await server.nth(4)];
    expect(alone.map(({ asked }) => asked)).toEqual([{ resourceSubscriptions: ['slow'] }, { toolsListChanged: true }]);
    alone[1]?.acknowledge();
    await hears(good, 1);
    alone[1]?.say(CHANGED);
    server.subscriptions[1]?.say('notifications/prompts/list_changed');
    for (const ear of [good, first]) await hears(ear, 2);
    all.announce('tools', notification(CHANGED), () => true);
    expect(good.heard).toEqual(['ack tools', CHANGED_HEARD, CHANGED_HEARD]);
    alone[0]?.drop();
    await hears(slow, 1);
    expect(slow.ending).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_CLOSED' } });
    expect(pending.heard).toEqual(['ack resource p']);
  });

  it('is asked for once however long it waits, and is shared again by then', async () => {
    const ears = [await join('tools'), await join('tools')];
    const other = await join('prompts');
    // The server was slow: somebody else is asked for.
    await server.nth(1);
    other.leave();
    await server.subscriptions[1]?.over;
    server.subscriptions[0]?.acknowledge();
    for (const ear of ears) await hears(ear, 1);
    ears.push(await join('tools'));
    expect(ears.map(({ heard }) => heard)).toEqual([['ack tools'], ['ack tools'], ['ack tools']]);
    expect(server.subscriptions.length).toBe(2);
    server.subscriptions[0]?.say(CHANGED);
    for (const ear of ears) await hears(ear, 2);
  });

  it.each([
    ['an HTTP error', (bad: ScriptedSubscription) => bad.answerStatus(500), 'UPSTREAM_STATUS'],
    ['a lost connection', (bad: ScriptedSubscription) => bad.drop(), 'UPSTREAM_CLOSED'],
    ['a result', (bad: ScriptedSubscription) => bad.finish(), 'UPSTREAM_INVALID'],
  ])('but ends with %s, is the only one that does', async (_what, end, code) => {
    const first = await listening('tools');
    const pending = await join('resource p');
    const ears = [await join('resource good'), await join('resource bad'), await join('resource fine')];
    (await server.nth(1)).acknowledge();
    await hears(pending, 1);
    end(await server.nth(2));
    for (const place of [3, 4, 5]) {
      const subscription = await server.nth(place);
      if (subscription.asked.resourceSubscriptions?.includes('bad')) end(subscription);
      else subscription.acknowledge();
    }
    for (const ear of ears) await hears(ear, 1);
    expect(ears.map(({ heard }) => heard)).toEqual([['ack resource good'], ['end'], ['ack resource fine']]);
    expect(ears[1]?.ending).toMatchObject({ kind: 'failed', problem: { code } });
    expect([first.heard, pending.heard]).toEqual([['ack tools'], ['ack resource p']]);
  });
});

describe('when the server ends it', () => {
  it('with a result, everybody gets it', async () => {
    const ears = [await listening('tools'), await join('tools')];
    server.subscriptions[0]?.finish();
    for (const ear of ears) await hears(ear, 2);
    expect(ears.map(({ ending }) => ending)).toEqual([{ kind: 'complete' }, { kind: 'complete' }]);
    expect(all.size).toBe(0);
  });

  it('by cancelling, it is ended without a word of the server', async () => {
    const ear = await listening('tools');
    server.subscriptions[0]?.cancel();
    await hears(ear, 2);
    expect(ear.ending).toEqual({ kind: 'complete' });
    await server.subscriptions[0]?.over;
  });

  it.each([
    ['asks for input', { resultType: 'input_required', inputRequests: { a: { method: 'elicitation/create' } } }],
    ['is of a type nobody knows', { resultType: 'wat' }],
    ['is of no type', {}],
  ])('with a result that %s, nobody gets that', async (_what, result) => {
    const ear = await listening('tools');
    server.subscriptions[0]?.finish(result);
    await hears(ear, 2);
    const early = await join('tools');
    (await server.nth(1)).finish(result);
    await hears(early, 1);
    for (const { ending } of [ear, early]) {
      expect(ending).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_INVALID' } });
    }
  });

  it.each(['finish', 'cancel'] as const)('before it acknowledged anything (%s), that is no end', async (way) => {
    const ear = await join('tools');
    (await server.nth(0))[way]();
    await hears(ear, 1);
    expect(ear.ending).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_INVALID' } });
    const next = await listening('tools');
    server.subscriptions[1]?.[way]();
    await hears(next, 2);
    expect(next.ending).toEqual({ kind: 'complete' });
  });

  it.each([
    [-32603, { kind: 'refused', rpcCode: -32603 }],
    [-32020, { kind: 'failed', problem: { code: 'UPSTREAM_INVALID' } }],
    [-32021, { kind: 'failed', problem: { code: 'UPSTREAM_INVALID' } }],
  ])('with the error %d, everybody gets the code where it concerns them, and no word of it', async (code, ending) => {
    const ears = [await listening('resource a'), await join('resource a')];
    server.subscriptions[0]?.fail(code, 'cannot watch resource a');
    for (const ear of ears) await hears(ear, 2);
    for (const ear of ears) expect(ear.ending).toMatchObject(ending);
    expect(JSON.stringify(ears.map((ear) => ear.ending))).not.toContain('watch');
  });

  it('by dropping the stream, it is lost; who waits for another is not concerned', async () => {
    const ear = await listening('tools');
    const waiting = await join('prompts');
    const next = await server.nth(1);
    server.subscriptions[0]?.drop();
    await hears(ear, 2);
    expect(ear.ending).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_CLOSED' } });
    next.acknowledge();
    await hears(waiting, 1);
    expect(waiting.heard).toEqual(['ack prompts']);
  });

  it('thinking better of what it granted, who was promised more is ended', async () => {
    const ear = await listening('tools');
    const other = await join('prompts');
    (await server.nth(1)).acknowledge({ promptsListChanged: true });
    await hears(other, 1);
    expect(ear.heard).toEqual(['ack tools', 'end']);
  });
});

describe('a listener while others come and go', () => {
  /** Others that ask for something new, one after the other, while `say` is called again and again. */
  async function churn(steady: Ear, lane: () => Promise<Lane>, say: () => unknown): Promise<number> {
    let said = 0;
    for (let round = 0; round < 6; round += 1) {
      const other = new Ear(`resource ${round}`);
      other.shared = all.join(await lane(), other);
      while (other.heard.length === 0) {
        await say();
        said += 1;
        // Let the answers in.
        await new Promise(setImmediate);
      }
      if (round % 2 === 0) other.leave();
    }
    await hears(steady, said + 1);
    return said;
  }

  it('hears each event once over connections that know nothing of each other', async () => {
    const ear = await listening('tools');
    let place = 1;
    let told = 0;
    const say = async () => {
      told += 1;
      // Each event to every subscription that stands, in no particular order.
      for (const subscription of told % 2 ? server.open : server.open.reverse()) {
        if (subscription.isAcknowledged) subscription.say(CHANGED);
      }
      const next = server.subscriptions[place];
      if (next === undefined) return;
      // No event from before it stood is under way any more.
      await hears(ear, told + 1);
      next.acknowledge();
      place += 1;
    };
    const said = await churn(ear, () => leaseModern(upstream), say);
    expect(ear.heard.length).toBe(said + 1);
    expect(new Set(ear.heard.slice(1))).toEqual(new Set([CHANGED_HEARD]));
  });

  it('hears each event once over one pipe', async () => {
    const bench = new Bench();
    const stdio = bench.upstream({ args: child('server.mjs', 'modern'), era: 'modern', child: 'shared' });
    const lane = () => stdio.lease(leaseFor('modern', 'ada'));
    const ear = new Ear('tools');
    const speaker = await lane();
    all.join(await lane(), ear);
    await hears(ear, 1);
    const said = await churn(ear, lane, () => tool(speaker, 'announce'));
    expect(ear.heard.length).toBe(said + 1);
    await bench.closeAll();
  });
});

it('the gateway can tell listeners of something it did', async () => {
  const [ear, other] = [await listening('tools'), await join('prompts')];
  (await server.nth(1)).acknowledge();
  await hears(other, 1);
  all.announce('tools', notification(CHANGED), ({ server }) => server === 'demo');
  all.announce('tools', notification(CHANGED), ({ server }) => server === 'another');
  expect(ear.heard).toEqual(['ack tools', CHANGED_HEARD]);
  expect(other.heard).toEqual(['ack prompts']);
});

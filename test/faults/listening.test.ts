import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { follow, modern, type OpenStream, open } from '../e2e/requests.ts';
import { type Filter, ScriptedListen } from '../support/scripted-listen.ts';
import { until, within } from '../support/wait.ts';
import { Gate, type Who } from './gate.ts';
import type { RpcMessage } from './talk.ts';

const BUFFER = 65_536;
const MOST_STREAMS = 20;
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const CHANGED = 'notifications/tools/list_changed';
const UPDATED = 'notifications/resources/updated';

let upstream: ScriptedListen;
let gate: Gate;
beforeAll(async () => {
  upstream = await ScriptedListen.start();
  const mcps = [{ id: 'http', transport: 'streamable-http', url: upstream.http.url, era: 'modern' }];
  const streams = { buffer_bytes: BUFFER, max_per_principal: MOST_STREAMS, keep_alive_ms: 250 };
  gate = await Gate.start(mcps, { streams });
});
afterAll(async () => {
  await gate.stop();
  await upstream.stop();
});

/** A listener as it reads its stream. */
interface Listener extends OpenStream {
  messages(): RpcMessage[];
  leave(): void;
}

const listeners: Listener[] = [];
beforeEach(() => {
  upstream.subscriptions.length = 0;
  upstream.acknowledges = false;
});
afterEach(async () => {
  for (const listener of listeners.splice(0)) listener.leave();
  await until(() => upstream.open.length === 0, 'the server has no listener left');
});

async function answerTo(filter: unknown, id: string | number, who: Who, signal?: AbortSignal): Promise<Response> {
  const { body, headers } = modern('subscriptions/listen', { notifications: filter }, id);
  return open(gate.url('http'), body, gate.token(who), headers, signal);
}

async function listen(filter: Filter, id: string | number = 1, who: Who = 'ada'): Promise<Listener> {
  const leaving = new AbortController();
  const stream = follow(await answerTo(filter, id, who, leaving.signal));
  const lines = () => stream.text().split('\n').slice(0, -1);
  const messages = () => lines().flatMap((line) => (line.startsWith('data:') ? [JSON.parse(line.slice(5))] : []));
  const listener = { ...stream, messages, leave: () => leaving.abort() };
  listeners.push(listener);
  return listener;
}

/** The first listener of a test: its subscription with the server is acknowledged as soon as it is there. */
async function first(filter: Filter, id: string | number = 1, who: Who = 'ada'): Promise<Listener> {
  const place = upstream.subscriptions.length;
  void upstream.nth(place).then((subscription) => subscription.acknowledge());
  return listen(filter, id, who);
}

const current = () => upstream.open.at(-1);
const count = (listener: Listener, many: number) =>
  until(
    () => listener.messages().length >= many,
    `${many} messages are there, not only ${listener.text().slice(-300)}`,
  );
const idOf = (message: RpcMessage | undefined) =>
  (message?.params?._meta as Record<string, unknown>)?.[SUBSCRIPTION_ID];

describe('a listener', () => {
  it('gets every message under its own id, of the type it has, and all else as the server wrote it', async () => {
    const one = await first({ toolsListChanged: true }, 1);
    const text = await listen({ toolsListChanged: true }, '1', 'bob');
    current()?.say(CHANGED, { vendor: { keep: [1.0, 'ü'] } });
    for (const listener of [one, text]) await count(listener, 2);
    expect(one.messages().map(idOf)).toEqual([1, 1]);
    expect(text.messages().map(idOf)).toEqual(['1', '1']);
    expect(one.messages()[0]).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true }, _meta: { [SUBSCRIPTION_ID]: 1 } },
    });
    expect(text.messages()[1]?.params?.vendor).toEqual({ keep: [1, 'ü'] });
    expect(upstream.subscriptions.length).toBe(1);
  });

  it("never hears of what is another's, in ten thousand events", async () => {
    const own = (at: number) => `a:${at}`;
    upstream.acknowledges = true;
    const crowd = await Promise.all(
      Array.from({ length: 20 }, (_, at) => {
        return listen({ resourceSubscriptions: [own(at)] }, 0, at % 2 === 0 ? 'ada' : 'bob');
      }),
    );
    for (const listener of crowd) await count(listener, 1);
    await until(() => upstream.open.length === 1, 'one subscription carries them all');
    for (let event = 0; event < 10_000; event += 1) current()?.say(UPDATED, { uri: own(event % 25) });
    for (const listener of crowd) await count(listener, 401);
    for (const [at, listener] of crowd.entries()) {
      const uris = listener
        .messages()
        .slice(1)
        .map(({ params }) => params?.uri);
      expect(uris.length).toBe(400);
      expect(new Set(uris)).toEqual(new Set([own(at)]));
    }
  });

  it('on a quiet stream sees comments that keep it open, and events after them', async () => {
    const listener = await first({ toolsListChanged: true });
    await until(() => listener.text().split('\n:').length > 5, 'five comments have come');
    current()?.say(CHANGED);
    await count(listener, 2);
  });

  it('that does not read is cut, and the others notice nothing', async () => {
    const reads = await first({ resourcesListChanged: true });
    const { body, headers } = modern('subscriptions/listen', { notifications: { resourcesListChanged: true } });
    const sent = request(gate.url('http'), {
      method: 'POST',
      headers: {
        ...headers,
        authorization: `Bearer ${gate.token('bob')}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
    });
    sent.on('error', () => {}).end(JSON.stringify(body));
    await once(sent, 'response');
    const cut = gate.gateway.audited(
      ({ type, reason }) => type === 'stream_end' && reason === 'slow-client',
      'the slow listener that was cut',
    );
    let over = false;
    void cut.then(() => {
      over = true;
    });
    const filler = 'x'.repeat(100_000);
    let said = 0;
    await until(
      async () => {
        current()?.say('notifications/resources/list_changed', { filler });
        said += 1;
        await count(reads, said + 1);
        return over;
      },
      'the slow one is cut',
      30_000,
    );
    expect(upstream.open.length).toBe(1);
    sent.destroy();
  });

  it('holds a place among the streams of its principal', async () => {
    await first({ toolsListChanged: true });
    for (let place = 1; place < MOST_STREAMS; place += 1) await listen({ toolsListChanged: true }, place);
    const refused = await answerTo({ toolsListChanged: true }, 9, 'ada');
    const { error } = (await refused.json()) as RpcMessage;
    expect([refused.status, error?.code]).toEqual([429, 42902]);
    await listen({ toolsListChanged: true }, 9, 'bob');
    const left = () => gate.gateway.audit().filter(({ reason }) => reason === 'client-gone').length;
    const before = left();
    listeners[0]?.leave();
    await until(() => left() > before, 'the gateway knows that one has left');
    await listen({ toolsListChanged: true }, 9);
  });

  it.each([
    [undefined, 'params.notifications'],
    ['all', 'params.notifications'],
    [{ toolsListChanged: 'yes' }, 'params.notifications.toolsListChanged'],
    [{ resourceSubscriptions: ['a:1', 1] }, 'params.notifications.resourceSubscriptions'],
  ])('with the filter %j is refused, and the server is not asked', async (filter, member) => {
    const refused = await answerTo(filter, 7, 'ada');
    const { id, error } = (await refused.json()) as RpcMessage;
    expect([refused.status, id, error?.code]).toEqual([400, 7, -32602]);
    expect(error?.message).toContain(member);
    expect(upstream.subscriptions).toEqual([]);
    await first({ toolsListChanged: false, resourceSubscriptions: ['a:1'] }, 7);
  });
});

describe('a server', () => {
  it('that refuses the subscription says so to who asked', async () => {
    void upstream.nth(0).then((subscription) => subscription.refuse(-32603, 'Subscription limit reached'));
    const refused = await answerTo({ toolsListChanged: true }, 'mine', 'ada');
    expect(await refused.json()).toEqual({
      jsonrpc: '2.0',
      id: 'mine',
      error: { code: -32603, message: 'The server refused the subscription' },
    });
  });

  it('that fails the subscription ends it for each listener, and tells none what the others asked for', async () => {
    const ada = await first({ toolsListChanged: true, resourceSubscriptions: ['secret:ada'] }, 'ada');
    const bob = await listen({ toolsListChanged: true }, 'bob', 'bob');
    for (const listener of [ada, bob]) await count(listener, 1);
    current()?.fail(-32603, 'cannot watch secret:ada');
    for (const [listener, id] of [
      [ada, 'ada'],
      [bob, 'bob'],
    ] as const) {
      expect(await within(listener.over, 'the stream is over')).toBe('ended');
      const error = { code: -32603, message: 'The server ended the subscription' };
      expect(listener.messages().at(-1)).toEqual({ jsonrpc: '2.0', id, error });
    }
  });

  it.each(['input_required', 'wat'])('that ends it with a result of type %s is not passed on', async (resultType) => {
    const early = answerTo({ toolsListChanged: true }, 1, 'ada');
    (await upstream.nth(0)).finish({ resultType, requestState: 'zz' });
    const answer = await early;
    expect([answer.status, ((await answer.json()) as RpcMessage).error?.code]).toEqual([502, 50202]);
    const late = await first({ toolsListChanged: true }, 2);
    current()?.finish({ resultType, requestState: 'zz' });
    expect(await within(late.over, 'the stream is over')).toBe('ended');
    expect(late.messages().length).toBe(1);
  });

  it('that acknowledges nothing of what one client asks for is not felt by the others', async () => {
    const slow = await listen({ resourceSubscriptions: ['slow:0'] });
    const bob = await listen({ toolsListChanged: true }, 2, 'bob');
    const second = await upstream.nth(1);
    expect(second.asked).toEqual({ toolsListChanged: true });
    second.acknowledge();
    await count(bob, 1);
    // Who comes and goes, with something new each time.
    const eve = listen({ promptsListChanged: true }, 3, 'bob');
    for (let round = 1; round < 4; round += 1) {
      const restless = await listen({ resourceSubscriptions: [`slow:${round}`] });
      restless.leave();
    }
    const isEves = () => upstream.open.find(({ asked }) => asked.promptsListChanged && !asked.resourceSubscriptions);
    (await until(isEves, 'what eve wants is asked for')).acknowledge();
    await count(await eve, 1);
    for (const subscription of upstream.open) if (subscription.isAcknowledged) subscription.say(CHANGED);
    await count(bob, 2);
    expect(slow.messages()).toEqual([]);
  });

  it('that ends the subscription properly ends it for each listener under its own id', async () => {
    const ada = await first({ toolsListChanged: true }, 'ada');
    const bob = await listen({ toolsListChanged: true }, 2, 'bob');
    current()?.finish();
    for (const [listener, id] of [
      [ada, 'ada'],
      [bob, 2],
    ] as const) {
      expect(await within(listener.over, 'the stream is over')).toBe('ended');
      const result = { resultType: 'complete', _meta: { [SUBSCRIPTION_ID]: id } };
      expect(listener.messages().at(-1)).toEqual({ jsonrpc: '2.0', id, result });
    }
  });

  it('that cancels the subscription ends it for each listener with a result', async () => {
    const ada = await first({ toolsListChanged: true }, 'ada');
    current()?.cancel();
    expect(await within(ada.over, 'the stream is over')).toBe('ended');
    const result = { resultType: 'complete', _meta: { [SUBSCRIPTION_ID]: 'ada' } };
    expect(ada.messages().at(-1)).toEqual({ jsonrpc: '2.0', id: 'ada', result });
  });

  it('that is lost ends the streams without a result, so that clients listen again', async () => {
    const ada = await first({ toolsListChanged: true });
    current()?.drop();
    expect(await within(ada.over, 'the stream is over')).toBe('ended');
    expect(ada.messages().length).toBe(1);
    await gate.gateway.audited(({ reason }) => reason === 'upstream-closed', 'the loss');
    const again = await first({ toolsListChanged: true }, 2);
    current()?.say(CHANGED);
    await count(again, 2);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawConnection } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';
import { proveOne } from './prove.ts';
import {
  bytesOf,
  get,
  initializeMessage,
  legacy,
  legacyCall,
  modern,
  modernMessage,
  post,
  type Request,
  read,
} from './requests.ts';

const OPEN = '/mcp/open';

let ground: Ground;
beforeAll(async () => {
  // An answer of 8 KiB is more than a session may keep.
  ground = await Ground.open({ settings: { streams: { retry_ms: 700, replay: { bytes: 8_192 } } } });
});
afterAll(() => ground.close());

/** A GET on a session, from an event on when one is named. */
function resume(session: string, lastEventId?: string, token: string = TOKENS.user, version = '2025-11-25'): Request {
  const named = { 'mcp-session-id': session, 'mcp-protocol-version': version, 'last-event-id': lastEventId };
  return get(OPEN, token, { headers: { accept: 'text/event-stream', ...named } });
}

function slow(id: number, steps: number, interval_ms: number): unknown {
  const params = { name: 'slow_progress', arguments: { steps, interval_ms }, _meta: { progressToken: `p${id}` } };
  return { jsonrpc: '2.0', id, method: 'tools/call', params };
}

interface Event {
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly data: string;
}

const eventsOf = (bytes: Buffer): Event[] =>
  [...bytes.toString().matchAll(/(?:id: (.*)\n)?(?:retry: (.*)\n)?data: ?(.*)\n\n/g)].map(([, id, retry, data]) => ({
    id,
    retry,
    data: data as string,
  }));

/** What a stream has said so far, in a word each: the step of a progress, the id of an answer, the method of another. */
function said(connection: RawConnection): (string | number)[] {
  const messages = eventsOf(connection.received()).filter(({ data }) => data !== '');
  return messages.map(({ data }) => {
    const { id, method, params } = JSON.parse(data);
    return method === 'notifications/progress' ? params.progress : (method ?? `answer ${id}`);
  });
}

async function begin(request: Request): Promise<RawConnection> {
  const connection = await ground.connect();
  connection.write(bytesOf(request));
  return connection;
}

/** The stream once it holds this many events. */
async function withEvents(request: Request, count: number): Promise<{ connection: RawConnection; events: Event[] }> {
  const connection = await begin(request);
  const events = await until(() => {
    const all = eventsOf(connection.received());
    return all.length >= count && all;
  }, `${count} events have come`);
  return { connection, events };
}

/** Breaks a connection. Whether the gateway has noticed when the client is back must make no difference. */
async function cut(connection: RawConnection): Promise<void> {
  connection.destroy();
  await connection.closed;
}

describe('the streams of a session', () => {
  it('begin with an id and a wait, and number every event, each stream for itself', async () => {
    const session = await ground.openSession();
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, session, slow(1, 2, 5)), 4);
    const own = await withEvents(resume(session), 1);
    expect(events.map(({ retry, data }) => [retry, data === ''])).toEqual([
      ['700', true],
      [undefined, false],
      [undefined, false],
      [undefined, false],
    ]);
    expect(own.events).toMatchObject([{ retry: '700', data: '' }]);
    const ids = [...events, ...own.events].map(({ id }) => id);
    expect(ids.every((id) => id !== undefined && /^[\x21-\x7e]+$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(5);
    connection.destroy();
    own.connection.destroy();
  });

  it.each(['2025-06-18', '2025-03-26'])('carry no event without data on %s', async (version) => {
    const session = await ground.openSession(TOKENS.user, 'open', version);
    const headers = { 'mcp-protocol-version': version };
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, session, slow(1, 2, 5), { headers }), 3);
    expect(events.every(({ id, data }) => id !== undefined && data !== '')).toBe(true);
    connection.destroy();
  });

  it('of 2026-07-28 have no ids, and Last-Event-ID says nothing there', async () => {
    const session = await ground.openSession();
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, session, slow(1, 1, 1)), 3);
    const message = modernMessage('tools/call', { name: 'slow_progress', arguments: { steps: 2, interval_ms: 1 } });
    const meta = { ...(message.params?._meta as object), progressToken: 'm' };
    const asked = modern(OPEN, TOKENS.user, { ...message, params: { ...message.params, _meta: meta } });
    const headers = { 'last-event-id': events[0]?.id, 'mcp-session-id': session };
    const answer = await ground.send({ ...asked, headers: { ...asked.headers, ...headers } });
    expect(eventsOf(answer.body).map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
    expect(answer.headers.get('mcp-session-id')).toBeUndefined();
    expect(read(answer).json).toMatchObject({ result: { resultType: 'complete' } });
    connection.destroy();
  });
});

describe('a call whose connection broke', () => {
  it('goes on, and its stream gives the rest, once, in order, and ends', async () => {
    const session = await ground.openSession();
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, session, slow(1, 6, 20)), 3);
    await cut(connection);
    const second = events.findIndex(({ data }) => data.includes('"progress":2'));
    const rest = await begin(resume(session, events[second]?.id));
    expect((await rest.answer()).status).toBe(200);
    expect(said(rest)).toEqual([3, 4, 5, 6, 'answer 1']);
    rest.destroy();
    // Finished by now, and kept for a while: the same words again.
    const again = await ground.send(resume(session, events[0]?.id));
    expect(eventsOf(again.body)).toHaveLength(7);
  });

  it('gives nothing of another stream of the session', async () => {
    const session = await ground.openSession();
    const own = await withEvents(resume(session), 1);
    const one = await withEvents(legacy(OPEN, TOKENS.user, session, slow(1, 4, 20)), 2);
    const two = await withEvents(legacy(OPEN, TOKENS.user, session, slow(2, 4, 20)), 2);
    await cut(one.connection);
    await cut(two.connection);
    const rest = await begin(resume(session, two.events[0]?.id));
    await rest.answer();
    expect(said(rest)).toEqual([1, 2, 3, 4, 'answer 2']);
    expect(said(own.connection)).toEqual([]);
    for (const connection of [rest, own.connection]) connection.destroy();
  });

  it('is taken over by who resumes it, though the old connection still stands', async () => {
    const session = await ground.openSession();
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, session, slow(1, 2, 800)), 1);
    const rest = await begin(resume(session, events[0]?.id));
    await Promise.all([rest.answer(), connection.answer()]);
    expect(said(rest)).toEqual([1, 2, 'answer 1']);
    expect(said(connection)).not.toContain('answer 1');
    for (const one of [rest, connection]) one.destroy();
  });

  it('can be asked by the server while its client is away, and answered when it is back', async () => {
    const initialize = initializeMessage();
    const params = { ...initialize.params, capabilities: { elicitation: {} } };
    const opened = await ground.send(post(OPEN, TOKENS.user, { ...initialize, params }));
    const session = opened.headers.get('mcp-session-id')?.[0] as string;
    ground.secrets.push(session);
    await ground.send(legacy(OPEN, TOKENS.user, session, { jsonrpc: '2.0', method: 'notifications/initialized' }));
    const call = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'elicit', arguments: {} } };
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, session, call), 1);
    await cut(connection);
    const back = await withEvents(resume(session, events[0]?.id), events.length === 1 ? 1 : 0);
    const question = await until(
      () => eventsOf(Buffer.concat([connection.received(), back.connection.received()])).find(({ data }) => data),
      'the client is asked',
    );
    const { id, method } = JSON.parse(question.data);
    expect(method).toBe('elicitation/create');
    const result = { action: 'accept', content: { name: 'Ada' } };
    expect((await ground.send(legacy(OPEN, TOKENS.user, session, { jsonrpc: '2.0', id, result }))).status).toBe(202);
    await back.connection.answer();
    expect(said(back.connection).at(-1)).toBe('answer 5');
    back.connection.destroy();
  });
});

describe('an event to resume from', () => {
  const notFound = {
    status: 400,
    error: 'event_not_found',
    audit: { policy: 'session', reason: 'session.event-not-found', rpc_code: 40005 },
  };

  it.each([
    ['that was never given', (id: string) => id.replace(/\d+$/, '999')],
    ['of a stream that never was', (id: string) => id.replace(/\.\d+\./, '.77.')],
    ['that is no id', () => 'x'],
    ['that is empty', () => ''],
    ['with more behind it', (id: string) => `${id}.1`],
    ['longer than any', () => '1'.repeat(8_000)],
  ])('%s is refused', async (_, change) => {
    const session = await ground.openSession();
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, session, slow(1, 1, 1)), 3);
    const id = events[0]?.id as string;
    const twin = legacy(OPEN, TOKENS.user, session, legacyCall(9));
    await proveOne(ground, { name: '', send: resume(session, change(id)), ...notFound, twin });
    expect(eventsOf((await ground.send(resume(session, id))).body)).toHaveLength(2);
    connection.destroy();
  });

  it('of another session gives nothing of that session, to its own caller or to another', async () => {
    const [mine, alsoMine, theirs] = [
      await ground.openSession(),
      await ground.openSession(),
      await ground.openSession(TOKENS.other),
    ];
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, mine, slow(1, 1, 1)), 3);
    const id = events[0]?.id as string;
    const twin = legacy(OPEN, TOKENS.user, mine, legacyCall(9));
    await proveOne(ground, { name: '', send: resume(alsoMine, id), ...notFound, twin });
    await proveOne(ground, { name: '', send: resume(theirs, id, TOKENS.other), ...notFound, twin });
    // The session itself is not there for anybody else.
    const gone = { status: 404, error: 'session_not_found', audit: { reason: 'session.not-found' } };
    await proveOne(ground, { name: '', send: resume(mine, id, TOKENS.other), ...gone, twin });
    connection.destroy();
  });

  it('of an answer that was too large to keep is refused at once', async () => {
    const session = await ground.openSession();
    const params = { name: 'big_text', arguments: { size: 20_000 } };
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
    const { connection, events } = await withEvents(legacy(OPEN, TOKENS.user, session, call), 2);
    const twin = legacy(OPEN, TOKENS.user, session, legacyCall(9));
    await proveOne(ground, { name: '', send: resume(session, events[0]?.id), ...notFound, twin });
    connection.destroy();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawConnection } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';
import { proveOne } from './prove.ts';
import { bytesOf, get, initializeMessage, legacy, legacyCall, post, type Request, read } from './requests.ts';

const OPEN = '/mcp/open';
const EVENTS = 10_000;

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open();
});
afterAll(() => ground.close());

const on = (method: string, session?: string, token: string = TOKENS.user): Request =>
  get(OPEN, token, {
    method,
    headers: { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25', accept: 'text/event-stream' },
  });

const tool = (session: string, name: string, args: object = {}, id: string | number = 1, token: string = TOKENS.user) =>
  legacy(OPEN, token, session, { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });

async function stream(session: string, token: string = TOKENS.user): Promise<RawConnection> {
  const connection = await ground.connect();
  connection.write(bytesOf(on('GET', session, token)));
  await until(() => connection.received().includes('text/event-stream'), 'the stream is open');
  return connection;
}

/** Breaks a stream, and waits until the gateway knows. */
async function cut(connection: RawConnection): Promise<void> {
  const ends = (): number =>
    ground.rows().filter(({ type, http_method }) => type === 'stream_end' && http_method === 'GET').length;
  const before = ends();
  connection.destroy();
  await until(() => ends() > before, 'the end is recorded');
}

/** The methods of the messages a stream has brought so far. */
const said = (connection: RawConnection): string[] =>
  [
    ...connection
      .received()
      .toString()
      .matchAll(/^data: .*"method":"([^"]+)"/gm),
  ].map(([, method]) => method as string);

const CHANGED = 'notifications/tools/list_changed';

describe('two streams of one session', () => {
  it('share what the server says: each message is on exactly one of them', async () => {
    const session = await ground.openSession();
    const [first, second] = [await stream(session), await stream(session)];
    const both = (): number => said(first).length + said(second).length;
    for (let toggles = 1; toggles <= 4; toggles += 1) {
      if (toggles === 3) await cut(second);
      await ground.send(tool(session, 'toggle_extra_tool'));
      await until(() => both() >= toggles, `change ${toggles} was heard`);
      expect(both()).toBe(toggles);
    }
    expect(said(second)).toEqual([CHANGED, CHANGED]);
    expect(said(first)).toEqual([CHANGED, CHANGED]);
    first.destroy();
    expect((await ground.send(on('DELETE', session))).status).toBe(204);
  });
});

describe('what one session is told', () => {
  it(`is told to no other, in ${EVENTS} events, on no stream`, async () => {
    const mine = await ground.openSession();
    const [alsoMine, theirs] = [await ground.openSession(), await ground.openSession(TOKENS.other)];
    const streams = [await stream(mine), await stream(alsoMine), await stream(theirs, TOKENS.other)];
    const answer = await ground.send(tool(mine, 'log_lines', { count: EVENTS }));
    const lines = answer.body.toString().match(/"method":"notifications\/message"/g);
    expect(lines).toHaveLength(EVENTS);
    expect(read(answer).json).toMatchObject({ id: 1, result: { content: [{ text: `${EVENTS} lines` }] } });
    // Their streams stand, and bring what is theirs.
    await ground.send(tool(mine, 'toggle_extra_tool'));
    await ground.send(tool(mine, 'toggle_extra_tool'));
    await until(() => streams.every((connection) => said(connection).length >= 2), 'all have heard of the changes');
    for (const connection of streams) expect(new Set(said(connection))).toEqual(new Set([CHANGED]));
    for (const connection of streams) connection.destroy();
  }, 60_000);
});

describe('a client that never says it is initialized', () => {
  it('hears on its stream what the server says outside any call, as one that does', async () => {
    const opened = await ground.send(post(OPEN, TOKENS.user, initializeMessage()));
    const session = opened.headers.get('mcp-session-id')?.[0] as string;
    ground.secrets.push(session);
    for (const each of [session, await ground.openSession()]) {
      const listening = await stream(each);
      await until(async () => {
        await ground.send(tool(each, 'toggle_extra_tool'));
        return said(listening).length > 0;
      }, 'it hears of a change');
      expect(new Set(said(listening))).toEqual(new Set([CHANGED]));
      listening.destroy();
      expect((await ground.send(on('DELETE', each))).status).toBe(204);
    }
  });
});

describe('the end of a session', () => {
  it('ends its stream and the calls under way, and then it is unknown', async () => {
    const session = await ground.openSession();
    const listening = await stream(session);
    const calling = await ground.connect();
    ground.forgetHits();
    calling.write(bytesOf(tool(session, 'slow_progress', { steps: 1, interval_ms: 20_000 }, 7)));
    await until(() => ground.hits().includes('tools/call'), 'the call is with the server');
    expect((await ground.send(on('DELETE', session))).status).toBe(204);
    expect(read(await calling.answer()).json).toMatchObject({
      id: 7,
      error: { code: 40404, message: 'The session was ended, and with it what was under way' },
    });
    const call = await until(
      () => ground.rows().find(({ reason, method }) => reason === 'session-ended' && method === 'tools/call'),
      'the end of the call is recorded',
    );
    expect(call).toMatchObject({ type: 'outcome', outcome: 'cancelled', status: 404, rpc_code: 40404 });
    await listening.answer();
    const gone = { status: 404, audit: { policy: 'session', reason: 'session.not-found' } };
    const twin = legacy(OPEN, TOKENS.user, await ground.openSession(), legacyCall());
    const message = { name: '', ...gone, code: 40401, twin };
    await proveOne(ground, { ...message, send: legacy(OPEN, TOKENS.user, session, legacyCall()) });
    for (const method of ['GET', 'DELETE']) {
      await proveOne(ground, { name: '', ...gone, error: 'session_not_found', send: on(method, session), twin });
    }
    for (const connection of [listening, calling]) connection.destroy();
  });

  it('is recorded once, with who ended it and which', async () => {
    const session = await ground.openSession();
    await ground.send(legacy(OPEN, TOKENS.user, session, legacyCall()));
    const mark = await ground.mark();
    expect((await ground.send(on('DELETE', session))).status).toBe(204);
    expect((await ground.send(on('DELETE', session))).status).toBe(404);
    const rows = (await ground.control(mark)).filter(({ http_method }) => http_method === 'DELETE');
    expect(rows).toMatchObject([
      { type: 'outcome', outcome: 'ok', status: 204, reason: 'session-ended', principal_name: 'user', server: 'open' },
      { type: 'decision', outcome: 'refused', status: 404, reason: 'session.not-found' },
    ]);
    const calls = ground.rows().filter(({ session_id, method }) => session_id === rows[0]?.session_id && method);
    expect(calls.map(({ method }) => method)).toContain('tools/call');
    expect(rows[0]?.session_id).toEqual(expect.any(String));
  });

  it('by another caller is not: the session, its stream and its calls are untouched', async () => {
    const session = await ground.openSession();
    const listening = await stream(session);
    ground.forgetHits();
    const calling = await ground.connect();
    calling.write(bytesOf(tool(session, 'slow_progress', { steps: 1, interval_ms: 300 }, 7)));
    await until(() => ground.hits().includes('tools/call'), 'the call is with the server');
    for (const method of ['DELETE', 'GET']) {
      expect((await ground.send(on(method, session, TOKENS.other))).status).toBe(404);
    }
    expect((await ground.send(legacy(OPEN, TOKENS.other, session, legacyCall()))).status).toBe(404);
    expect(read(await calling.answer()).json).toMatchObject({ id: 7, result: {} });
    await ground.send(tool(session, 'toggle_extra_tool'));
    await until(() => said(listening).length === 1, 'its stream still speaks');
    for (const connection of [listening, calling]) connection.destroy();
  });
});

describe('a session id', () => {
  it.each([
    ['of 64 KiB', 'a'.repeat(65_536), 431],
    ['with a carriage return in it', 'a\rb', 400],
    ['with a line break in it', 'a\r\n b', 400],
    ['with NUL in it', 'a\0b', 400],
  ])('%s is refused, and nothing reaches a server', async (_, id, status) => {
    const session = await ground.openSession();
    ground.forgetHits();
    const refused = await ground.send(legacy(OPEN, TOKENS.user, id, legacyCall()));
    expect(refused.status).toBe(status);
    expect(ground.hits()).toEqual([]);
    expect((await ground.send(legacy(OPEN, TOKENS.user, session, legacyCall()))).status).toBe(200);
  });
});

describe('initialize', () => {
  it('of more than the gateway keeps for a session is refused', async () => {
    const message = initializeMessage();
    const sized = (bytes: number) => ({
      ...message,
      params: { ...message.params, clientInfo: { name: 'x'.repeat(bytes), version: '1' } },
    });
    const before = ground.rows().length;
    const refused = await ground.send(post(OPEN, TOKENS.user, sized(70_000)));
    expect(read(refused)).toMatchObject({ status: 400, code: -32600 });
    expect(refused.headers.get('mcp-session-id')).toBeUndefined();
    const opened = await ground.send(post(OPEN, TOKENS.user, sized(60_000)));
    expect(read(opened).json).toMatchObject({ result: { protocolVersion: '2025-11-25' } });
    ground.secrets.push(opened.headers.get('mcp-session-id')?.[0] as string);
    await until(
      () =>
        ground
          .rows()
          .slice(before)
          .some(({ reason }) => reason === 'session.initialize-shape'),
      'it is recorded',
    );
  });
});

describe('taking a call back', () => {
  it.each([
    ['that was answered', 5],
    ['that never was', 4_711],
    ['under an id of another type', '5'],
    ['without an id', undefined],
  ])('%s is taken, and changes nothing', async (_, requestId) => {
    const session = await ground.openSession();
    expect((await ground.send(tool(session, 'echo', { text: 'hi' }, 5))).status).toBe(200);
    ground.forgetHits();
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason: 'too late' } };
    expect((await ground.send(legacy(OPEN, TOKENS.user, session, cancel))).status).toBe(202);
    // Its id means another call at the server, if it means any.
    expect(ground.hits()).toEqual([]);
    expect(read(await ground.send(tool(session, 'echo', { text: 'hi' }, 5))).json).toMatchObject({ id: 5, result: {} });
  });
});

describe('the id of a call', () => {
  it('comes back as it was sent, and is not another one’s that reads alike', async () => {
    const session = await ground.openSession();
    const ids = [1, '1', '1.0', '01', ' 1', 0, '', '9007199254740993', 9_007_199_254_740_991];
    const answers = await Promise.all(ids.map((id) => ground.send(tool(session, 'echo', { text: `of ${id}` }, id))));
    for (const [at, answer] of answers.entries()) {
      expect(read(answer).json).toMatchObject({ id: ids[at], result: { content: [{ text: `of ${ids[at]}` }] } });
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawConnection } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { freshToken, Ground, TOKENS } from './ground.ts';
import { type Attack, prove, proveOne } from './prove.ts';
import {
  bytesOf,
  get,
  type Headers,
  initializeMessage,
  legacy,
  legacyCall,
  modern,
  modernMessage,
  post,
  type Request,
  read,
  vary,
} from './requests.ts';

const MAX_SESSIONS = 6;
const MAX_STREAMS = 2;
const OPEN = '/mcp/open';

let ground: Ground;
/** Of `user`, on the server `open`. */
let own: string;
/** Was of `user`, and was ended. */
let ended: string;
beforeAll(async () => {
  const settings = { sessions: { max_per_principal: MAX_SESSIONS }, streams: { max_per_principal: MAX_STREAMS } };
  ground = await Ground.open({ settings });
  own = await ground.openSession();
  ended = await ground.openSession();
  expect((await ground.send(on('DELETE', ended))).status).toBe(204);
});
afterAll(() => ground.close());

/** GET or DELETE on a session. */
function on(method: string, session: string | undefined, token: string = TOKENS.user, target = OPEN): Request {
  const headers: Headers = {
    'mcp-session-id': session,
    'mcp-protocol-version': '2025-11-25',
    accept: 'text/event-stream',
  };
  return get(target, token, { method, headers });
}

const callOn = (session: string | undefined, token: string = TOKENS.user, target = OPEN): Request =>
  legacy(target, token, session, legacyCall());
const twin = (): Request => callOn(own);

const notFound = { status: 404, audit: { policy: 'session', reason: 'session.not-found', rpc_code: 40401 } };
const required = { status: 400, audit: { reason: 'session.not-found', policy: 'session', rpc_code: 40003 } };

describe('a message of the older revisions', () => {
  prove(
    () => ground,
    [
      {
        name: 'without a session',
        send: callOn(undefined),
        status: 400,
        code: 40003,
        audit: { policy: 'parse', reason: 'protocol.session-required' },
        twin,
      },
      {
        name: 'without a session, version or anything else that says what it is',
        send: post(OPEN, TOKENS.user, legacyCall()),
        status: 400,
        code: 40003,
        audit: { policy: 'parse', reason: 'protocol.session-required' },
        twin,
      },
      ...[
        ['that was never made', () => callOn(freshToken())],
        ['that its owner has ended', () => callOn(ended)],
        ['of another caller', () => callOn(own, TOKENS.other)],
        ['of another server', () => callOn(own, TOKENS.user, '/mcp/ruled')],
        ['in other letters', () => callOn(own.toUpperCase())],
        ['that is empty', () => callOn('')],
        ['with a blank in it', () => callOn(`${own} x`)],
        ['outside visible ASCII', () => callOn('\xe9\xe9\xe9')],
        ['longer than any that is made', () => callOn('a'.repeat(1_000))],
      ].map(
        ([what, send]): Attack => ({
          name: `with a session ${what}`,
          send: send as () => Request,
          ...notFound,
          code: 40401,
          twin,
        }),
      ),
    ],
  );

  it('with a foreign session gets the very answer of one that was never made', async () => {
    const said = async (request: Request) =>
      (await ground.send(request)).bytes.toString().replace(/X-Request-Id: .*|Date: .*|"decision_id":"[^"]*"/g, '');
    for (const method of ['GET', 'DELETE']) {
      expect(await said(on(method, own, TOKENS.other)), method).toBe(
        await said(on(method, freshToken(), TOKENS.other)),
      );
    }
    expect(await said(callOn(own, TOKENS.other))).toBe(await said(callOn(freshToken(), TOKENS.other)));
  });
});

describe('a stream or an end', () => {
  const rows = ['GET', 'DELETE'].flatMap((method): Attack[] => [
    { name: `${method} without a session`, send: on(method, undefined), ...required, error: 'session_required', twin },
    ...[
      ['that was never made', () => on(method, freshToken())],
      ['that its owner has ended', () => on(method, ended)],
      ['of another caller', () => on(method, own, TOKENS.other)],
      ['of another server', () => on(method, own, TOKENS.user, '/mcp/ruled')],
    ].map(
      ([what, send]): Attack => ({
        name: `${method} with a session ${what}`,
        send: send as () => Request,
        ...notFound,
        error: 'session_not_found',
        twin,
      }),
    ),
  ]);
  prove(() => ground, rows);

  prove(
    () => ground,
    ['GET', 'DELETE'].flatMap((method) =>
      ['garbage', '', '2025-11-25, 2025-06-18', '2099-01-01'].map((version): Attack => {
        return {
          name: `${method} of the version ${JSON.stringify(version)}`,
          send: () => vary(on(method, own), { headers: { 'mcp-protocol-version': version } }),
          status: 400,
          error: 'unsupported_protocol_version',
          audit: { policy: 'session', reason: 'protocol.unsupported-protocol-version', http_method: method },
          // The session is still there.
          twin,
        };
      }),
    ),
  );

  prove(
    () => ground,
    ['application/json', '', undefined].map(
      (accept): Attack => ({
        name: `GET that accepts ${JSON.stringify(accept)}`,
        send: () => {
          const request = on('GET', own);
          return { ...request, headers: { ...request.headers, accept } };
        },
        status: 406,
        error: 'not_acceptable',
        audit: { policy: 'session', reason: 'session.accept' },
        twin,
      }),
    ),
  );
});

describe('initialize', () => {
  prove(
    () => ground,
    [
      {
        name: 'as a notification',
        send: post(OPEN, TOKENS.user, { ...initializeMessage(), id: undefined }),
        status: 400,
        code: -32600,
        audit: { policy: 'session', reason: 'session.initialize-shape' },
        twin,
      },
    ],
  );

  it('with a session of the sender’s choice gets another one, and the chosen one stays unknown', async () => {
    const chosen = 'chosen-by-the-attacker-0123456789abcdef';
    const headers = { 'mcp-session-id': chosen };
    const opened = await ground.send(post(OPEN, TOKENS.other, initializeMessage(), { headers }));
    const session = opened.headers.get('mcp-session-id')?.[0] as string;
    ground.secrets.push(session);
    expect(session).not.toBe(chosen);
    expect(session).toMatch(/^[\x21-\x7e]{22,}$/);
    for (const token of [TOKENS.other, TOKENS.user]) {
      await proveOne(ground, { name: '', send: callOn(chosen, token), ...notFound, code: 40401, twin });
    }
    expect((await ground.send(on('DELETE', session, TOKENS.other))).status).toBe(204);
  });

  it('inside a session leaves that session as it is', async () => {
    const headers = { 'mcp-session-id': own };
    const opened = await ground.send(post(OPEN, TOKENS.user, initializeMessage(), { headers }));
    const second = opened.headers.get('mcp-session-id')?.[0] as string;
    ground.secrets.push(second);
    expect(second).not.toBe(own);
    expect((await ground.send(twin())).status).toBe(200);
    expect((await ground.send(on('DELETE', second))).status).toBe(204);
  });

  it('once more than a caller may have sessions is refused, for that caller alone', async () => {
    const held: string[] = [];
    // `own` is one of them.
    while (held.length < MAX_SESSIONS - 1) held.push(await ground.openSession());
    const initialize = (token: string) => post(OPEN, token, initializeMessage());
    await proveOne(ground, {
      name: '',
      send: initialize(TOKENS.user),
      status: 429,
      code: 42901,
      audit: { policy: 'session', reason: 'sessions.max_per_principal', principal_name: 'user' },
      twin: initialize(TOKENS.other),
      also: (answer) => expect(answer.headers.get('mcp-session-id')).toBeUndefined(),
    });
    for (const session of held) expect((await ground.send(on('DELETE', session))).status).toBe(204);
    expect((await ground.send(twin())).status).toBe(200);
    const again = await ground.openSession();
    expect((await ground.send(on('DELETE', again))).status).toBe(204);
  });
});

describe('an answer', () => {
  const answer = (id: unknown): unknown => ({
    jsonrpc: '2.0',
    id,
    result: { action: 'accept', content: { name: 'Eve' } },
  });
  const unasked = {
    status: 400,
    code: -32600,
    audit: { policy: 'session', reason: 'session.answer-unasked' },
    twin,
  };
  prove(
    () => ground,
    [
      { name: 'to a question nobody asked', send: () => legacy(OPEN, TOKENS.user, own, answer(1)), ...unasked },
      {
        name: 'that is an error, to a question nobody asked',
        send: () => legacy(OPEN, TOKENS.user, own, { jsonrpc: '2.0', id: 's', error: { code: 1, message: 'no' } }),
        ...unasked,
      },
    ],
  );

  it('to a question asked on another session is not delivered, and the one asked is', async () => {
    const victim = await askingSession(TOKENS.user);
    const intruder = await askingSession(TOKENS.other);
    try {
      const asked = await victim.ask();
      await proveOne(ground, {
        name: '',
        ...unasked,
        send: legacy(OPEN, TOKENS.other, intruder.session, answer(asked)),
        // The same words from the client that was asked: 202, and one message for the server.
        twin: legacy(OPEN, TOKENS.user, victim.session, answer(asked)),
        twinStatus: 202,
      });
      expect(read(await victim.connection.answer()).json).toMatchObject({
        result: { content: [{ text: 'hello Eve' }] },
      });
      // Asked once, answered once.
      const late = legacy(OPEN, TOKENS.user, victim.session, answer(asked));
      await proveOne(ground, { name: '', ...unasked, send: late });
    } finally {
      await victim.end();
      await intruder.end();
    }
  });
});

/** A session whose client can be asked, with a call on its way that asks it. */
async function askingSession(token: string) {
  const initialize = initializeMessage();
  const params = { ...initialize.params, capabilities: { elicitation: {} } };
  const opened = await ground.send(post(OPEN, token, { ...initialize, params }));
  const session = opened.headers.get('mcp-session-id')?.[0] as string;
  ground.secrets.push(session);
  await ground.send(legacy(OPEN, token, session, { jsonrpc: '2.0', method: 'notifications/initialized' }));
  const connection = await ground.connect();
  return {
    session,
    connection,
    /** The id of the question the server puts to the client. */
    async ask(): Promise<unknown> {
      const message = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'elicit', arguments: {} } };
      connection.write(bytesOf(legacy(OPEN, token, session, message)));
      const question = await until(
        () => /data: (\{.*"elicitation\/create".*\})/.exec(text(connection)),
        'the client is asked',
      );
      return (JSON.parse(question[1] as string) as { id: unknown }).id;
    },
    async end(): Promise<void> {
      connection.destroy();
      await ground.send(on('DELETE', session, token));
    },
  };
}

const text = (connection: RawConnection): string => connection.received().toString();

describe('an id that is still being answered', () => {
  it('is refused for a second request of the same session, and free again afterwards', async () => {
    ground.forgetHits();
    const slow = { name: 'slow_progress', arguments: { steps: 1, interval_ms: 400 } };
    const connection = await ground.connect();
    connection.write(
      bytesOf(legacy(OPEN, TOKENS.user, own, { jsonrpc: '2.0', id: 77, method: 'tools/call', params: slow })),
    );
    await until(() => ground.hits().includes('tools/call'), 'the slow call is with the server');
    await proveOne(ground, {
      name: '',
      send: legacy(OPEN, TOKENS.user, own, legacyCall(77)),
      status: 400,
      code: -32600,
      audit: { policy: 'session', reason: 'session.protocol' },
      twin: legacy(OPEN, TOKENS.user, own, legacyCall('77')),
    });
    expect(read(await connection.answer()).json).toMatchObject({ id: 77, result: {} });
    connection.destroy();
    expect((await ground.send(legacy(OPEN, TOKENS.user, own, legacyCall(77)))).status).toBe(200);
  });

  it('of another caller cannot be cancelled', async () => {
    const theirs = await ground.openSession(TOKENS.other);
    ground.forgetHits();
    const slow = { name: 'slow_progress', arguments: { steps: 1, interval_ms: 300 } };
    const connection = await ground.connect();
    connection.write(
      bytesOf(legacy(OPEN, TOKENS.user, own, { jsonrpc: '2.0', id: 78, method: 'tools/call', params: slow })),
    );
    await until(() => ground.hits().includes('tools/call'), 'the slow call is with the server');
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 78, reason: 'mine now' } };
    expect((await ground.send(legacy(OPEN, TOKENS.other, theirs, cancel))).status).toBe(202);
    expect(read(await connection.answer()).json).toMatchObject({ id: 78, result: { content: [{ text: '1 steps' }] } });
    connection.destroy();
    expect((await ground.send(on('DELETE', theirs, TOKENS.other))).status).toBe(204);
  });
});

describe('streams', () => {
  const tooMany = { status: 429, audit: { reason: 'streams.max_per_principal' } };

  async function stream(request: Request): Promise<RawConnection> {
    const connection = await ground.connect();
    connection.write(bytesOf(request));
    await until(() => text(connection).includes('text/event-stream'), 'the stream is open');
    expect(text(connection)).toMatch(/^HTTP\/1\.1 200 /);
    return connection;
  }

  it('of a caller are bounded on the older revisions, and a place is free again when one ends', async () => {
    const [first, second] = [await stream(on('GET', own)), await stream(on('GET', own))];
    const theirs = await ground.openSession(TOKENS.other);
    await proveOne(ground, {
      name: '',
      send: on('GET', own),
      ...tooMany,
      error: 'too_many_streams',
      audit: { policy: 'session', reason: 'streams.max_per_principal', principal_name: 'user' },
      twin,
    });
    (await stream(on('GET', theirs, TOKENS.other))).destroy();
    second.destroy();
    const again = await until(async () => {
      const connection = await ground.connect();
      connection.write(bytesOf(on('GET', own)));
      await until(() => text(connection).includes('\r\n\r\n'), 'the stream is answered');
      if (text(connection).startsWith('HTTP/1.1 200')) return connection;
      connection.destroy();
      return undefined;
    }, 'the place is free again');
    first.destroy();
    again.destroy();
    expect((await ground.send(on('DELETE', theirs, TOKENS.other))).status).toBe(204);
  });

  it('of a caller are bounded on 2026-07-28 too', async () => {
    const listen = (id: number): Request =>
      modern(
        OPEN,
        TOKENS.other,
        modernMessage('subscriptions/listen', { notifications: { toolsListChanged: true } }, id),
      );
    const held = [await stream(listen(1)), await stream(listen(2))];
    await until(() => held.every((connection) => text(connection).includes('acknowledged')), 'both are acknowledged');
    const mark = await ground.mark();
    const answer = await ground.send(listen(3));
    expect(read(answer)).toMatchObject({ status: 429, code: 42902 });
    expect(ground.hits()).toEqual([]);
    const rows = await ground.control(mark);
    expect(rows.filter((row) => row.decision_id === read(answer).decisionId)).toMatchObject([
      { type: 'decision', verdict: 'deny', policy: 'session', reason: 'streams.max_per_principal', status: 429 },
    ]);
    for (const connection of held) connection.destroy();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawConnection } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { freshToken, Ground, TOKENS } from './ground.ts';
import { type Attack, prove, proveOne, type Sent } from './prove.ts';
import {
  bytesOf,
  callMessage,
  get,
  type Headers,
  initializeMessage,
  legacy,
  legacyCall,
  modern,
  modernCall,
  post,
  type Request,
  read,
} from './requests.ts';

const MAX_STREAMS = 4;
const OPEN = '/mcp/open';

/** The stream of an HTTP+SSE client, read as bytes. */
interface Channel {
  readonly connection: RawConnection;
  /** Path and query, as the endpoint event gives them. */
  readonly endpoint: string;
  readonly id: string;
  text(): string;
}

let ground: Ground;
/** Of `user`, on the server `open`, with a session. */
let own: Channel;
/** The same, before `initialize`. */
let fresh: Channel;
beforeAll(async () => {
  ground = await Ground.open({ settings: { streams: { max_per_principal: MAX_STREAMS } } });
  own = await channel();
  await initialized(own);
  fresh = await channel();
});
afterAll(() => ground.close());

const stream = (token: string = TOKENS.user, target = `${OPEN}/sse`, headers: Headers = {}): Request =>
  get(target, token, { headers: { accept: 'text/event-stream', ...headers } });

async function channel(token: string = TOKENS.user, server = 'open'): Promise<Channel> {
  const connection = await ground.connect();
  connection.write(bytesOf(stream(token, `/mcp/${server}/sse`)));
  const text = () => connection.received().toString();
  const endpoint = await until(() => /^event: endpoint\ndata: (.*)\n\n/m.exec(text())?.[1], 'the endpoint is named');
  const id = endpoint.slice(endpoint.indexOf('=') + 1);
  ground.secrets.push(id);
  return { connection, endpoint, id, text };
}

async function initialized(opened: Channel, token: string = TOKENS.user): Promise<void> {
  expect((await ground.send(post(opened.endpoint, token, initializeMessage('2024-11-05')))).status).toBe(202);
  await until(() => opened.text().includes('"protocolVersion":"2024-11-05"'), 'initialize is answered on the stream');
  const ready = { jsonrpc: '2.0', method: 'notifications/initialized' };
  expect((await ground.send(post(opened.endpoint, token, ready))).status).toBe(202);
}

/** A message that is taken only when it has reached the server, so that nothing of it is still under way. */
const NOTE = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
const note = (target: string = own.endpoint, token: string = TOKENS.user): Request => post(target, token, NOTE);
const twin = (): Request => note();
const sound = { twin, twinStatus: 202 };
const messages = `${OPEN}/messages`;

const notFound = {
  status: 404,
  code: 40401,
  audit: { policy: 'session', reason: 'session.not-found', rpc_code: 40401, http_method: 'POST' },
};
const query = (status: 40002 | 40003) => ({
  status: 400,
  code: status,
  audit: { policy: 'session', reason: 'session.query', rpc_code: status },
});
const refused = (code: number, reason = 'session.protocol') => ({
  status: 400,
  code,
  audit: { policy: 'session', reason, rpc_code: code },
});

describe('a message to the stream of an HTTP+SSE client', () => {
  prove(
    () => ground,
    [
      ...(
        [
          ['of another caller', () => note(own.endpoint, TOKENS.other)],
          ['that was never made', () => note(`${messages}?sessionId=${freshToken()}`)],
          ['on the route of another server', () => note(own.endpoint.replace('/open/', '/ruled/'))],
          ['in other letters', () => note(`${messages}?sessionId=${own.id.toUpperCase()}`)],
          ['longer than any that is made', () => note(`${messages}?sessionId=${'a'.repeat(1_000)}`)],
          ['that is a session of the newer transport', async () => note(`${messages}?sessionId=${await newer()}`)],
        ] satisfies [string, Sent][]
      ).map(([what, send]): Attack => ({ name: `under an id ${what}`, send, ...notFound, ...sound })),
      ...(
        [
          ['no session', 40003, () => note(messages)],
          ['an empty session', 40003, () => note(`${messages}?sessionId=`)],
          ['two sessions', 40002, () => note(`${own.endpoint}&sessionId=${own.id}`)],
          ['two sessions, the first of them strange', 40002, () => note(`${messages}?sessionId=x&sessionId=${own.id}`)],
          ['a token beside the session', 40002, () => note(`${own.endpoint}&access_token=${TOKENS.user}`)],
          ['something before the session', 40002, () => note(own.endpoint.replace('?', '?a=b&'))],
          ['the session in other letters', 40002, () => note(own.endpoint.replace('sessionId', 'sessionid'))],
          ['an encoded session', 40002, () => note(own.endpoint.replace('sessionId=', 'sessionId=%41'))],
        ] satisfies [string, 40002 | 40003, Sent][]
      ).map(([what, code, send]): Attack => ({ name: `with ${what} in the query`, send, ...query(code), ...sound })),
      {
        name: 'before initialize',
        send: () => note(fresh.endpoint),
        ...refused(-32600),
        ...sound,
      },
      {
        name: 'that is a second initialize',
        send: () => post(own.endpoint, TOKENS.user, initializeMessage('2024-11-05')),
        ...refused(-32600, 'session.initialize-shape'),
        ...sound,
      },
      {
        name: 'that is an initialize larger than any that is kept',
        send: () =>
          post(fresh.endpoint, TOKENS.user, { ...initializeMessage('2024-11-05'), padding: 'x'.repeat(65_536) }),
        ...refused(-32600, 'session.initialize-shape'),
        ...sound,
      },
      {
        name: 'that is a batch',
        send: () => post(own.endpoint, TOKENS.user, [NOTE]),
        ...refused(-32600),
        ...sound,
      },
      {
        name: 'of the modern era',
        send: () => modern(own.endpoint, TOKENS.user, callMessage()),
        ...refused(40001),
        ...sound,
      },
      {
        name: 'that answers what nobody asked',
        send: () => post(own.endpoint, TOKENS.user, { jsonrpc: '2.0', id: 'q', result: {} }),
        ...refused(-32600, 'session.answer-unasked'),
        ...sound,
      },
      {
        name: 'whose token is only in the query',
        send: () => post(`${own.endpoint}&access_token=${TOKENS.user}`, undefined, NOTE),
        status: 401,
        error: 'unauthorized',
        audit: { policy: 'authenticate', reason: 'token.absent' },
        ...sound,
      },
    ],
  );

  it('of another caller gets the very answer of one that never was', async () => {
    const said = async (request: Request) =>
      (await ground.send(request)).bytes.toString().replace(/X-Request-Id: .*|Date: .*|"decision_id":"[^"]*"/g, '');
    const made = await said(note(own.endpoint, TOKENS.other));
    expect(made).toBe(await said(note(`${messages}?sessionId=${freshToken()}`, TOKENS.other)));
  });

  it('is judged like any call: what is refused is answered on the stream, and nowhere else', async () => {
    const ruled = await channel(TOKENS.user, 'ruled');
    await initialized(ruled);
    const mark = await ground.mark();
    expect((await ground.send(post(ruled.endpoint, TOKENS.user, legacyCall('no', 'fail')))).status).toBe(202);
    await until(() => ruled.text().includes('"id":"no"'), 'the refusal is on the stream');
    expect(ruled.text()).toContain('Unknown tool');
    expect((await ground.send(post(ruled.endpoint, TOKENS.user, legacyCall('yes', 'echo')))).status).toBe(202);
    await until(() => ruled.text().includes('"id":"yes"'), 'the answer is on the stream');
    expect(ground.hits().filter((method) => method === 'tools/call')).toHaveLength(1);
    const rows = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(rows).toMatchObject([{ tool: 'fail', policy: 'authorize', route: '/mcp/ruled/messages' }]);
    expect(own.text()).not.toContain('"id":"no"');
    ruled.connection.destroy();
  });

  it('may be a ping before initialize, and whoever may not open the stream gets none', async () => {
    const early = await channel();
    const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' });
    const mark = await ground.mark();
    expect((await ground.send(post(early.endpoint, TOKENS.other, ping('theirs')))).status).toBe(404);
    expect((await ground.send(post(early.endpoint, TOKENS.user, ping('p')))).status).toBe(202);
    await until(() => early.text().includes('data: {"jsonrpc":"2.0","id":"p","result":{}}'), 'the ping is answered');
    expect(early.text()).not.toContain('theirs');
    expect(ground.hits()).toEqual([]);
    const rows = (await ground.control(mark)).filter(({ method }) => method === 'ping');
    expect(rows).toMatchObject([
      { type: 'decision', verdict: 'deny', principal_name: 'other' },
      { type: 'outcome', outcome: 'ok', status: 202, principal_name: 'user', jsonrpc_id: 'p' },
    ]);
    await initialized(early);
    early.connection.destroy();
  });

  it('on an id that is still being answered is refused', async () => {
    const slow = (id: string) => ({
      ...legacyCall(id, 'slow_progress'),
      params: { name: 'slow_progress', arguments: { steps: 60_000, interval_ms: 10 } },
    });
    expect((await ground.send(post(own.endpoint, TOKENS.user, slow('same')))).status).toBe(202);
    expect(read(await ground.send(post(own.endpoint, TOKENS.user, slow('same'))))).toMatchObject({ code: -32600 });
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'same' } };
    expect((await ground.send(post(own.endpoint, TOKENS.user, cancelled))).status).toBe(202);
    expect((await ground.send(post(own.endpoint, TOKENS.user, legacyCall('same')))).status).toBe(202);
    await until(() => own.text().includes('"id":"same"'), 'the second is answered');
  });
});

describe('the id of a stream', () => {
  it('opens nothing on the newer transport', async () => {
    const answer = await ground.send(legacy(OPEN, TOKENS.user, own.id, legacyCall()));
    expect(read(answer)).toMatchObject({ status: 404, code: 40401 });
  });

  it('is long, random and in no record', async () => {
    expect(own.id).toMatch(/^[\w-]{32,}$/);
    expect(own.id).not.toBe(fresh.id);
    // That it is nowhere in what was written is held at the end, with every secret of the run.
    expect(ground.secrets).toContain(own.id);
  });
});

/** A session of Streamable HTTP. */
let session: string | undefined;
async function newer(): Promise<string> {
  session ??= await ground.openSession();
  return session;
}

describe('a stream of an HTTP+SSE client', () => {
  const noQuery = { status: 400, error: 'malformed_request', audit: { policy: 'session', reason: 'session.query' } };
  const allowed = { twin: () => note(), twinStatus: 202 };
  prove(
    () => ground,
    [
      { name: 'with a query', send: () => stream(TOKENS.user, `${OPEN}/sse?sessionId=mine`), ...noQuery, ...allowed },
      {
        name: 'with a token in the query',
        send: () => stream(TOKENS.user, `${OPEN}/sse?token=${TOKENS.user}`),
        ...noQuery,
        ...allowed,
      },
      {
        name: 'that is asked for as something else',
        send: () => stream(TOKENS.user, `${OPEN}/sse`, { accept: 'application/json' }),
        status: 406,
        error: 'not_acceptable',
        audit: { policy: 'session', reason: 'session.accept' },
        ...allowed,
      },
      ...['POST', 'DELETE'].map(
        (method): Attack => ({
          name: `asked for with ${method}`,
          send: () => get(`${OPEN}/sse`, TOKENS.user, { method }),
          status: 405,
          error: 'method_not_allowed',
          headers: { allow: 'GET' },
          audit: { policy: 'session', reason: 'route.verb' },
          ...allowed,
        }),
      ),
    ],
  );

  it('is no place to POST to: a client that looks for the newer transport there is told so', async () => {
    for (const probe of [
      modernCall(`${OPEN}/sse`, TOKENS.user),
      post(`${OPEN}/sse`, TOKENS.user, initializeMessage()),
    ]) {
      await proveOne(ground, {
        name: '',
        send: probe,
        status: 405,
        error: 'method_not_allowed',
        headers: { allow: 'GET' },
        audit: { policy: 'session', reason: 'route.verb' },
        closes: true,
        twin: { ...probe, target: OPEN },
      });
    }
    await proveOne(ground, {
      name: 'a GET with a body',
      send: { ...post(`${OPEN}/sse`, TOKENS.user, {}), method: 'GET' },
      status: 400,
      code: 40002,
      audit: { policy: 'parse', reason: 'body.unexpected' },
      closes: true,
      twin,
      twinStatus: 202,
    });
  });

  it('of which one caller has too many is refused, until one is closed; another caller has their own', async () => {
    const mine: Channel[] = [];
    for (let n = 0; n < MAX_STREAMS; n += 1) mine.push(await channel(TOKENS.scoped));
    const refusal = await ground.send(stream(TOKENS.scoped));
    expect([refusal.status, read(refusal).error]).toEqual([429, 'too_many_streams']);
    (await channel(TOKENS.other)).connection.destroy();
    for (const each of mine) each.connection.destroy();
    const again = await until(async () => {
      const connection = await ground.connect();
      connection.write(bytesOf(stream(TOKENS.scoped)));
      const head = await until(() => /^HTTP\/1\.1 (\d+)/.exec(connection.received().toString())?.[1], 'an answer');
      if (head === '200') return connection;
      connection.destroy();
      return undefined;
    }, 'there is room again');
    again.destroy();
  });

  it('ends when its token is revoked, with the session and what was under way', async () => {
    const token = await ground.gateway.token('leaver');
    ground.secrets.push(token);
    const theirs = await channel(token);
    await initialized(theirs, token);
    const slow = { name: 'slow_progress', arguments: { steps: 60_000, interval_ms: 10 } };
    const call = { jsonrpc: '2.0', id: 'slow', method: 'tools/call', params: slow };
    expect((await ground.send(post(theirs.endpoint, token, call))).status).toBe(202);
    await until(() => ground.hits().includes('tools/call'), 'the call has reached the server');
    const before = ground.fixture.world.cancelled.length;
    expect((await ground.gateway.command('token', 'revoke', 'leaver')).code).toBe(0);
    await until(() => theirs.text().endsWith('0\r\n\r\n'), 'the stream has ended');
    expect(theirs.text()).toContain('"code":40305');
    await until(() => ground.fixture.world.cancelled.length > before, 'the server was told');
    expect((await ground.send(note(theirs.endpoint, token))).status).toBe(401);
  });
});

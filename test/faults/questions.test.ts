import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, type Received, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { type Listening, type RpcMessage, type Session, toolValue } from './talk.ts';

const ROOTS = { capabilities: { roots: {} } };
const CLIENT_TIMEOUT = 50_402;
const NOT_FOUND = -32_601;
const question = (id: string) => JSON.stringify({ jsonrpc: '2.0', id, method: 'roots/list' });

/** A server over HTTP that asks on the stream of a call (`ask`), or on that of its session (`ask-later`). */
class AskingHttp {
  readonly http: ScriptedHttp;
  #listening: ServerResponse | undefined;
  #waiting: { readonly call: Received; readonly response: ServerResponse } | undefined;

  private constructor(http: ScriptedHttp) {
    this.http = http;
    http.onGet = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      this.#listening = response;
    };
    http.otherwise = (request, response) => this.#post(request, response);
  }

  static async start(): Promise<AskingHttp> {
    return new AskingHttp(await ScriptedHttp.start());
  }

  /** Streams of sessions so far. */
  get streams(): number {
    return this.http.of('GET').length;
  }

  /** Says something on the stream of the session. */
  say(message: string): void {
    this.#listening?.write(`data: ${message}\n\n`);
  }

  /** What came back under this id. */
  answers(id: string): RpcMessage[] {
    return this.http.received.map(({ body }) => JSON.parse(body || '{}')).filter((m) => m.id === id && !m.method);
  }

  #post(request: Received, response: ServerResponse): void {
    const { method, params, id } = request.rpc;
    if (method === 'initialize') {
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'asks', version: '1' } };
      const headers = { 'content-type': 'application/json', 'mcp-session-id': 'asking' };
      response.writeHead(200, headers).end(answer(request, result));
    } else if (method === 'tools/call' && params?.name === 'ask') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${question('q1')}\n\n`);
      this.#waiting = { call: request, response };
    } else if (method === 'tools/call' && params?.name === 'ask-and-speak') {
      const progress = (step: number) =>
        JSON.stringify({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: {
            progressToken: (params as { _meta: { progressToken: number } })._meta.progressToken,
            progress: step,
          },
        });
      const said = [question('q3'), progress(1), progress(2), answer(request, { content: [] })];
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(said.map((message) => `data: ${message}\n\n`).join(''));
    } else if (method === undefined && String(id) === 'q1') {
      response.writeHead(202).end();
      const { result, error } = JSON.parse(request.body);
      const content = [{ type: 'text', text: JSON.stringify(result ?? error) }];
      this.#waiting?.response.end(`data: ${answer(this.#waiting.call, { content })}\n\n`);
    } else if (method === undefined) response.writeHead(202).end();
    else wellBehaved(request, response);
  }
}

let gate: Gate;
let http: AskingHttp;
beforeAll(async () => {
  http = await AskingHttp.start();
  const patience = { call_timeout_ms: 3_000 };
  gate = await Gate.start([
    script('stdio', ['server.mjs', 'legacy']),
    { id: 'http', transport: 'streamable-http', url: http.http.url },
    script('hasty-stdio', ['server.mjs', 'legacy'], patience),
    { id: 'hasty-http', transport: 'streamable-http', url: http.http.url, ...patience },
  ]);
});
afterAll(async () => {
  await gate?.stop();
  await http?.http.stop();
});

describe.each(['stdio', 'http'])('what a server asks its client while it is called (%s)', (server) => {
  it('reaches a client that has said it can answer, on the stream of the call, and the answer reaches the server', async () => {
    const session = await gate.caller(server).open(ROOTS);
    const listening = await session.listen();
    const called = await session.begin(1, 'ask');
    const asked = await questionOn(called);
    // The server's own id is none the client knows.
    expect((await session.answer('q1', { roots: [] })).status).toBe(400);
    expect((await session.answer(asked, { roots: [] })).status).toBe(202);
    await until(() => called.said().length > 1, 'the call is answered');
    expect(called.said().map(({ id, method }) => [id, method])).toEqual([
      [asked, 'roots/list'],
      [1, undefined],
    ]);
    expect(JSON.parse(called.said()[1]?.result?.content?.[0]?.text as string)).toEqual({ roots: [] });
    expect(listening.said()).toEqual([]);
    // Answered once: there is nothing left to answer.
    expect(await session.answer(asked, { roots: [] })).toMatchObject({
      status: 400,
      last: { error: { code: -32_600 } },
    });
    listening.close();
    await session.end();
  });

  it('reaches it before what the server said after it', async () => {
    const session = await gate.caller(server).open(ROOTS);
    const listening = await session.listen();
    const reply = await session.tool(1, 'ask-and-speak', {}, { meta: { progressToken: 'p' } });
    expect(reply.messages.map(({ method, params }) => [method, params?.progress])).toEqual([
      ['roots/list', undefined],
      ['notifications/progress', 1],
      ['notifications/progress', 2],
      [undefined, undefined],
    ]);
    listening.close();
    await session.end();
  });

  it('does not reach a client that has not said so: the server is told at once', async () => {
    const session = await gate.caller(server).open();
    const reply = await session.tool(1, 'ask');
    expect(toolValue(reply)).toMatchObject({ code: NOT_FOUND });
    expect(reply.messages).toHaveLength(1);
    const refused = await gate.gateway.audited(
      ({ reason, server: of }) => reason === 'capability.not-declared' && of === server,
      'the refusal',
    );
    expect(refused).toMatchObject({ verdict: 'deny', method: 'roots/list' });
    await session.end();
  });

  it('is no business of another session, of the same caller or of another', async () => {
    const session = await gate.caller(server).open(ROOTS);
    const others = [await gate.caller(server).open(ROOTS), await gate.caller(server, 'bob').open(ROOTS)];
    const listening = await Promise.all(others.map((other) => other.listen()));
    const called = await session.begin(1, 'ask');
    const asked = await questionOn(called);
    for (const other of others) expect((await other.answer(asked, { roots: ['stolen'] })).status).toBe(400);
    expect((await session.answer(asked, { roots: [] })).status).toBe(202);
    await until(() => called.said().length > 1, 'the call is answered');
    expect(JSON.parse(called.said()[1]?.result?.content?.[0]?.text as string)).toEqual({ roots: [] });
    for (const stream of listening) expect(stream.said()).toEqual([]);
    for (const stream of listening) stream.close();
    await Promise.all([session, ...others].map((one) => one.end()));
  });
});

describe('a client that does not answer', () => {
  it('is given as long as a call, then the server hears an error (stdio)', async () => {
    const session = await gate.caller('hasty-stdio').open(ROOTS);
    await session.tool(1, 'ask-later');
    expect(await answeredOnStdio(session)).toMatchObject({ id: 'q2', error: { code: CLIENT_TIMEOUT } });
    // Nobody waits for the answer any more: the client is not asked now.
    await expectOnlyNews(session);
    await session.end();
  });

  it('is told that the question is over when it had it', async () => {
    const session = await gate.caller('hasty-stdio').open(ROOTS);
    const listening = await session.listen();
    await session.tool(1, 'ask-later');
    await until(() => listening.said().length > 1, 'the client has heard both');
    const [question, cancelled] = listening.said();
    expect(cancelled).toMatchObject({ method: 'notifications/cancelled', params: { requestId: question?.id } });
    expect((await session.answer(question?.id as number, { roots: [] })).status).toBe(400);
    listening.close();
    await session.end();
  });

  it('is given as long as a call, then the server hears an error (http)', async () => {
    const before = http.streams;
    const session = await gate.caller('hasty-http').open(ROOTS);
    await until(() => http.streams > before, 'the gateway listens to the server');
    http.say(question('late'));
    await until(() => http.answers('late').length > 0, 'the server has an answer');
    expect(http.answers('late')).toMatchObject([{ error: { code: CLIENT_TIMEOUT } }]);
    await session.end();
  });

  it('may answer in that time: the question waits for its stream', async () => {
    const session = await gate.caller('stdio').open(ROOTS);
    await session.tool(1, 'ask-later');
    const listening = await session.listen();
    expect((await session.answer(await questionOn(listening), { roots: [] })).status).toBe(202);
    expect(await answeredOnStdio(session)).toMatchObject({ id: 'q2', result: { roots: [] } });
    listening.close();
    await session.end();
  });

  it('need not, when the server takes its question back', async () => {
    const session = await gate.caller('stdio').open(ROOTS);
    const listening = await session.listen();
    await session.tool(1, 'ask-later');
    const asked = await questionOn(listening);
    await session.tool(2, 'take-back');
    await until(() => listening.said().length > 1, 'the client has heard both');
    expect(listening.said().map(({ method }) => method)).toEqual(['roots/list', 'notifications/cancelled']);
    expect(listening.said()[1]?.params).toEqual({ requestId: asked, reason: 'no longer needed' });
    expect((await session.answer(asked, { roots: [] })).status).toBe(400);
    listening.close();
    await session.end();
  });

  it('is not asked when the server takes its question back before it was judged', async () => {
    const session = await gate.caller('stdio').open(ROOTS);
    await session.tool(1, 'ask-in-vain');
    await gate.gateway.audited(
      ({ type, method, outcome, session_id }) =>
        type === 'outcome' && method === 'roots/list' && outcome === 'cancelled' && !!session_id,
      'the end of the question',
    );
    await expectOnlyNews(session);
    await session.end();
  });

  it('because it has no stream open need not answer a ping: the server is answered', async () => {
    const session = await gate.caller('stdio').open();
    await session.tool(1, 'ping-later');
    await gate.gateway.audited(
      ({ method, upstream_error }) => method === 'ping' && String(upstream_error).startsWith('answered by the gateway'),
      'the answer of the gateway',
    );
    expect(await answeredOnStdio(session)).toMatchObject({ id: 'q2', result: {} });
    // Who has one is asked.
    const listening = await session.listen();
    await session.tool(2, 'ping-later');
    await until(() => listening.said().length > 0, 'the client is asked');
    expect(listening.said()).toMatchObject([{ method: 'ping' }]);
    listening.close();
    await session.end();
  });
});

describe('a server that asks too much', () => {
  it('may have 64 questions open: the next is refused, and those are asked', async () => {
    const session = await gate.caller('stdio').open(ROOTS);
    const reply = await session.tool(1, 'ask-much');
    expect(toolValue(reply)).toEqual({ id: 65, code: 50_305 });
    const asked = reply.messages.filter(({ method }) => method === 'roots/list').map(({ id }) => id);
    expect(new Set(asked).size).toBe(64);
    const refused = await gate.gateway.audited(({ reason }) => reason === 'session.questions', 'the refusal');
    expect(refused).toMatchObject({ verdict: 'deny', policy: 'session', jsonrpc_id: 65 });
    // One place is free again with one answer.
    expect((await session.answer(asked[0] as number, { roots: [] })).status).toBe(202);
    const more = await session.begin(2, 'ask');
    await session.answer(await questionOn(more), { roots: [] });
    await until(() => more.said().length > 1, 'the call is answered');
    more.close();
    await session.end();
  });

  it('is refused a question under an id that is too long to keep, and not one just within', async () => {
    const session = await gate.caller('stdio').open(ROOTS);
    const long = await session.tool(1, 'ask-much', { letters: 4_095 });
    expect(toolValue(long)).toMatchObject({ code: -32_600 });
    const called = await session.begin(2, 'ask-much', { letters: 4_094 });
    expect((await session.answer(await questionOn(called), { roots: [] })).status).toBe(202);
    called.close();
    await session.end();
  });
});

describe('an answer', () => {
  it('to a question of a server that died is not taken for one to its successor, and the client is told', async () => {
    const session = await gate.caller('stdio').open(ROOTS);
    const first = await session.begin(1, 'ask');
    const asked = await questionOn(first);
    const listening = await session.listen();
    await session.tool(2, 'exit');
    await until(() => listening.said().length > 0, 'the client is told');
    expect(listening.said()).toMatchObject([{ method: 'notifications/cancelled', params: { requestId: asked } }]);
    const second = await session.begin(3, 'ask');
    const again = await questionOn(second);
    expect(again).not.toBe(asked);
    expect((await session.answer(asked, { roots: ['of the first'] })).status).toBe(400);
    expect((await session.answer(again, { roots: [] })).status).toBe(202);
    await until(() => second.said().length > 1, 'the call is answered');
    expect(JSON.parse(second.said()[1]?.result?.content?.[0]?.text as string)).toEqual({ roots: [] });
    listening.close();
    await session.end();
  });

  it('is to the first of two questions under one id: the second is not asked', async () => {
    const session = await gate.caller('stdio').open(ROOTS);
    const called = await session.begin(1, 'ask-twice');
    await gate.gateway.audited(
      ({ upstream_error }) => String(upstream_error).startsWith('dropped: the server has an open question'),
      'the second',
    );
    expect((await session.answer(await questionOn(called), { roots: [] })).status).toBe(202);
    await until(() => called.said().length > 1, 'the call is answered');
    expect(called.said().map(({ method }) => method)).toEqual(['roots/list', undefined]);
    expect(JSON.parse(called.said()[1]?.result?.content?.[0]?.text as string)).toEqual({ roots: [] });
    await session.end();
  });
});

/** The id of the question a stream carries first, as the client knows it. */
async function questionOn(stream: Listening): Promise<string | number> {
  await until(() => stream.said().length > 0, 'the client is asked');
  const [question] = stream.said();
  expect(question).toMatchObject({ method: 'roots/list' });
  return question?.id as string | number;
}

/** What the child has got under the id of its question. */
function answeredOnStdio(session: Session): Promise<RpcMessage> {
  return until(async () => {
    const received = toolValue<RpcMessage[]>(await session.tool(9, 'received'));
    return received.find(({ id, method }) => id === 'q2' && method === undefined);
  }, 'the server has an answer');
}

/** What comes from now on reaches a new stream of the session, and nothing that waited. */
async function expectOnlyNews(session: Session): Promise<void> {
  const listening = await session.listen();
  await session.tool(2, 'log');
  await until(() => listening.said().length > 0, 'the stream carries what comes now');
  expect(listening.said().map(({ method }) => method)).toEqual(['notifications/message']);
  listening.close();
}

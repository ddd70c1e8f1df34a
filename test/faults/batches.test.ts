import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Received, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { type Session, toolValue } from './talk.ts';

const BATCHING = { version: '2025-03-26' };
const progress = (step: number, token: unknown) => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: token, progress: step },
});
const result = (id: unknown) => ({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: '"batched"' }] } });

/** The messages a server has for one call, as one array. */
function batchFor({ rpc }: Received): string {
  const token = (rpc.params?._meta as { progressToken?: unknown } | undefined)?.progressToken;
  return JSON.stringify([progress(1, token), progress(2, token), result(rpc.id)]);
}

let gate: Gate;
let http: ScriptedHttp;
beforeAll(async () => {
  http = await ScriptedHttp.start();
  http.otherwise = (request, response) => {
    const { method, params, id } = request.rpc;
    if (method === 'initialize') {
      const { protocolVersion } = params as { protocolVersion: string };
      const opening = { protocolVersion, capabilities: {}, serverInfo: { name: 'batches', version: '1' } };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: opening }));
    } else if (params?.name === 'json') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(batchFor(request));
    } else if (params?.name === 'event') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${batchFor(request)}\n\n`);
    } else wellBehaved(request, response);
  };
  http.onGet = (_, response) => {
    const changes = ['tools', 'prompts'].map((what) => ({
      jsonrpc: '2.0',
      method: `notifications/${what}/list_changed`,
    }));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${JSON.stringify(changes)}\n\n`);
  };
  gate = await Gate.start([
    script('stdio', ['server.mjs', 'legacy']),
    { id: 'http', transport: 'streamable-http', url: http.url },
  ]);
});
afterAll(async () => {
  await gate?.stop();
  await http?.stop();
});

describe('several messages of a server in one array', () => {
  it.each([
    ['stdio', 'batch'],
    ['http', 'json'],
    ['http', 'event'],
  ])('reach the client one by one in 2025-03-26 (%s, %s)', async (server, tool) => {
    const session = await gate.caller(server).open(BATCHING);
    const reply = await session.tool(7, tool, {}, { meta: { progressToken: 'mine' } });
    expect(reply.messages.map(({ id, params }) => [id, params?.progressToken, params?.progress])).toEqual([
      [undefined, 'mine', 1],
      [undefined, 'mine', 2],
      [7, undefined, undefined],
    ]);
    expect(toolValue(reply)).toBe('batched');
    await session.end();
  });

  it('reach the stream of the session one by one in 2025-03-26', async () => {
    const session = await gate.caller('http').open(BATCHING);
    const listening = await session.listen();
    await until(() => listening.said().length === 2, 'both have come');
    expect(listening.said().map(({ method }) => method)).toEqual([
      'notifications/tools/list_changed',
      'notifications/prompts/list_changed',
    ]);
    listening.close();
    await session.end();
  });

  it.each(['json', 'event'])('are no answer in a revision without batches (http, %s)', async (tool) => {
    const session = await gate.caller('http').open();
    expect(await session.tool(7, tool)).toMatchObject({ last: { id: 7, error: { code: 50_202 } } });
    await session.end();
  });

  it('are noise on stdio in a revision without batches, and the pipe works on', async () => {
    const session = await gate.caller('stdio').open({ version: '2025-06-18' });
    const heard = session.tool(7, 'batch', {}, { meta: { progressToken: 'mine' } });
    expect(toolValue(await session.tool(8, 'echo', { still: 'here' }))).toEqual({ still: 'here' });
    await session.notify('notifications/cancelled', { requestId: 7 });
    expect((await heard).messages).toHaveLength(1);
    await session.end();
  });
});

describe('several messages of a client in one array', () => {
  const batch = (session: Session, server: string, messages: object[]) =>
    gate
      .caller(server)
      .send('POST', session.headers, JSON.stringify(messages.map((each) => ({ jsonrpc: '2.0', ...each }))));
  const cancel = (requestId: number) => ({ method: 'notifications/cancelled', params: { requestId } });
  const tool = (id: number, name: string) => ({ id, method: 'tools/call', params: { name, arguments: {} } });

  it('are taken in their order: a call can be taken back by what comes after it, and not by what came before', async () => {
    const session = await gate.caller('stdio').open(BATCHING);
    const reply = await batch(session, 'stdio', [cancel(8), tool(7, 'hang'), cancel(7), tool(8, 'echo')]);
    const answers = new Map(reply.messages.map((message) => [message.id, message]));
    expect(answers.get(7)).toMatchObject({ error: { code: 49_901 } });
    expect(answers.get(8)).toMatchObject({ result: { content: [{ type: 'text' }] } });
    expect(answers.size).toBe(2);
    await session.end();
  });

  it('leave for an HTTP server when it has taken the notification before them', async () => {
    const session = await gate.caller('http').open(BATCHING);
    const before = http.received.length;
    const changed = { method: 'notifications/roots/list_changed' };
    const reply = await batch(session, 'http', [changed, tool(1, 'first'), changed, tool(2, 'second')]);
    expect(reply.messages.map(({ id }) => id).toSorted()).toEqual([1, 2]);
    const heard = http.received.slice(before).filter(({ method }) => method === 'POST');
    const names = heard.map(({ rpc }) => rpc.params?.name ?? rpc.method);
    expect(names).toHaveLength(4);
    expect(names[0]).toBe(changed.method);
    expect(names.indexOf('second')).toBeGreaterThan(names.lastIndexOf(changed.method));
    await session.end();
  });
});

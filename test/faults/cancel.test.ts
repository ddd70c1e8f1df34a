import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditLine } from '../support/gateway.ts';
import { openRaw } from '../support/raw.ts';
import { answer, type Received, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { until, within } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { type Reply, type RpcMessage, toolValue } from './talk.ts';

interface Speaker {
  tool(
    id: string | number,
    name: string,
    args?: object,
    options?: { signal?: AbortSignal; meta?: object },
  ): Promise<Reply>;
}

const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
/** Calls the scripted server has received and not answered. */
const held: { request: Received; response: ServerResponse }[] = [];
const event = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n';

let upstream: ScriptedHttp;
let gate: Gate;
beforeAll(async () => {
  upstream = await ScriptedHttp.start();
  upstream.otherwise = (request, response) => {
    const { method, params } = request.rpc;
    if (method === 'tools/list') {
      const tools = ['hang', 'begin'].map((name) => ({ name, inputSchema: { type: 'object' } }));
      response.setHeader('content-type', 'application/json').end(answer(request, { tools }));
    } else if (method === 'initialize') {
      const result = {
        protocolVersion: params?.protocolVersion,
        capabilities: {},
        serverInfo: { name: 's', version: '1' },
      };
      response.setHeader('content-type', 'application/json').end(answer(request, result));
    } else if (method === 'tools/call') {
      if (params?.name === 'begin') response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event);
      held.push({ request, response });
    } else wellBehaved(request, response);
  };
  gate = await Gate.start([
    script('stdio', ['server.mjs', 'modern']),
    script('stdio-legacy', ['server.mjs', 'legacy']),
    { id: 'http', transport: 'streamable-http', url: upstream.url, era: 'modern' },
    { id: 'http-list', transport: 'streamable-http', url: upstream.url, era: 'modern' },
    { id: 'http-legacy', transport: 'streamable-http', url: upstream.url, era: 'legacy' },
  ]);
});
afterAll(async () => {
  await gate.stop();
  await upstream.stop();
});

/** Starts a call and gives up on it once `begun`. */
async function abandon(speaker: Speaker, tool: string, begun: () => Promise<unknown>): Promise<void> {
  const client = new AbortController();
  const call = speaker.tool('mine', tool, { size: 10 }, { signal: client.signal, meta: { progressToken: 7 } });
  const gone = expect(call).rejects.toThrow('abort');
  await begun();
  client.abort();
  await gone;
}

const received = async (speaker: Speaker) => toolValue<RpcMessage[]>(await speaker.tool(2, 'received'));

/** The child's own id of the call of this tool, once it has come. */
async function upstreamId(speaker: Speaker, tool: string): Promise<unknown> {
  const found = await until(
    async () => (await received(speaker)).find(({ params }) => params?.name === tool),
    `the server has received ${tool}`,
  );
  return found.id;
}

const cancels = (messages: readonly RpcMessage[]) =>
  messages.filter(({ method }) => method === 'notifications/cancelled').map(({ params }) => params?.requestId);

const ended = (server: string, type: string) => (line: AuditLine) =>
  line.type === type && line.server === server && (type === 'stream_end' || line.tool !== 'received');

describe('a modern client that closes its stream', () => {
  it.each(['hang', 'stream'])('cancels the call on a stdio server (%s)', async (tool) => {
    const ada = gate.caller('stdio');
    await abandon(ada, tool, () => upstreamId(ada, tool));
    const id = await upstreamId(ada, tool);
    await until(async () => cancels(await received(ada)).includes(id as never), 'the server is told');
    await gate.gateway.audited((line) => line.tool === tool && line.outcome === 'cancelled', 'the cancelled call');
  });

  it.each(['hang', 'begin'])('ends the request to an HTTP server (%s)', async (tool) => {
    await abandon(gate.caller('http'), tool, () => until(() => held.length > 0, 'the server has the call'));
    const { request, response } = held.pop()!;
    await within(request.over, 'the connection is closed');
    expect(response.writableFinished).toBe(false);
    expect(upstream.of('notifications/cancelled')).toEqual([]);
  });

  it('leaves no question for the list of tools behind: the next call asks a server that is well again', async () => {
    const ada = gate.caller('http-list');
    const lists = upstream.of('tools/list').length;
    upstream.next(() => {});
    await abandon(ada, 'hang', () => until(() => upstream.of('tools/list').length > lists, 'the list is asked for'));
    await within(upstream.of('tools/list').at(-1)!.over, 'the question is taken back');
    const call = ada.tool(2, 'hang');
    await until(() => held.length > 0, 'the server has the call');
    const { request, response } = held.pop()!;
    response.setHeader('content-type', 'application/json').end(answer(request));
    expect((await call).last).toMatchObject({ id: 2, result: { ok: true } });
    expect(upstream.of('tools/list')).toHaveLength(lists + 2);
    await gate.gateway.audited(
      ({ type, server, outcome }) => type === 'outcome' && server === 'http-list' && outcome === 'cancelled',
      'the cancelled call',
    );
  });

  it('hears nothing of what a stdio server still says of it, nor does the next call under its id', async () => {
    const ada = gate.caller('stdio');
    await abandon(ada, 'late', () => upstreamId(ada, 'late'));
    const id = await upstreamId(ada, 'late');
    await until(async () => cancels(await received(ada)).includes(id as never), 'the server is told');
    const { messages } = await ada.tool('mine', 'echo', { own: 'answer' });
    expect(messages.length).toBe(1);
    expect(messages[0]?.result?.content).toEqual([{ type: 'text', text: '{"own":"answer"}' }]);
  });

  it.each([
    'destroy',
    'reset',
  ] as const)('is taken for gone while the server has said nothing yet (%s)', async (way) => {
    const client = await openRaw(gate.url('http'));
    const params = { name: 'hang', arguments: {}, _meta: MODERN_META };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    client.write(
      `POST /mcp/http HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${gate.token()}\r\n` +
        'Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n' +
        'MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: hang\r\n' +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => held.length > 0, 'the server has the call');
    client[way]();
    const { request, response } = held.pop()!;
    await within(request.over, 'the connection is closed');
    expect([response.headersSent, response.writableFinished]).toEqual([false, false]);
  });
});

describe('a legacy client that loses its connection', () => {
  it('does not cancel on a stdio server; saying so does', async () => {
    const session = await gate.caller('stdio-legacy').open();
    await abandon(session, 'stream', () => upstreamId(session, 'stream'));
    await gate.gateway.audited(ended('stdio-legacy', 'stream_end'), 'the end of the stream');
    expect(cancels(await received(session))).toEqual([]);
    const again = await session.tool('mine', 'echo');
    expect(again).toMatchObject({ status: 400, last: { error: { message: expect.stringContaining('still being') } } });

    const id = await upstreamId(session, 'stream');
    await session.notify('notifications/cancelled', { requestId: 'mine' });
    await until(async () => cancels(await received(session)).includes(id as never), 'the server is told');
    expect(toolValue(await session.tool('mine', 'echo', { free: 'again' }))).toEqual({ free: 'again' });
    await session.end();
  });

  it('does not cancel on an HTTP server: the call is carried out and recorded', async () => {
    const session = await gate.caller('http-legacy').open();
    await abandon(session, 'begin', () => gate.gateway.audited(ended('http-legacy', 'stream_start'), 'a stream'));
    await gate.gateway.audited(ended('http-legacy', 'stream_end'), 'the end of the stream');
    const { request, response } = held.pop()!;
    response.end(`data: ${answer(request)}\n\n`);
    await within(request.over, 'the answer is taken');
    expect(response.writableFinished).toBe(true);
    const outcome = await gate.gateway.audited(
      (line) => line.server === 'http-legacy' && line.type === 'outcome' && line.tool === 'begin',
      'the outcome of the call',
    );
    expect(outcome.outcome).toBe('ok');
    expect(upstream.of('notifications/cancelled')).toEqual([]);
    await session.end();
  });
});

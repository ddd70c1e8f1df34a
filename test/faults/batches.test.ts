import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Received, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { toolValue } from './talk.ts';

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

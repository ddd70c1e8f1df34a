import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { Gate, script } from './gate.ts';

/** What a modern server may not say on the stream of a call, or only to a call that asked for it. */
const strays = (id: number) => [
  { method: 'notifications/progress', params: { progressToken: id, progress: 1, message: 'own' } },
  { method: 'notifications/progress', params: { progressToken: id + 1, progress: 1, message: 'of another call' } },
  { method: 'notifications/progress', params: { progressToken: 'mine', progress: 1, message: 'a guess' } },
  { method: 'notifications/message', params: { level: 'info', data: 'log line' } },
  { method: 'notifications/tools/list_changed' },
  { method: 'notifications/resources/updated', params: { uri: 'a:1' } },
  { method: 'notifications/cancelled', params: { requestId: id } },
  { method: 'notifications/vendor', params: {} },
  { id: 'q1', method: 'roots/list' },
];

let upstream: ScriptedHttp;
let gate: Gate;
beforeAll(async () => {
  upstream = await ScriptedHttp.start();
  upstream.otherwise = (request, response) => {
    if (request.rpc.method !== 'tools/call') return wellBehaved(request, response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const stray of strays(request.rpc.id as number)) {
      response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...stray })}\n\n`);
    }
    response.end(`data: ${answer(request, { resultType: 'complete', content: [] })}\n\n`);
  };
  gate = await Gate.start([
    script('stdio', ['server.mjs', 'modern']),
    { id: 'http', transport: 'streamable-http', url: upstream.url, era: 'modern' },
  ]);
});
afterAll(async () => {
  await gate.stop();
  await upstream.stop();
});

const said = async (server: string, meta: object) => {
  const { status, messages } = await gate.caller(server).tool(1, 'strays', {}, { meta: { ...meta } });
  expect([status, messages.at(-1)]).toMatchObject([200, { id: 1, result: {} }]);
  return messages.slice(0, -1).map(({ method, params }) => `${method} ${params?.message ?? params?.data}`);
};

describe.each(['http', 'stdio'])('a modern server over %s that says too much before its answer', (server) => {
  it('is not heard by a call that asked for nothing', async () => {
    expect(await said(server, {})).toEqual([]);
  });

  it('is heard of the progress of the call that asked for it, and of no other', async () => {
    expect(await said(server, { progressToken: 'mine' })).toEqual(['notifications/progress own']);
  });

  it('is heard in log lines by a call that set a level', async () => {
    const meta = { 'io.modelcontextprotocol/logLevel': 'debug' };
    expect(await said(server, meta)).toEqual(['notifications/message log line']);
  });
});

import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, type Received, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import type { RpcMessage } from './talk.ts';

const report = (progressToken: unknown, message: string) =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1, message } })}\n\n`;
const tokenOf = ({ rpc }: Received) =>
  (rpc.params?._meta as { progressToken?: number } | undefined)?.progressToken as number;
const EVENTS = { 'content-type': 'text/event-stream' };

/** A server that reports progress wherever its tools say. */
class Reporter {
  readonly http: ScriptedHttp;
  stream: ServerResponse | undefined;
  /** Calls that wait for `finish`. */
  readonly waiting: { readonly request: Received; readonly response: ServerResponse }[] = [];

  private constructor(http: ScriptedHttp) {
    this.http = http;
    http.onGet = (_, response) => {
      this.stream = response;
      response.writeHead(200, EVENTS).write(': \n\n');
    };
    http.otherwise = (request, response) => {
      const { method, params } = request.rpc;
      if (method === 'initialize') {
        const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'r', version: '1' } };
        const headers = { 'content-type': 'application/json', 'mcp-session-id': 's' };
        response.writeHead(200, headers).end(answer(request, result));
      } else if (params?.name === 'wait') {
        response.writeHead(200, EVENTS).write(': \n\n');
        this.waiting.push({ request, response });
      } else if (params?.task !== undefined) wellBehavedTask(request, response);
      else wellBehaved(request, response);
    };
  }

  static async start(): Promise<Reporter> {
    return new Reporter(await ScriptedHttp.start());
  }

  async calls(count: number): Promise<number[]> {
    await until(() => this.waiting.length === count, `${count} calls wait`);
    return this.waiting.map(({ request }) => tokenOf(request));
  }

  finish(): void {
    for (const { request, response } of this.waiting.splice(0)) {
      response.end(`data: ${answer(request, { content: [] })}\n\n`);
    }
  }
}

function wellBehavedTask(request: Received, response: ServerResponse): void {
  const task = { taskId: 't-1', status: 'working', createdAt: '', lastUpdatedAt: '', ttl: null };
  response.writeHead(200, { 'content-type': 'application/json' }).end(answer(request, { task }));
}

let reporter: Reporter;
let gate: Gate;
beforeAll(async () => {
  reporter = await Reporter.start();
  gate = await Gate.start([
    script('stdio', ['server.mjs', 'legacy']),
    { id: 'http', transport: 'streamable-http', url: reporter.http.url },
  ]);
});
afterAll(async () => {
  await gate?.stop();
  await reporter?.http.stop();
});

const told = (messages: readonly RpcMessage[]) =>
  messages
    .filter(({ method }) => method === 'notifications/progress')
    .map(({ params }) => `${params?.progressToken}: ${params?.message}`);

describe('progress reported beside the stream of its call', () => {
  it('reaches the call it is about, under its own token, and no other', async () => {
    const session = await gate.caller('http').open();
    const listening = await session.listen();
    const meta = (progressToken: string | number) => ({ meta: { progressToken } });
    const first = session.tool(1, 'wait', {}, meta('mine'));
    const [a] = await reporter.calls(1);
    const second = session.tool(2, 'wait', {}, meta(a as number));
    const [, b] = await reporter.calls(2);
    reporter.stream?.write(report(a, 'of the first') + report(b, 'of the second') + report(99_999, 'of none'));
    // On the stream of the second: what is not its own goes to whom it is about, or nowhere.
    reporter.waiting[1]?.response.write(report(a, 'astray') + report(99_999, 'of none') + report(b, 'its own'));
    const gone = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
    reporter.stream?.write(`data: ${JSON.stringify(gone)}\n\n`);
    await until(() => listening.said().length === 1, 'the stream of the session was read');
    reporter.finish();
    expect(told((await first).messages).toSorted()).toEqual(['mine: astray', 'mine: of the first']);
    expect(told((await second).messages).toSorted()).toEqual([`${a}: its own`, `${a}: of the second`]);
    expect(told(listening.said())).toEqual([]);
    listening.close();
    await session.end();
  });

  it('of a task reaches the stream of the session under the token of the call that made it, until the task ends', async () => {
    const session = await gate.caller('http').open();
    const listening = await session.listen();
    await session.request(1, 'tools/call', { name: 'long', task: {}, _meta: { progressToken: 'task' } });
    const token = tokenOf(reporter.http.of('tools/call').at(-1) as Received);
    reporter.stream?.write(report(token, 'going on'));
    await until(() => listening.said().length === 1, 'it is told');
    await session.request(2, 'tasks/result', { taskId: 't-1' });
    const gone = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
    reporter.stream?.write(`${report(token, 'too late')}data: ${JSON.stringify(gone)}\n\n`);
    await until(() => listening.said().length === 2, 'what came after is told');
    expect(told(listening.said())).toEqual(['task: going on']);
    listening.close();
    await session.end();
  });

  it('of a task of a child reaches the stream of the session under the token of the call', async () => {
    const session = await gate.caller('stdio').open();
    const listening = await session.listen();
    await session.request(1, 'tools/call', { name: 'make-task', task: {}, _meta: { progressToken: 'task' } });
    await until(() => listening.said().length === 2, 'all of it is told');
    expect(told(listening.said())).toEqual(['task: going on']);
    listening.close();
    await session.end();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, json, type Script, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { Gate, script } from './gate.ts';
import { type RpcMessage, toolValue } from './talk.ts';

/** A server whose sessions can be forgotten, as by a restart. */
class ForgetfulHttp {
  readonly http: ScriptedHttp;
  /** What it says to a session it does not know. */
  refuse: Script = (_, response) => response.writeHead(404).end();
  #sessions = 0;
  #known = 0;

  private constructor(http: ScriptedHttp) {
    this.http = http;
    http.otherwise = (request, response) => {
      const { method } = request.rpc;
      if (method === 'initialize') {
        this.#sessions += 1;
        this.#known = this.#sessions;
        const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'f', version: '1' } };
        const headers = { 'content-type': 'application/json', 'mcp-session-id': `s${this.#sessions}` };
        response.writeHead(200, headers).end(answer(request, result));
      } else if (request.headers['mcp-session-id'] !== `s${this.#known}`) this.refuse(request, response);
      else wellBehaved(request, response);
    };
  }

  static async start(): Promise<ForgetfulHttp> {
    return new ForgetfulHttp(await ScriptedHttp.start());
  }

  forget(): void {
    this.#known = -1;
    this.http.received.splice(0);
  }
}

let gate: Gate;
let http: ForgetfulHttp;
beforeAll(async () => {
  http = await ForgetfulHttp.start();
  gate = await Gate.start([
    script('stdio', ['server.mjs', 'legacy']),
    { id: 'http', transport: 'streamable-http', url: http.http.url },
  ]);
});
afterAll(async () => {
  await gate?.stop();
  await http?.http.stop();
});

const brief = ({ method, params }: { readonly method?: string; readonly params?: Record<string, unknown> }) => [
  method,
  params?.level ?? params?.uri,
];
const AGAIN = [
  ['initialize', undefined],
  ['notifications/initialized', undefined],
  ['logging/setLevel', 'warning'],
  ['resources/subscribe', 'file:///a'],
];

describe('a session whose server side is lost', () => {
  async function established(server: string) {
    const session = await gate.caller(server).open();
    await session.request(1, 'logging/setLevel', { level: 'debug' });
    await session.request(2, 'logging/setLevel', { level: 'warning' });
    await session.request(3, 'resources/subscribe', { uri: 'file:///a' });
    await session.request(4, 'resources/subscribe', { uri: 'file:///b' });
    await session.request(5, 'resources/unsubscribe', { uri: 'file:///b' });
    return session;
  }

  it('gets from the next process what the last had granted it', async () => {
    const session = await established('stdio');
    expect((await session.tool(6, 'exit')).status).toBe(502);
    const received = toolValue<RpcMessage[]>(await session.tool(7, 'received'));
    expect(received.map(brief)).toEqual([...AGAIN, ['tools/call', undefined]]);
    await session.end();
  });

  it('gets from the next session of an HTTP server what the last had granted it', async () => {
    const session = await established('http');
    http.forget();
    const first = await session.tool(6, 'echo');
    expect(first).toMatchObject({ status: 200, last: { id: 6, result: {} } });
    const posts = http.http.received.filter(({ method }) => method === 'POST');
    expect(posts.map(({ rpc }) => brief(rpc))).toEqual([
      ['tools/call', undefined],
      ...AGAIN,
      ['tools/call', undefined],
    ]);
    await session.end();
  });

  it('goes on after a server said 400 to it: that call has the words of the server, the next a new session', async () => {
    const text = 'Bad Request: No valid session ID provided';
    http.refuse = json(400, () => ({ jsonrpc: '2.0', id: null, error: { code: -32000, message: text } }));
    const session = await established('http');
    http.forget();
    const met = await session.tool(6, 'echo');
    expect(met).toMatchObject({ status: 200, last: { id: 6, error: { code: -32000, message: text } } });
    expect(await session.tool(7, 'echo')).toMatchObject({ status: 200, last: { id: 7, result: {} } });
    await session.end();
  });

  it('is given back no more than the gateway remembers for a session', async () => {
    const session = await gate.caller('stdio').open();
    for (let n = 0; n < 102; n += 1) await session.request(n, 'resources/subscribe', { uri: `file:///${n}` });
    await session.request(200, 'resources/subscribe', { uri: `file:///${'x'.repeat(20_000)}` });
    expect((await session.tool(201, 'exit')).status).toBe(502);
    const received = toolValue<RpcMessage[]>(await session.tool(202, 'received'));
    const again = received.filter(({ method }) => method === 'resources/subscribe').map(({ params }) => params?.uri);
    expect(new Set(again)).toEqual(new Set(Array.from({ length: 100 }, (_, n) => `file:///${n}`)));
    expect(again).toHaveLength(100);
    await session.end();
  });
});

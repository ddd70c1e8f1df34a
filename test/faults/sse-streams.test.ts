import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { descendants } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { Gate, script, type Who } from './gate.ts';
import { type RpcMessage, toolValue } from './talk.ts';

const BUFFER = 65_536;

let gate: Gate;
beforeAll(async () => {
  const mcps = [
    script('shared', ['server.mjs', 'legacy'], { child: 'shared' }),
    script('own', ['server.mjs', 'legacy']),
  ];
  gate = await Gate.start(mcps, { streams: { buffer_bytes: BUFFER } });
});
afterAll(() => gate.stop());

/** A client of HTTP+SSE, made by hand so that it can stop reading. */
class OldClient {
  text = '';
  readonly #server: string;
  readonly #who: Who;
  readonly #stream: ClientRequest;
  readonly #response: IncomingMessage;

  private constructor(server: string, who: Who, stream: ClientRequest, response: IncomingMessage) {
    this.#server = server;
    this.#who = who;
    this.#stream = stream;
    this.#response = response;
    response.on('error', () => {});
    response.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
  }

  static async open(server: string, who: Who = 'ada'): Promise<OldClient> {
    const headers = { authorization: `Bearer ${gate.token(who)}` };
    const sent = request(`${gate.url(server)}/sse`, { headers }).end();
    sent.on('error', () => {});
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const client = new OldClient(server, who, sent, response);
    const params = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'old', version: '1' } };
    await client.hears('event: endpoint');
    expect(await client.post({ id: 0, method: 'initialize', params })).toBe(202);
    await client.hears('"id":0');
    expect(await client.post({ method: 'notifications/initialized' })).toBe(202);
    return client;
  }

  async post(message: object): Promise<number> {
    const path = /data: (\S+)/.exec(this.text)?.[1] as string;
    const headers = { authorization: `Bearer ${gate.token(this.#who)}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    const answer = await fetch(new URL(path, gate.url(this.#server)), { method: 'POST', headers, body });
    await answer.arrayBuffer();
    return answer.status;
  }

  tool(id: string | number, name: string, meta: object = {}): Promise<number> {
    return this.post({ id, method: 'tools/call', params: { name, arguments: {}, _meta: meta } });
  }

  hears(text: string): Promise<unknown> {
    return until(() => this.text.includes(text), `the client hears ${text}`);
  }

  stopReading(): void {
    this.#response.pause();
  }

  leave(): void {
    this.#stream.destroy();
  }
}

const over = (server: string) => (line: { type: string; server?: unknown; reason?: unknown }) =>
  line.type === 'stream_end' && line.server === server && line.reason === 'slow-client';

describe('an old client that does not read its one stream', () => {
  it('is cut with its session, while others on the same child go on', async () => {
    const ada = await gate.caller('shared').open();
    const bob = await OldClient.open('shared', 'bob');
    bob.stopReading();
    expect(await bob.tool('flood', 'stream', { progressToken: 1 })).toBe(202);
    let isCut = false;
    const cut = gate.gateway.audited(over('shared'), 'the slow client that was cut').then(() => {
      isCut = true;
    });
    for (let call = 0; call < 5 || !isCut; call++) {
      expect(toolValue(await ada.tool(call, 'echo', { call }))).toEqual({ call });
    }
    await cut;
    expect(await bob.tool('late', 'echo')).toBe(404);
    const heard = toolValue<RpcMessage[]>(await ada.tool('last', 'received'));
    expect(heard.filter(({ method }) => method === 'notifications/cancelled')).toHaveLength(1);
    bob.leave();
    await ada.end();
  });

  it('holds up a child it has to itself, and takes it with it when it goes', async () => {
    const before = descendants(gate.gateway.pid).length;
    const client = await OldClient.open('own');
    client.stopReading();
    expect(await client.tool('flood', 'stream', { progressToken: 1 })).toBe(202);
    await gate.gateway.audited((line) => line.jsonrpc_id === 'flood' && line.type === 'decision', 'the call');
    client.leave();
    await until(() => descendants(gate.gateway.pid).length <= before, 'the child is gone');
  });
});

describe('an old client that asks for more than it waits for', () => {
  it('is refused beyond a number of calls, and served again when some are taken back', async () => {
    const client = await OldClient.open('own');
    for (let id = 1; id <= 256; id += 32) {
      const calls = Array.from({ length: 32 }, (_, n) => client.tool(id + n, 'hang'));
      expect(new Set(await Promise.all(calls))).toEqual(new Set([202]));
    }
    expect(await client.tool('more', 'echo')).toBe(429);
    expect(await client.post({ method: 'notifications/cancelled', params: { requestId: 1 } })).toBe(202);
    expect(await client.tool('again', 'echo')).toBe(202);
    await client.hears('"id":"again"');
    expect(client.text).not.toContain('"id":"more"');
    expect(client.text).not.toMatch(/"id":1[,}]/);
    client.leave();
  });
});

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/wait.ts';
import { Gate, script, type Who } from './gate.ts';
import { type Reply, type RpcMessage, type Session, toolValue } from './talk.ts';

const BUFFER = 65_536;

let gate: Gate;
beforeAll(async () => {
  const mcps = [
    script('shared-modern', ['server.mjs', 'modern'], { child: 'shared' }),
    script('shared-legacy', ['server.mjs', 'legacy'], { child: 'shared' }),
    script('own', ['server.mjs', 'legacy']),
  ];
  gate = await Gate.start(mcps, { streams: { buffer_bytes: BUFFER } });
});
afterAll(() => gate.stop());

/** A client that calls `stream`, takes the headers of the answer, and then reads nothing. */
async function neverReads(server: string, who: Who, session?: Session): Promise<ClientRequest> {
  const meta = {
    progressToken: 1,
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'stream' };
  const headers = {
    authorization: `Bearer ${gate.token(who)}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...(session?.headers ?? modern),
  };
  const sent = request(gate.url(server), { method: 'POST', headers });
  const params = { name: 'stream', arguments: {}, _meta: session === undefined ? meta : { progressToken: 1 } };
  sent.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }));
  sent.on('error', () => {});
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return sent;
}

function peakMemoryMiB(): number {
  const status = readFileSync(`/proc/${gate.gateway.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** True once the gateway has read nothing, from anybody, between so many looks in a row. */
function stillFor(looks: number): () => boolean {
  let last = '';
  let same = 0;
  return () => {
    const now = /rchar: \d+/.exec(readFileSync(`/proc/${gate.gateway.pid}/io`, 'utf8'))?.[0] ?? '';
    same = now === last ? same + 1 : 0;
    last = now;
    return same === looks;
  };
}

interface Speaker {
  tool(id: string | number, name: string, args?: object): Promise<Reply>;
}

describe.each(['shared-modern', 'shared-legacy'])('a reader that does not read (%s)', (server) => {
  it('is cut, while others on the same child go on', async () => {
    const legacy = server === 'shared-legacy';
    const ada: Speaker = legacy ? await gate.caller(server).open() : gate.caller(server);
    const bob = legacy ? await gate.caller(server, 'bob').open() : undefined;
    const before = peakMemoryMiB();
    await neverReads(server, 'bob', bob);
    const cut = gate.gateway.audited(
      (line) => line.type === 'stream_end' && line.server === server && line.reason === 'slow-client',
      'the slow client that was cut',
    );
    let over = false;
    void cut.then(() => {
      over = true;
    });
    for (let call = 0; call < 10 || !over; call++) {
      expect(toolValue(await ada.tool(call, 'echo', { call }))).toEqual({ call });
    }
    await cut;
    expect(peakMemoryMiB() - before).toBeLessThan(100);
    const heard = toolValue<RpcMessage[]>(await ada.tool('last', 'received'));
    const cancelled = heard.filter(({ method }) => method === 'notifications/cancelled');
    expect(cancelled).toHaveLength(legacy ? 0 : 1);
    if (bob !== undefined) await bob.notify('notifications/cancelled', { requestId: 1 });
  });
});

describe('a reader that does not read and has the child to itself', () => {
  it('holds the child up; when it goes, the session works on', async () => {
    const session = await gate.caller('own').open();
    const { pid } = toolValue<{ pid: number }>(await session.tool(2, 'identity'));
    const client = await neverReads('own', 'ada', session);
    await until(stillFor(5), 'the gateway reads no more of the child');
    const stuck = session.tool(3, 'echo', { after: 'all' });
    client.destroy();
    expect(toolValue(await stuck)).toEqual({ after: 'all' });
    await session.notify('notifications/cancelled', { requestId: 1 });
    expect(toolValue<{ pid: number }>(await session.tool(1, 'identity')).pid).toBe(pid);
    await session.end();
  });
});

describe('a reader that reads', () => {
  it.each([
    'shared-modern',
    'shared-legacy',
    'own',
  ])('gets messages far larger than the buffer (%s)', async (server) => {
    const speaker = server === 'shared-modern' ? gate.caller(server) : await gate.caller(server).open();
    const words = 'x'.repeat(40 * BUFFER);
    const reply = await speaker.tool(1, 'say', { words, turns: 3, aside: 'soon' }, { meta: { progressToken: 1 } });
    expect(reply.messages).toHaveLength(4);
    expect(toolValue(reply)).toBe(words);
  });
});

describe('a client that comes back', () => {
  it('gets more than may wait for a slow reader, and goes on listening', async () => {
    const session = await gate.caller('own').open();
    const uri = (change: number): string => `file:///${change}${'x'.repeat(BUFFER / 2)}`;
    for (let change = 1; change <= 5; change += 1) await session.tool(change, 'announce', { uri: uri(change) });
    const listening = await session.listen();
    const updates = () => listening.said().filter(({ method }) => method === 'notifications/resources/updated');
    await until(() => updates().length === 5, 'all that was said meanwhile has come');
    await session.tool(6, 'announce', { uri: uri(6) });
    await until(() => updates().length === 6, 'the stream stands');
    expect(updates().map(({ params }) => String(params?.uri).slice(0, 9))).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => `file:///${n}`),
    );
    listening.close();
    await session.end();
  });
});

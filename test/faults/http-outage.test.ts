import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV1, connectV2, type TestClient } from '../support/clients.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { until } from '../support/wait.ts';
import { Gate } from './gate.ts';

/** A port that is sometimes open: what connects is passed on to the server behind it. */
class Port {
  target = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor() {
    this.#server = createServer((client) => {
      const upstream = connect(Number(new URL(this.target).port), '127.0.0.1');
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      }
      client.pipe(upstream).pipe(client);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`;
  }

  async open(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async shut(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

const CLIENTS: [string, (url: string, token: string) => Promise<TestClient>][] = [
  ['SDK v1', (url, token) => connectV1(url, { token })],
  ['SDK v2 legacy', (url, token) => connectV2(url, 'legacy', { token })],
  ['SDK v2 modern', (url, token) => connectV2(url, 'pinned', { token })],
];

let fixture: FixtureHttp;
let gate: Gate;
const port = new Port();
beforeAll(async () => {
  fixture = await startFixtureHttp();
  port.target = fixture.url;
  await port.open();
  gate = await Gate.start([
    { id: 'remote', transport: 'streamable-http', url: port.url },
    // Never asked while it could answer, so its era is unknown when the port is shut.
    { id: 'stranger', transport: 'streamable-http', url: port.url },
  ]);
});
afterAll(async () => {
  await gate.stop();
  await port.shut();
  await fixture.stop();
});

const echo = async (client: TestClient, text: string) => (await client.callTool('echo', { text })).content[0]?.text;

describe('a remote server that is away for a while', () => {
  it.each(CLIENTS)('refuses %s, and serves it again on the same connection', async (_, open) => {
    const client = await open(gate.url('remote'), gate.token());
    expect(await echo(client, 'before')).toBe('before');
    await port.shut();
    await expect(echo(client, 'lost')).rejects.toThrow(/The server (could not be reached|ended the connection)/);
    await expect(echo(client, 'lost')).rejects.toThrow('The server could not be reached');
    await port.open();
    expect(await echo(client, 'after')).toBe('after');
    await client.close();
  });

  it('gives new clients an error while it is away, and the operator the remedy', async () => {
    await port.shut();
    const caller = gate.caller('stranger');
    const modern = await caller.tool('mine', 'echo', { text: 'x' });
    const legacy = await caller.initialize('too');
    await port.open();
    for (const { status, last } of [modern, legacy]) {
      expect(last.error?.code).toBe(50_201);
      expect(status).toBe(502);
    }
    expect([modern.last.id, legacy.last.id]).toEqual(['mine', 'too']);
    expect(await gate.told('stranger', 0)).toEqual([expect.stringMatching(/nothing listens there/)]);
    expect((await caller.tool(1, 'echo', { text: 'x' })).last.result?.content).toEqual([{ type: 'text', text: 'x' }]);
  });

  it.each(CLIENTS)('comes back without its memory: the session of %s goes on', async (_, open) => {
    const client = await open(gate.url('remote'), gate.token());
    expect(await echo(client, 'before')).toBe('before');
    const next = await startFixtureHttp();
    const before = fixture;
    await port.shut();
    [fixture, port.target] = [next, next.url];
    await port.open();
    await before.stop();
    // A server that does not know the session has not carried out the call either: it is made again in a new one.
    expect(await echo(client, 'first')).toBe('first');
    expect(await echo(client, 'second')).toBe('second');
    await client.close();
    await until(() => fixture.sessions().length === 0, 'the server has no session left');
  });
});

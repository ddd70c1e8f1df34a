import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/wait.ts';
import { Gate } from './gate.ts';

const REFUSED = 50_201;
const CLOSED = 50_203;
/** In each of three manners. */
const CALLS = 400;
const AT_ONCE = 8;

type Manner = 'closes after the answer' | 'resets after the answer' | 'closes at the next request';

/** A server that ends its connections at the worst moment, and remembers which calls it has carried out. */
class Fickle {
  /** How often each call was carried out, by its number. */
  readonly done = new Map<number, number>();
  manner: Manner = 'closes after the answer';
  connections = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => this.#serve(socket));
  }

  static async start(): Promise<Fickle> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Fickle(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    let received = '';
    let answered = 0;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      // The next request on a connection that was about to be closed: it is read by nobody.
      if (answered > 0 && this.manner === 'closes at the next request') return void socket.destroy();
      received += chunk.toString();
      const body = bodyOf(received);
      if (body === undefined) return;
      received = '';
      answered += 1;
      socket.write(this.#answer(body));
      // Between now and the moment the other side hears of it lies the race.
      if (this.manner === 'closes after the answer') setImmediate(() => socket.end());
      else if (this.manner === 'resets after the answer') setImmediate(() => socket.resetAndDestroy());
    });
  }

  #answer(body: string): string {
    const { id, params } = JSON.parse(body) as { id: number; params: { arguments?: { n: number } } };
    const n = params.arguments?.n ?? -1;
    this.done.set(n, (this.done.get(n) ?? 0) + 1);
    const text = JSON.stringify({ jsonrpc: '2.0', id, result: { n } });
    return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
  }
}

function bodyOf(request: string): string | undefined {
  const end = request.indexOf('\r\n\r\n');
  const length = Number(/content-length: (\d+)/i.exec(request)?.[1]);
  return end >= 0 && request.length >= end + 4 + length ? request.slice(end + 4) : undefined;
}

let fickle: Fickle;
let gate: Gate;
beforeAll(async () => {
  fickle = await Fickle.start();
  const server = { transport: 'streamable-http', era: 'modern', call_timeout_ms: 5_000 };
  gate = await Gate.start([
    { id: 'fickle', ...server, url: fickle.url },
    // A name that no resolver has (RFC 6761, section 6.4).
    { id: 'nowhere', ...server, start_timeout_ms: 2_000, url: 'http://no-such-server.invalid/mcp' },
  ]);
});
afterAll(async () => {
  await gate.stop();
  await fickle.stop();
});

describe('a server that closes a connection as it is used again', () => {
  it.each<Manner>([
    'closes after the answer',
    'resets after the answer',
    'closes at the next request',
  ])('(%s) gets no call twice, and each caller an answer or a clear error', async (manner) => {
    fickle.manner = manner;
    fickle.done.clear();
    const caller = gate.caller('fickle');
    const ended = new Map<number, string>();
    let next = 0;
    const lane = async () => {
      for (let n = next++; n < CALLS; n = next++) {
        const { status, last } = await caller.tool(n, 'tool', { n });
        expect(last.id).toBe(n);
        if (status === 200) expect(last.result).toEqual({ n });
        else expect([`502 ${CLOSED}`, `502 ${REFUSED}`]).toContain(`${status} ${last.error?.code}`);
        ended.set(n, status === 200 ? 'answered' : last.error?.code === REFUSED ? 'never sent' : 'failed');
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    for (const [n, end] of ended) {
      const times = fickle.done.get(n) ?? 0;
      expect(times, `call ${n} ${end}`).toBeLessThanOrEqual(1);
      if (end === 'answered') expect(times).toBe(1);
      if (end === 'never sent') expect(times).toBe(0);
    }
    expect([...ended.values()].filter((end) => end === 'answered').length).toBeGreaterThan(AT_ONCE);
    expect(fickle.connections).toBeGreaterThan(AT_ONCE);
    await until(() => gate.descriptors() < 100, 'no connection is left behind');
  });
});

describe('a server whose name does not resolve', () => {
  it('is a clear error under the own id, and a remedy for the operator', async () => {
    const { status, last } = await gate.caller('nowhere').tool('mine', 'tool');
    expect([status, last.id, last.error?.code]).toEqual([502, 'mine', REFUSED]);
    expect(JSON.stringify(last)).not.toContain('no-such-server');
    expect(await gate.told('nowhere', 0)).toEqual([
      expect.stringMatching(/host name of mcps\[\]\.url|check mcps\[\]\.url/),
    ]);
  });
});

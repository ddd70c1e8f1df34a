import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LISTENER_LIMITS } from '../../test/support/listener-limits.ts';
import { openRaw, sendRaw } from '../../test/support/raw.ts';
import type { Problem } from '../problem/problem.ts';
import { Listener, type ListenerHandlers, type ListenerSettings } from './listener.ts';

const CONNECT = 'CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const answer = (_: IncomingMessage, response: ServerResponse): void => void response.end('hello');

async function listening(handlers: Partial<ListenerHandlers> = {}, limits: Partial<ListenerSettings['limits']> = {}) {
  const refused: { problem: Problem; detail: string }[] = [];
  const listener = new Listener(
    'main',
    { host: '127.0.0.1', port: 0, limits: { ...LISTENER_LIMITS, ...limits } },
    {
      request: answer,
      refused: (problem, detail) => `id-${refused.push({ problem, detail })}`,
      turnedAway: () => '',
      headers: () => [],
      ...handlers,
    },
  );
  await listener.start();
  onTestFinished(() => listener.stop(AbortSignal.abort()));
  return { listener, refused, url: `http://127.0.0.1:${listener.address.port}` };
}

describe('a listener', () => {
  it('says which port the system gave it', async () => {
    const { listener, url } = await listening();
    expect(listener.address).toEqual({ host: '127.0.0.1', port: expect.any(Number) });
    expect(listener.address.port).toBeGreaterThan(0);
    expect(String((await sendRaw(url, GET)).body)).toBe('hello');
  });

  it('fails to start on a port that is taken, as the operating system says', async () => {
    const { listener } = await listening();
    const second = new Listener(
      'second',
      { host: '127.0.0.1', port: listener.address.port, limits: LISTENER_LIMITS },
      { request: answer, refused: () => '', turnedAway: () => '', headers: () => [] },
    );
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await second.stop(AbortSignal.abort());
  });

  it('answers what is no HTTP itself, as JSON, and tells for the record', async () => {
    const { refused, url } = await listening();
    const refusal = await sendRaw(url, 'NONSENSE\r\n\r\n');
    expect(refusal.status).toBe(400);
    expect(JSON.parse(String(refusal.body))).toMatchObject({ error: 'malformed_request', decision_id: 'id-1' });
    expect(refusal.headers.get('x-request-id')).toEqual(['id-1']);
    expect(String(refusal.bytes)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(refused).toMatchObject([{ problem: { code: 'MALFORMED_REQUEST' }, detail: expect.stringMatching(/^HPE_/) }]);
  });

  it('refuses headers over the limit and takes those under it', async () => {
    const { refused, url } = await listening();
    const padded = (bytes: number) => `GET / HTTP/1.1\r\nHost: localhost\r\nX-Pad: ${'x'.repeat(bytes)}\r\n\r\n`;
    expect((await sendRaw(url, padded(5_000))).status).toBe(431);
    expect(refused).toMatchObject([{ problem: { code: 'HEADERS_TOO_LARGE' } }]);
    expect((await sendRaw(url, padded(3_000))).status).toBe(200);
  });

  it('refuses a client that does not finish its headers in time', async () => {
    const { refused, url } = await listening({}, { header_timeout_ms: 20 });
    expect((await sendRaw(url, 'GET / HTTP/1.1\r\nHost: local')).status).toBe(408);
    expect(refused).toMatchObject([{ problem: { code: 'REQUEST_TIMEOUT' } }]);
  });

  it('never opens a tunnel', async () => {
    const { url } = await listening();
    expect((await sendRaw(url, CONNECT)).status).toBe(405);
  });

  it.each([
    ['asks for a tunnel', CONNECT],
    ['sends what is no request', 'NONSENSE\r\n\r\n'],
    ['asks for another protocol', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ])('outlives clients that go at once: one that %s', async (_, bytes) => {
    const errors: unknown[] = [];
    const uncaught = (error: unknown): void => void errors.push(error);
    process.on('uncaughtException', uncaught);
    onTestFinished(() => void process.off('uncaughtException', uncaught));
    const { listener, url } = await listening();
    for (let i = 0; i < 20; i++) {
      const connection = await openRaw(url);
      connection.write(bytes);
      if (i % 2 === 0) await connection.answer();
      connection.reset();
      await connection.closed;
    }
    expect(String((await sendRaw(url, GET)).body)).toBe('hello');
    await listener.stop(new AbortController().signal);
    expect(errors).toEqual([]);
  });

  it.each([
    ['a tunnel was asked for', `${CONNECT}${'x'.repeat(100_000)}`],
    ['no request came', `NONSENSE\r\n\r\n${'x'.repeat(100_000)}`],
  ])('answers and lets go of a connection on which %s, though its client stays', async (_, bytes) => {
    const { url } = await listening();
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.on('error', () => {});
    const received: Buffer[] = [];
    socket.on('data', (piece) => received.push(piece));
    const ended = once(socket, 'end');
    socket.write(bytes);
    await ended;
    expect(Buffer.concat(received).toString()).toMatch(/^HTTP\/1\.1 40[05] /);
    const writing = setInterval(() => socket.write('x'), 20);
    // Writing to what is gone fails, which is what is waited for.
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(writing);
  });
});

describe('a listener that stops', () => {
  /** A request whose answer is written when the test says so. */
  async function underWay() {
    let asked = (_: ServerResponse): void => {};
    const waiting = new Promise<ServerResponse>((resolve) => {
      asked = resolve;
    });
    const gateway = await listening({ request: (_, response) => asked(response) });
    const connection = await openRaw(gateway.url);
    connection.write(GET);
    return { ...gateway, connection, response: await waiting };
  }

  it('lets the answer under way go out, and then closes its connection', async () => {
    const { listener, connection, response } = await underWay();
    const stopped = listener.stop(new AbortController().signal);
    response.end('late');
    expect(String((await connection.answer()).body)).toBe('late');
    await connection.closed;
    await stopped;
  });

  it('takes nobody new', async () => {
    const { listener, url, response, connection } = await underWay();
    listener.drain();
    await expect(openRaw(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    response.end();
    await Promise.all([listener.stop(new AbortController().signal), connection.closed]);
  });

  it('cuts what is left when the time is over', async () => {
    const { listener, connection, response } = await underWay();
    const gone = once(response, 'close');
    const deadline = new AbortController();
    const stopped = listener.stop(deadline.signal);
    deadline.abort();
    await Promise.all([stopped, gone, connection.closed]);
  });

  it('stops at once when it never started', async () => {
    const idle = new Listener(
      'idle',
      { host: '127.0.0.1', port: 0, limits: LISTENER_LIMITS },
      { request: answer, refused: () => '', turnedAway: () => '', headers: () => [] },
    );
    await idle.stop(new AbortController().signal);
  });
});

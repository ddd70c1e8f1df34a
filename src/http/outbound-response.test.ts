import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openRaw } from '../../test/support/raw.ts';
import { emptyResponse, jsonResponse, type OutboundResponse, send } from './outbound-response.ts';

/** A server that sends this answer to every request, unread. */
async function answering(answer: OutboundResponse, close: boolean): Promise<string> {
  const server = createServer((_, response) => send(response, answer, ['X-Base', '1'], close));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';

describe('an answer', () => {
  it('carries the headers of every answer, its own, and its length in bytes', async () => {
    const connection = await openRaw(await answering(jsonResponse(200, { text: 'größe' }, ['X-Own', '2']), false));
    connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const { status, headers, body } = await connection.answer();
    expect(status).toBe(200);
    expect(headers.get('x-base')).toEqual(['1']);
    expect(headers.get('x-own')).toEqual(['2']);
    expect(headers.get('content-type')).toEqual(['application/json']);
    expect(headers.get('content-length')).toEqual([String(body.length)]);
    expect(JSON.parse(String(body))).toEqual({ text: 'größe' });
    connection.destroy();
  });

  it.each([30, 300])('of %i times every byte arrives as it was', async (times) => {
    const every = Buffer.concat(Array<Buffer>(times).fill(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))));
    for (const body of [every.subarray(0, 256), every]) {
      const connection = await openRaw(await answering({ status: 200, headers: [], body }, false));
      connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const received = await connection.answer();
      expect(received.headers.get('content-length')).toEqual([String(body.length)]);
      expect(received.body.equals(body)).toBe(true);
      connection.destroy();
    }
  });

  it.each([
    [202, ['0']],
    [204, undefined],
  ])('without a body says so: %i', async (status, length) => {
    const connection = await openRaw(await answering(emptyResponse(status), false));
    connection.write(`${POST}Content-Length: 0\r\n\r\n`);
    expect((await connection.answer()).headers.get('content-length')).toEqual(length);
    connection.destroy();
  });

  it('leaves the connection open for the next request', async () => {
    const connection = await openRaw(await answering(emptyResponse(202), false));
    for (let i = 0; i < 2; i++) {
      connection.write(`${POST}Content-Length: 2\r\n\r\n{}`);
      expect((await connection.answer()).status).toBe(202);
    }
    connection.destroy();
  });
});

describe('an answer that ends its connection', () => {
  it('goes out at once, while the client is still sending', async () => {
    const connection = await openRaw(await answering(jsonResponse(413, { error: 'too_large' }), true));
    connection.write(`${POST}Content-Length: 1000000\r\n\r\n${'x'.repeat(1_000)}`);
    const refusal = await connection.answer();
    expect([refusal.status, refusal.headers.get('connection')]).toEqual([413, ['close']]);
    connection.destroy();
  });

  it('never takes what is still sent for another request', async () => {
    const connection = await openRaw(await answering(jsonResponse(413, {}), true));
    connection.write(`${POST}Content-Length: 10\r\n\r\n`);
    await connection.answer();
    connection.write(`0123456789${POST}Content-Length: 0\r\n\r\n`);
    await connection.closed;
    expect(
      connection
        .received()
        .toString('latin1')
        .match(/HTTP\/1\.1/g),
    ).toHaveLength(1);
  });

  it('cuts a client that goes on and on', async () => {
    const connection = await openRaw(await answering(jsonResponse(413, {}), true));
    connection.write(`${POST}Content-Length: 100000000\r\n\r\n`);
    await connection.answer();
    connection.write(Buffer.alloc(2_000_000));
    await connection.closed;
  });
});

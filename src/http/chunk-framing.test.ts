import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRaw, type RawConnection } from '../../test/support/raw.ts';
import { readBody } from './body.ts';
import { ChunkWatch } from './chunk-framing.ts';
import { RequestHeaders } from './request-headers.ts';

const LIMITS = { bytes: 100_000, timeoutMs: 30_000 };
/** Answers with the body, or with the code of the problem. */
const server = createServer((request, response) => {
  const headers = new RequestHeaders(request.rawHeaders);
  const chunks =
    headers.transferEncoding === undefined ? undefined : new ChunkWatch(request, request.url !== '/behind');
  void readBody(request, headers, LIMITS, chunks).then((body) => {
    response.end(Buffer.isBuffer(body) ? body : body.code);
  });
});
let url = '';
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const LENGTH = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc';
const SOUND = '5\r\nhello\r\n1\r\n \r\n0005\r\nworld\r\n0\r\n\r\n';

/** Sends the pieces one by one, each in a read of its own. */
async function said(...pieces: string[]): Promise<string> {
  const connection = await openRaw(url);
  await inPieces(connection, pieces);
  const answer = await connection.answer();
  connection.destroy();
  return answer.body.toString();
}

async function inPieces(connection: RawConnection, pieces: readonly string[]): Promise<void> {
  let sent = bytesRead();
  for (const piece of pieces) {
    connection.write(piece);
    sent += piece.length;
    while (bytesRead() < sent) await new Promise(setImmediate);
  }
}

const sockets: Socket[] = [];
server.on('connection', (socket) => sockets.push(socket));
/** By the server, from all its connections. */
function bytesRead(): number {
  return sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
}

describe('a chunked body', () => {
  it('of sizes and data is taken, wherever the reads divide it', async () => {
    const whole = HEAD + SOUND;
    expect(await said(whole)).toBe('hello world');
    for (let at = HEAD.length - 5; at < whole.length; at++) {
      expect(await said(whole.slice(0, at), whole.slice(at)), `divided at ${at}`).toBe('hello world');
    }
  });

  it('may hold what looks like an extension, or like the end of a head', async () => {
    expect(await said(`${HEAD}5\r\n5;x=y\r\n6\r\n\r\n\r\n5;\r\n0\r\n\r\n`)).toBe('5;x=y\r\n\r\n5;');
  });

  it.each([
    ['an extension', '5;x=y\r\nhello\r\n0\r\n\r\n'],
    ['an extension without a value', '5;x\r\nhello\r\n0\r\n\r\n'],
    ['an extension on a later chunk', '5\r\nhello\r\n5;x\r\nworld\r\n0\r\n\r\n'],
    ['an extension on the last chunk', '5\r\nhello\r\n0;x\r\n\r\n'],
    ['a trailer', '5\r\nhello\r\n0\r\nX-A: b\r\n\r\n'],
  ])('with %s is refused, wherever the reads divide it', async (_, body) => {
    const whole = HEAD + body;
    expect(await said(whole)).toBe('MALFORMED_REQUEST');
    for (let at = HEAD.length - 5; at < whole.length; at++) {
      expect(await said(whole.slice(0, at), whole.slice(at)), `divided at ${at}`).toBe('MALFORMED_REQUEST');
    }
  });

  it('is refused as soon as its extension begins', async () => {
    expect(await said(HEAD, '5', ';x')).toBe('MALFORMED_REQUEST');
  });

  it('is watched for itself alone on a connection that carries several', async () => {
    const connection = await openRaw(url);
    for (const request of [LENGTH, HEAD + SOUND, LENGTH, HEAD + SOUND]) {
      connection.write(request);
      expect((await connection.answer()).body.toString()).toBe(request === LENGTH ? 'abc' : 'hello world');
    }
    connection.write(HEAD + SOUND.replace('0005', '0005;x'));
    expect((await connection.answer()).body.toString()).toBe('MALFORMED_REQUEST');
    connection.destroy();
  });

  it('behind another request in the same read is refused', async () => {
    const connection = await openRaw(url);
    connection.write(LENGTH + HEAD.replace(' / ', ' /behind ') + SOUND);
    expect((await connection.answer()).body.toString()).toBe('abc');
    expect((await connection.answer()).body.toString()).toBe('MALFORMED_REQUEST');
    connection.destroy();
  });

  it('cannot hide an extension behind what looks like the end of a head', async () => {
    const outer = '\r\n\r\n1c\r\n';
    const body = `${outer.length}\r\n${outer}\r\n1;${'e'.repeat(21)}\r\n \r\n0\r\n\r\n`;
    expect(await said(HEAD + body)).toBe('MALFORMED_REQUEST');
    for (let at = HEAD.length - 5; at < HEAD.length + body.length; at++) {
      expect(await said((HEAD + body).slice(0, at), (HEAD + body).slice(at)), `at ${at}`).toBe('MALFORMED_REQUEST');
    }
  });
});

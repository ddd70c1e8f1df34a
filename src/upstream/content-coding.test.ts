import { once } from 'node:events';
import { brotliCompressSync, constants, createBrotliCompress, createGzip, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, httpSettings, leaseModern, outbound, recordingLog, start } from '../../test/support/lane-calls.ts';
import { answer, type Script, ScriptedHttp } from '../../test/support/scripted-http.ts';
import { until } from '../../test/support/wait.ts';
import { createHttpUpstream } from './http-upstream.ts';
import type { Lane, Upstream } from './lane.ts';

let server: ScriptedHttp;
let upstream: Upstream;
let lane: Lane;
beforeAll(async () => {
  server = await ScriptedHttp.start();
  const settings = httpSettings(server.url, { limits: { response_bytes: 2_000_000, pending_calls: 8 } });
  upstream = createHttpUpstream(settings, { log: recordingLog([]), onState: () => {} });
  lane = await leaseModern(upstream);
});
afterAll(async () => {
  await upstream.close(AbortSignal.timeout(2_000));
  await server.stop();
});

const call = () => outbound('tools/call', { name: 'echo', arguments: {} });
/** Larger than what a decoder makes at once, and than what it takes. */
const RESULT = { text: Array.from({ length: 100_000 }, (_, i) => i * 7919).join(' ') };
const note = (data: number): string =>
  `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":${data}}}\n\n`;

describe('a server that compresses unasked', () => {
  it.each([
    ['gzip', gzipSync],
    ['X-GZip', gzipSync],
    ['deflate', deflateSync],
    ['br', (text: string) => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])('with %s is understood', async (coding, compress) => {
    server.next((request, response) => {
      const body = compress(answer(request, RESULT));
      const headers = { 'content-type': 'application/json', 'content-encoding': coding, 'content-length': body.length };
      response.writeHead(200, headers).end(body);
    });
    const heard = await ask(lane, call());
    expect(heard.kind).toBe('settled');
    const text = heard.kind === 'settled' ? heard.message.result?.string('text') : undefined;
    expect(text === RESULT.text, 'the whole result, unchanged').toBe(true);
  });

  it.each([
    ['gzip', () => createGzip({ flush: constants.Z_SYNC_FLUSH })],
    ['br', () => createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH })],
  ])('a stream with %s is heard event by event', async (coding, compressor) => {
    const encoder = compressor();
    const streaming: Script = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': coding });
      encoder.pipe(response);
    };
    server.next(streaming);
    const before = server.received.length;
    const { sink } = start(lane, call());
    await until(() => server.received.length > before, 'the request has come');
    for (const number of [1, 2, 3]) {
      encoder.write(note(number));
      await until(() => sink.kinds.filter((kind) => kind === 'message').length === number, `event ${number} is heard`);
    }
    encoder.end(`data: ${answer(server.received.at(-1) as never)}\n\n`);
    await sink.end;
    expect(sink.kinds).toEqual(['opened', 'message', 'message', 'message', 'settled']);
  });

  it('under an answer without a body has sent none', async () => {
    server.next((_, response) =>
      response.writeHead(404, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(),
    );
    expect(await ask(lane, call())).toMatchObject({ kind: 'failed' });
    expect(await ask(lane, call())).toMatchObject({ kind: 'settled' });
  });

  it('without end is left as soon as nobody listens', async () => {
    const encoder = createGzip();
    let gone: Promise<unknown> | undefined;
    server.next((request, response) => {
      gone = request.over;
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      encoder.pipe(response);
      encoder.write(note(1));
      encoder.flush();
    });
    const { sink, handle } = start(lane, call());
    await until(() => sink.kinds.includes('message'), 'the stream has begun');
    handle.cancel('nobody listens');
    await gone;
    encoder.destroy();
    await once(encoder, 'close');
    expect(sink.kinds).toEqual(['opened', 'message']);
    expect(await ask(lane, call())).toMatchObject({ kind: 'settled' });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import { bytesOf, callMessage, type Headers, modernCall, type Request, type Variation } from './requests.ts';

const HEADER_BYTES = 4_096;
const HEADER_COUNT = 20;
const BODY_BYTES = 2_000;

let ground: Ground;
beforeAll(async () => {
  const limits = {
    header_bytes: HEADER_BYTES,
    header_count: HEADER_COUNT,
    body_bytes: BODY_BYTES,
    header_timeout_ms: 400,
    body_timeout_ms: 400,
  };
  ground = await Ground.open({ settings: { server: { limits } } });
});
afterAll(() => ground.close());

const call = (variation: Variation = {}): Request => modernCall('/mcp/open', TOKENS.user, variation);

/** A sound call with a body of exactly this many bytes. */
function sized(bytes: number): string {
  const empty = JSON.stringify(callMessage('echo', { text: '' }));
  return JSON.stringify(callMessage('echo', { text: 'x'.repeat(bytes - empty.length) }));
}

/** Further headers, until the request has this many lines. */
function lines(count: number): Headers {
  const own = Object.values({ ...call().headers, 'content-length': '' }).filter((value) => value !== undefined).length;
  return Object.fromEntries(Array.from({ length: count - own }, (_, i) => [`x-${i}`, 'a']));
}

const chunkOf = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const chunked = (body: string): Request => call({ headers: { 'transfer-encoding': 'chunked' }, body: chunkOf(body) });

const tooLarge = { status: 413, code: 41301, audit: { policy: 'parse', reason: 'body.body-too-large' }, closes: true };
const tooMuchHead = {
  status: 431,
  error: 'headers_too_large',
  audit: { policy: 'listener', reason: 'http.unreadable', rule: 'HPE_HEADER_OVERFLOW' },
  closes: true,
};

const attacks: readonly Attack[] = [
  {
    name: 'headers larger than the limit',
    send: call({ headers: { 'x-filler': 'a'.repeat(HEADER_BYTES) } }),
    ...tooMuchHead,
    twin: call({ headers: { 'x-filler': 'a'.repeat(HEADER_BYTES / 2) } }),
  },
  {
    name: 'a target larger than the limit',
    send: call({ target: `/mcp/open?${'a'.repeat(HEADER_BYTES)}` }),
    ...tooMuchHead,
    twin: call({ target: `/mcp/open?${'a'.repeat(HEADER_BYTES / 2)}` }),
  },
  {
    name: 'a token larger than the limit',
    send: modernCall('/mcp/open', 'a'.repeat(64 * 1024)),
    ...tooMuchHead,
    twin: call(),
  },
  ...[16, 64, 1024].map(
    (kib): Attack => ({
      name: `one header of ${kib} KiB`,
      send: call({ headers: { 'x-filler': 'a'.repeat(kib * 1024) } }),
      ...tooMuchHead,
      twin: call({ headers: { 'x-filler': 'a' } }),
    }),
  ),
  ...[8, 64].map(
    (kib): Attack => ({
      name: `a target of ${kib} KiB`,
      send: call({ target: `/mcp/open?${'a'.repeat(kib * 1024)}` }),
      ...tooMuchHead,
      twin: call({ target: '/mcp/open?a' }),
    }),
  ),
  {
    name: '10,000 headers',
    send: call({ headers: lines(10_000) }),
    ...tooMuchHead,
    twin: call({ headers: lines(HEADER_COUNT) }),
  },
  {
    name: 'one header more than the limit, instead of cutting it off',
    send: call({ headers: lines(HEADER_COUNT + 1) }),
    status: 431,
    error: 'headers_too_large',
    audit: { policy: 'routes', reason: 'headers.too-many' },
    closes: true,
    twin: call({ headers: lines(HEADER_COUNT) }),
  },
  {
    name: 'an Authorization that comes after more headers than are read',
    send: call({
      headers: { authorization: undefined, ...lines(10 * HEADER_COUNT), Authorization: `Bearer ${TOKENS.user}` },
    }),
    status: 431,
    error: 'headers_too_large',
    audit: { policy: 'routes', reason: 'headers.too-many' },
    closes: true,
    twin: call(),
  },
  {
    name: 'a body one byte over the limit by its Content-Length',
    send: call({ body: sized(BODY_BYTES + 1) }),
    ...tooLarge,
    twin: call({ body: sized(BODY_BYTES) }),
  },
  {
    name: 'a body announced as huge, before any of it is sent',
    send: call({ headers: { 'content-length': '1000000000' }, body: '' }),
    ...tooLarge,
    twin: call({ body: sized(BODY_BYTES) }),
  },
  {
    name: 'a chunked body one byte over the limit',
    send: chunked(sized(BODY_BYTES + 1)),
    ...tooLarge,
    twin: chunked(sized(BODY_BYTES)),
  },
  {
    name: 'a chunked body that never ends',
    send: call({
      headers: { 'transfer-encoding': 'chunked' },
      body: chunkOf('x'.repeat(1_000)).slice(0, -5).repeat(500),
    }),
    ...tooLarge,
    twin: call(),
  },
  {
    name: 'a body that stops before its Content-Length',
    send: call({ headers: { 'content-length': '1000' }, body: '{"jsonrpc":"2.0"' }),
    status: 408,
    code: 40801,
    audit: { policy: 'parse', reason: 'body.request-timeout', principal_name: 'user' },
    closes: true,
    twin: call(),
  },
  {
    name: 'a chunked body that stops between its chunks',
    send: call({ headers: { 'transfer-encoding': 'chunked' }, body: '10\r\n{"jsonrpc":"2.0"\r\n' }),
    status: 408,
    code: 40801,
    audit: { policy: 'parse', reason: 'body.request-timeout' },
    closes: true,
    twin: call(),
  },
  {
    name: 'headers that never end',
    send: bytesOf(call({ body: undefined })).subarray(0, -2),
    status: 408,
    error: 'request_timeout',
    audit: { policy: 'listener', reason: 'http.unreadable', rule: 'ERR_HTTP_REQUEST_TIMEOUT' },
    closes: true,
    twin: call(),
  },
  {
    name: 'a target that never ends',
    send: 'GET /mcp/op',
    status: 408,
    error: 'request_timeout',
    audit: { policy: 'listener', reason: 'http.unreadable' },
    closes: true,
    twin: call(),
  },
];

describe('the limits on one client', () => {
  prove(() => ground, attacks);

  it('reach a client that drips its body byte by byte', async () => {
    const mark = await ground.mark();
    const connection = await ground.connect();
    connection.write(bytesOf(call({ headers: { 'content-length': '100000' }, body: undefined })).subarray(0));
    const over = connection.closed.then(() => true);
    const drip = setInterval(() => connection.write('{'), 20);
    const answer = await connection.answer().finally(() => clearInterval(drip));
    expect([408, 413]).toContain(answer.status);
    expect(await over).toBe(true);
    expect((await ground.control(mark)).filter((row) => row.verdict === 'deny')).toHaveLength(1);
  });

  it('take no more of a body than its Content-Length says, and refuse the rest as no request', async () => {
    const connection = await ground.connect();
    const mark = await ground.mark();
    connection.write(bytesOf(call({ headers: { 'content-length': '10' }, body: sized(400) })));
    expect((await connection.answer()).status).toBe(400);
    await connection.closed;
    expect(ground.hits()).toEqual([]);
    const denied = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(denied.map(({ policy, reason }) => `${policy} ${reason}`)).toEqual([
      'parse body.json',
      'listener http.unreadable',
    ]);
  });

  it('end nothing for a client that goes away in the middle of its request', async () => {
    const mark = await ground.mark();
    for (const missing of [1, 100, 400]) {
      const connection = await ground.connect();
      connection.write(bytesOf(call()).subarray(0, -missing));
      connection.destroy();
      await connection.closed;
    }
    await ground.control(mark);
    expect(ground.hits()).toEqual(['tools/call']);
  });

  it('run a call at most once, and record its end, for a client that half-closes after it', async () => {
    const mark = await ground.mark();
    const connection = await ground.connect();
    connection.write(bytesOf(call()));
    connection.end();
    await connection.closed;
    await ground.control(mark);
    const of = (type: string) =>
      ground
        .rows()
        .slice(mark)
        .filter((row) => row.type === type).length;
    await until(() => of('outcome') === of('decision'), 'every call that was let through has an end');
    expect(ground.hits().length).toBeLessThanOrEqual(of('decision'));
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, type Received, type Script, ScriptedHttp, wellBehaved } from '../support/scripted-http.ts';
import { Gate } from './gate.ts';
import type { Reply } from './talk.ts';

const INVALID = 50_202;
const CLOSED = 50_203;
const STATUS = 50_204;
const TOO_LARGE = 50_205;
const TIMEOUT = 50_401;

const RESPONSE_BYTES = 50_000;
const SECRETS = { 'set-cookie': 'upstream-cookie=1', 'mcp-session-id': 'upstream-session', 'x-powered-by': 'upstream' };
const NO_ID = '{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"no"}}';
const HTML = '<html><title>Log in</title></html>';

const as = (type: string) => ({ ...SECRETS, 'content-type': type });
const text = (status: number, type: string, body: string, more: object = {}): Script => {
  return (_, response) => response.writeHead(status, { ...as(type), ...more }).end(body);
};
const half: Script = (_, response) => {
  response.writeHead(200, { ...as('application/json'), 'content-length': 1000 }).write('{"jsonrpc":"2.0",');
};
const progress = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n';
const streaming: Script = (_, response) => {
  response.writeHead(200, as('text/event-stream')).write(progress);
};
const wrongId = (request: Received) =>
  JSON.stringify({ jsonrpc: '2.0', id: Number(request.rpc.id) + 1000, result: {} });
const big = (request: Received) => answer(request, { text: 'x'.repeat(2 * RESPONSE_BYTES) });

interface Case {
  readonly what: string;
  readonly script: Script;
  readonly code: number;
  /** The answer had begun as a stream, so its status was out. */
  readonly streams?: boolean;
}

let elsewhere: ScriptedHttp;
const CASES: readonly Case[] = [
  { what: 'resets the connection', script: (_, { socket }) => socket?.resetAndDestroy(), code: CLOSED },
  { what: 'hangs before the headers', script: () => {}, code: TIMEOUT },
  { what: 'hangs in the middle of the body', script: half, code: TIMEOUT },
  { what: 'hangs in the middle of a stream', script: streaming, code: TIMEOUT, streams: true },
  {
    what: 'closes in the middle of the body',
    script: (request, response) => {
      half(request, response);
      setImmediate(() => response.destroy());
    },
    code: CLOSED,
  },
  {
    what: 'closes in the middle of a stream',
    script: (request, response) => {
      streaming(request, response);
      response.end();
    },
    code: CLOSED,
    streams: true,
  },
  { what: 'answers HTML with 200', script: text(200, 'text/html', HTML), code: INVALID },
  { what: 'names no content type', script: (request, response) => response.end(answer(request)), code: INVALID },
  {
    what: 'names the wrong content type',
    script: (request, response) => text(200, 'text/plain', answer(request))(request, response),
    code: INVALID,
  },
  { what: 'answers invalid JSON', script: text(200, 'application/json', '{"jsonrpc":"2.0","id":'), code: INVALID },
  { what: 'answers nothing', script: text(200, 'application/json', ''), code: INVALID },
  { what: 'takes a request for a notification', script: text(202, 'application/json', ''), code: INVALID },
  { what: 'answers another id', script: (r, s) => text(200, 'application/json', wrongId(r))(r, s), code: INVALID },
  {
    what: 'answers another id in a stream',
    script: (r, s) => text(200, 'text/event-stream', `data: ${wrongId(r)}\n\n`)(r, s),
    code: INVALID,
    streams: true,
  },
  {
    what: 'sends garbage as an event',
    script: text(200, 'text/event-stream', 'data: {"jsonrpc"\n\n'),
    code: INVALID,
    streams: true,
  },
  {
    what: 'compresses in a coding nobody else knows',
    script: (request, response) => {
      response.writeHead(200, { ...as('application/json'), 'content-encoding': 'x-own' }).end(answer(request));
    },
    code: INVALID,
  },
  { what: 'is no HTTP server', script: (_, { socket }) => socket?.end('SSH-2.0-OpenSSH_9.6\r\n'), code: INVALID },
  { what: 'answers 500', script: text(500, 'text/html', HTML), code: STATUS },
  {
    what: 'answers 500 with a JSON-RPC error of another id',
    script: (r, s) => text(500, 'application/json', NO_ID.replace('null', `${Number(r.rpc.id) + 1000}`))(r, s),
    code: STATUS,
  },
  {
    what: 'answers 401 with a challenge',
    script: text(401, 'text/plain', 'who are you?', { 'www-authenticate': 'Bearer realm="upstream-realm"' }),
    code: STATUS,
  },
  {
    what: 'redirects to another host',
    script: (request, response) => text(302, 'text/plain', '', { location: elsewhere.url })(request, response),
    code: STATUS,
  },
  {
    what: 'redirects so that the body is to be sent again',
    script: (request, response) => text(308, 'text/plain', '', { location: elsewhere.url })(request, response),
    code: STATUS,
  },
  { what: 'answers hugely', script: (r, s) => text(200, 'application/json', big(r))(r, s), code: TOO_LARGE },
  {
    what: 'answers hugely without saying how much',
    script: (request, response) => {
      response.writeHead(200, as('application/json')).write(big(request));
    },
    code: TOO_LARGE,
  },
  {
    what: 'sends a huge event',
    script: (request, response) => {
      response.writeHead(200, as('text/event-stream')).write(`data: ${big(request)}`);
    },
    code: TOO_LARGE,
    streams: true,
  },
];

const ERAS = ['modern', 'legacy'] as const;
/** A server of its own for each case: the log says the same of one server only so many times a minute. */
const idOf = (at: number, era: string) => `case-${at}-${era}`;

let upstream: ScriptedHttp;
let gate: Gate;
beforeAll(async () => {
  [upstream, elsewhere] = await Promise.all([ScriptedHttp.start(), ScriptedHttp.start()]);
  upstream.otherwise = serve;
  const settings = { transport: 'streamable-http', url: upstream.url, call_timeout_ms: 700 };
  const limits = { response_bytes: RESPONSE_BYTES };
  const mcps = CASES.flatMap((_, at) => ERAS.map((era) => ({ id: idOf(at, era), ...settings, era, limits })));
  gate = await Gate.start([...mcps, { id: 'other', ...settings, era: 'modern' }]);
});
afterAll(async () => {
  await gate.stop();
  await Promise.all([upstream.stop(), elsewhere.stop()]);
});

/** Behaves but for the calls that name a case. */
const serve: Script = (request, response) => {
  const { id, method, params } = request.rpc;
  const fault = (params?.arguments as { fault?: number } | undefined)?.fault;
  if (fault !== undefined) return CASES[fault]?.script(request, response);
  if (id === undefined) return wellBehaved(request, response);
  const protocolVersion = params?.protocolVersion;
  const results: Record<string, unknown> = {
    initialize: { protocolVersion, capabilities: {}, serverInfo: { name: 'scripted', version: '1' } },
    'tools/list': { tools: [{ name: 'tool', inputSchema: { type: 'object' } }] },
  };
  text(200, 'application/json', answer(request, results[method ?? ''] ?? { ok: true }))(request, response);
};

function expectNothingOfUpstream(...replies: readonly Reply[]): void {
  for (const { headers, last } of replies) {
    expect(JSON.stringify([...headers, last])).not.toMatch(/upstream|elsewhere|127\.0\.0\.1|Log in|x-powered-by/);
    expect(headers.get('set-cookie') ?? headers.get('www-authenticate') ?? headers.get('location')).toBeNull();
  }
}

describe.each(ERAS)('a %s HTTP server that', (era) => {
  it.each(CASES.map((found, at) => [found.what, at, found] as const))('%s', async (_, at, { code, streams }) => {
    const server = idOf(at, era);
    const caller = gate.caller(server);
    const speaker = era === 'legacy' ? await caller.open() : caller;
    const before = await speaker.tool('before', 'tool');
    expect(before.last).toEqual({ jsonrpc: '2.0', id: 'before', result: { ok: true } });

    const bystander = gate.caller('other').tool(1, 'tool');
    const failed = await speaker.tool('mine', 'tool', { fault: at });
    expect(failed.last).toMatchObject({ id: 'mine', error: { code } });
    expect(failed.status).toBe(streams ? 200 : Math.floor(code / 100));
    expect((await bystander).last.result).toEqual({ ok: true });
    expect(await gate.told(server, 0)).toEqual([expect.any(String)]);

    const after = await speaker.tool(2, 'tool');
    expect(after.last).toEqual({ jsonrpc: '2.0', id: 2, result: { ok: true } });
    expectNothingOfUpstream(before, failed, after);
  });
});

describe('redirects', () => {
  it('were followed by nobody', () => {
    expect(elsewhere.received).toEqual([]);
  });
});

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  httpSettings,
  type LogLine,
  leaseModern,
  outbound,
  recordingLog,
  start,
} from '../../test/support/lane-calls.ts';
import { answer, json, type Received, rpcError, type Script, ScriptedHttp } from '../../test/support/scripted-http.ts';
import { until } from '../../test/support/wait.ts';
import { createHttpUpstream } from './http-upstream.ts';
import type { Lane, Upstream, UpstreamHealth } from './lane.ts';

const LIMIT = 20_000;
let server: ScriptedHttp;
let upstream: Upstream;
let lane: Lane;
const lines: LogLine[] = [];
const states: UpstreamHealth[] = [];

beforeAll(async () => {
  server = await ScriptedHttp.start();
  upstream = createHttpUpstream(httpSettings(server.url, { limits: { response_bytes: LIMIT, pending_calls: 8 } }), {
    log: recordingLog(lines),
    onState: (state) => states.push(state),
  });
  lane = await leaseModern(upstream);
});

afterAll(async () => {
  await upstream.close(AbortSignal.timeout(2_000));
  await until(async () => (await server.connections()) === 0, 'no connection is left');
  await server.stop();
  await until(() => openSockets() === 0, 'no socket is left on either side');
});

/** Both ends are in this process. */
const openSockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

beforeEach(() => {
  lines.length = 0;
  server.received.length = 0;
});

const echo = () => outbound('tools/call', { name: 'echo', arguments: {} });

/** The twin of every refusal: the next call on the same lane is answered. */
async function nextCallWorks(): Promise<void> {
  const heard = await ask(lane, echo());
  expect(heard).toMatchObject({ kind: 'settled' });
}

function html(status: number, headers: Record<string, string> = {}): Script {
  return (_, response) => response.writeHead(status, { 'content-type': 'text/html', ...headers }).end('<h1>Hi</h1>');
}

const BOMB = Buffer.alloc(5_000_000, ' ');

function coded(coding: string, body: string | Buffer, type = 'application/json'): Script {
  return (_, response) => response.writeHead(200, { 'content-type': type, 'content-encoding': coding }).end(body);
}

function sse(...events: ((request: Received) => string)[]): Script {
  return (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) response.write(event(request));
    response.end();
  };
}

const event = (data: string) => `data: ${data}\n\n`;

const hostile: [what: string, script: Script, code: string, detail: RegExp][] = [
  ['closes without a word', (_, response) => response.destroy(), 'UPSTREAM_CLOSED', /other side closed|ECONNRESET/],
  ['answers HTML', html(200), 'UPSTREAM_INVALID', /HTTP 200 with content type text\/html/],
  ['answers nothing at all', (_, response) => response.writeHead(202).end(), 'UPSTREAM_INVALID', /HTTP 202/],
  [
    'answers broken JSON',
    (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a'),
    'UPSTREAM_INVALID',
    /./,
  ],
  [
    'answers another id',
    json(200, () => ({ jsonrpc: '2.0', id: 424242, result: {} })),
    'UPSTREAM_INVALID',
    /another request/,
  ],
  [
    'answers the id as a string',
    json(200, ({ rpc }) => ({ jsonrpc: '2.0', id: String(rpc.id), result: {} })),
    'UPSTREAM_INVALID',
    /another request/,
  ],
  [
    'answers with a notification',
    json(200, () => ({ jsonrpc: '2.0', method: 'notifications/progress' })),
    'UPSTREAM_INVALID',
    /a notification where/,
  ],
  [
    'answers with a batch',
    json(200, ({ rpc }) => [{ jsonrpc: '2.0', id: rpc.id, result: {} }]),
    'UPSTREAM_INVALID',
    /./,
  ],
  [
    'redirects',
    html(307, { location: 'https://evil.example/mcp?token=s3cret' }),
    'UPSTREAM_STATUS',
    /redirect to evil\.example$/,
  ],
  [
    'challenges',
    (_, response) => response.writeHead(401, { 'www-authenticate': 'Bearer realm="x"' }).end(),
    'UPSTREAM_STATUS',
    /HTTP 401/,
  ],
  ['forbids with a JSON-RPC error', json(403, rpcError(-32602)), 'UPSTREAM_STATUS', /HTTP 403/],
  ['fails with HTML', html(500), 'UPSTREAM_STATUS', /HTTP 500/],
  [
    'fails with an error of another request',
    json(400, ({ rpc }) => ({
      jsonrpc: '2.0',
      id: Number(rpc.id) + 1,
      error: { code: -32000, message: 'a\u001b[2Jb' },
    })),
    'UPSTREAM_STATUS',
    /HTTP 400, JSON-RPC -32000: a\\x1b\[2Jb/,
  ],
  ['objects to our headers', json(400, rpcError(-32020)), 'UPSTREAM_INVALID', /-32020/],
  ['objects to our revision in a 200', json(200, rpcError(-32022)), 'UPSTREAM_INVALID', /-32022/],
  ['compresses in a way of its own', coded('zstd', 'x'), 'UPSTREAM_INVALID', /content coding/],
  [
    'compresses twice',
    (request, response) => coded('gzip, gzip', gzipSync(gzipSync(answer(request))))(request, response),
    'UPSTREAM_INVALID',
    /content coding/,
  ],
  ['only says that it compresses', coded('gzip', '{}'), 'UPSTREAM_INVALID', /ContentCodingError/],
  ['compresses half', coded('gzip', gzipSync('{"jsonrpc":"2.0"').subarray(0, -9)), 'UPSTREAM_INVALID', /ContentCoding/],
  ['sends a gzip bomb', coded('gzip', gzipSync(BOMB)), 'UPSTREAM_TOO_LARGE', /response_bytes/],
  ['sends a deflate bomb', coded('deflate', deflateSync(BOMB)), 'UPSTREAM_TOO_LARGE', /response_bytes/],
  ['sends a Brotli bomb', coded('br', brotliCompressSync(BOMB)), 'UPSTREAM_TOO_LARGE', /response_bytes/],
  [
    'sends a bomb as an event',
    coded('gzip', gzipSync(Buffer.concat([Buffer.from('data: '), BOMB])), 'text/event-stream'),
    'UPSTREAM_TOO_LARGE',
    /response_bytes/,
  ],
  [
    'promises a huge body',
    (_, response) =>
      void response.writeHead(200, { 'content-type': 'application/json', 'content-length': LIMIT + 1 }).write('{'),
    'UPSTREAM_TOO_LARGE',
    /response_bytes/,
  ],
  [
    'sends a huge body in pieces',
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      for (let piece = 0; piece < 30; piece += 1) response.write(' '.repeat(1_000));
    },
    'UPSTREAM_TOO_LARGE',
    /response_bytes/,
  ],
  ['sends a huge event', sse(() => `data: ${'x'.repeat(LIMIT + 1)}`), 'UPSTREAM_TOO_LARGE', /response_bytes/],
  [
    'sends less than it promised',
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
      response.write('{"jsonrpc"', () => response.destroy());
    },
    'UPSTREAM_CLOSED',
    /./,
  ],
  [
    'ends a stream without an answer',
    sse(() => event('{"jsonrpc":"2.0","method":"notifications/progress"}')),
    'UPSTREAM_CLOSED',
    /ended before the answer/,
  ],
  [
    'breaks a stream',
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n', () => response.destroy());
    },
    'UPSTREAM_CLOSED',
    /./,
  ],
  ['sends an event that is not MCP', sse(() => event('{"hello":1}')), 'UPSTREAM_INVALID', /event: /],
  [
    'answers another id in a stream',
    sse(() => event('{"jsonrpc":"2.0","id":424242,"result":{}}')),
    'UPSTREAM_INVALID',
    /another request/,
  ],
  [
    'speaks no HTTP',
    (_, response) => void response.socket?.end('SSH-2.0-OpenSSH\r\n\r\n'),
    'UPSTREAM_INVALID',
    /HTTPParserError/,
  ],
  [
    'announces an upgrade',
    (_, response) => void response.socket?.end('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    'UPSTREAM_CLOSED',
    /./,
  ],
];

describe('a server that', () => {
  it.each(hostile)('%s fails the call and not the next one', async (_, script, code, detail) => {
    server.next(script);
    const { sink } = start(lane, echo());
    const heard = await sink.end;
    expect(heard).toMatchObject({ kind: 'failed', problem: { code } });
    if (heard.kind === 'failed') expect(heard.detail).toMatch(detail);
    expect(server.received).toHaveLength(1);
    await nextCallWorks();
    expect(sink.kinds.filter((kind) => kind === 'failed' || kind === 'settled')).toEqual(['failed']);
  });

  it('never answers is given up in time, and told by the end of the connection', async () => {
    server.next(() => {});
    const heard = await ask(lane, outbound('tools/list', {}, { timeoutMs: 40 }));
    expect(heard).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_TIMEOUT' } });
    await server.received[0]?.over;
    await nextCallWorks();
  });

  it('stops in the middle of a body is given up in time', async () => {
    server.next(
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc":'),
    );
    const heard = await ask(lane, outbound('tools/list', {}, { timeoutMs: 40 }));
    expect(heard).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_TIMEOUT' } });
    await server.received[0]?.over;
    await nextCallWorks();
  });

  it('only reports progress is given up in time too', async () => {
    let beat: NodeJS.Timeout | undefined;
    server.next((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      beat = setInterval(() => response.write(event('{"jsonrpc":"2.0","method":"notifications/progress"}')), 5);
    });
    const heard = await ask(lane, outbound('tools/list', {}, { timeoutMs: 60 }));
    clearInterval(beat);
    expect(heard).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_TIMEOUT' } });
    await nextCallWorks();
  });

  it('is not there is refused, seen as down, and seen as up when it is back', async () => {
    const gone = await ScriptedHttp.start();
    const { url } = gone;
    await gone.stop();
    const health: UpstreamHealth[] = [];
    const told: LogLine[] = [];
    const other = createHttpUpstream(httpSettings(url), {
      log: recordingLog(told),
      onState: (state) => health.push(state),
    });
    expect(other.health().state).toBe('idle');
    const path = await leaseModern(other);
    expect(await ask(path, echo())).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_REFUSED' } });
    expect(await ask(path, echo())).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_REFUSED' } });
    expect(health).toMatchObject([{ state: 'down', lastError: 'The server could not be reached' }]);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({
      level: 'warn',
      fields: { server: 'demo', problem: 'UPSTREAM_REFUSED', remedy: /listens/ },
    });
    await other.close(AbortSignal.timeout(1_000));
  });

  it('has no name is refused with the remedy in the log', async () => {
    const told: LogLine[] = [];
    const other = createHttpUpstream(httpSettings('http://no-such-host.invalid/mcp'), {
      log: recordingLog(told),
      onState: () => {},
    });
    expect(await ask(await leaseModern(other), echo())).toMatchObject({ problem: { code: 'UPSTREAM_REFUSED' } });
    expect(String(told[0]?.fields.remedy)).toMatch(/does not resolve/);
    await other.close(AbortSignal.timeout(1_000));
  });

  it('speaks plain HTTP where TLS was configured is refused', async () => {
    const other = createHttpUpstream(httpSettings(server.url.replace('http:', 'https:')), {
      log: recordingLog([]),
      onState: () => {},
    });
    expect(await ask(await leaseModern(other), echo())).toMatchObject({ problem: { code: 'UPSTREAM_REFUSED' } });
    await other.close(AbortSignal.timeout(1_000));
    await nextCallWorks();
  });

  it('refuses the credential makes the operator hear where to look, once until it is mended', async () => {
    const told: LogLine[] = [];
    const other = createHttpUpstream(httpSettings(server.url), { log: recordingLog(told), onState: () => {} });
    const path = await leaseModern(other);
    server.next(html(401), html(401));
    await ask(path, echo());
    await ask(path, echo());
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ level: 'warn', fields: { problem: 'UPSTREAM_STATUS' } });
    expect(String(told[0]?.fields.remedy)).toMatch(/mcps\[\]\.upstream_auth/);
    expect(await ask(path, echo())).toMatchObject({ kind: 'settled' });
    expect(other.health()).toMatchObject({ state: 'up', lastError: 'The server answered with an HTTP error' });
    server.next(html(401));
    await ask(path, echo());
    expect(told).toHaveLength(2);
    await other.close(AbortSignal.timeout(1_000));
  });

  it('sends its own requests in a stream is not obeyed, and its answer still counts', async () => {
    server.next(
      sse(
        () => event('{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}'),
        (request) => event(answer(request)),
      ),
    );
    const { sink } = start(lane, echo());
    await sink.end;
    expect(sink.kinds).toEqual(['opened', 'settled']);
    expect(lines.some((line) => line.message.startsWith('dropped a request'))).toBe(true);
  });

  it('gives an error under 400 or 404 has answered', async () => {
    for (const [status, code] of [
      [400, -32602],
      [404, -32601],
      [400, -32021],
      [500, -32603],
    ] as const) {
      server.next(json(status, rpcError(code, 'unknown')));
      const heard = await ask(lane, echo());
      expect(heard).toMatchObject({ kind: 'settled', message: { kind: 'error' } });
    }
  });
});

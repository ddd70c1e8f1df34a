import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  response as answerTo,
  ask,
  type LogLine,
  leaseLegacy,
  leaseModern,
  notification,
  outbound,
  RecordingListener,
  RecordingSink,
  recordingLog,
  sseSettings,
  start,
} from '../../test/support/lane-calls.ts';
import { type Received, ScriptedHttp } from '../../test/support/scripted-http.ts';
import { until } from '../../test/support/wait.ts';
import type { Lane, Upstream } from './lane.ts';
import { createSseUpstream } from './sse-upstream.ts';

let server: ScriptedHttp;
let upstream: Upstream;
/** The streams the server has open, oldest first. */
let streams: ServerResponse[];
/** What the server writes at the start of a stream. */
let greeting: string;

const ENDPOINT = 'event: endpoint\ndata: /messages?sessionId=S-1\n\n';
const legacy = (method: string, params: Record<string, unknown> = {}, timeoutMs = 10_000) =>
  outbound(method, params, { revision: '2024-11-05', timeoutMs });
const event = (message: object) => `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;
const say = (message: object, stream = 0) => streams[stream]?.write(event(message));
const accepted = (_: Received, response: ServerResponse) => void response.writeHead(202).end('Accepted');
/** Accepts the message and answers on the stream. */
const answers = (request: Received, response: ServerResponse) => {
  accepted(request, response);
  if (request.rpc.id !== undefined) say({ id: request.rpc.id, result: { of: request.rpc.method } }, streams.length - 1);
};

const made = (changes = {}, log: LogLine[] = []) =>
  createSseUpstream(sseSettings(server.url, changes), { log: recordingLog(log), onState: () => {} });

beforeEach(async () => {
  server = await ScriptedHttp.start();
  streams = [];
  greeting = ENDPOINT;
  server.otherwise = answers;
  server.onGet = (_, response) => {
    streams.push(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(greeting || ': \n\n');
  };
  upstream = made();
});

afterEach(async () => {
  await upstream.close(AbortSignal.timeout(2_000));
  await until(async () => (await server.connections()) === 0, 'no connection is left');
  await server.stop();
});

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no failure',
    (error: { problem: { code: string }; detail: string }) => [error.problem.code, error.detail],
  );

describe('the endpoint event of an HTTP+SSE server', () => {
  it.each([
    ['a path', '/messages?sessionId=S-1'],
    ['a relative reference', 'messages?sessionId=S-1'],
  ])('says where to POST, as %s', async (_, data) => {
    greeting = `event: endpoint\ndata: ${data}\n\n`;
    const lane = await leaseLegacy(upstream);
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'settled' });
    expect(server.of('POST')).toHaveLength(1);
  });

  it('may be a whole URL of the same origin', async () => {
    greeting = `event: endpoint\ndata: ${new URL('/m', server.url).href}\n\n`;
    const lane = await leaseLegacy(upstream);
    expect(await ask(lane, legacy('ping'))).toMatchObject({ kind: 'settled' });
  });

  it.each([
    ['another host', 'http://evil.example/messages', 'another origin, evil.example'],
    ['another port', 'http://127.0.0.1:1/messages', 'another origin, 127.0.0.1:1'],
    ['another scheme', 'file:///etc/passwd', 'another origin, file:'],
    ['a host without a scheme', '//evil.example/messages', 'another origin, evil.example'],
    ['nothing that is a URL', 'http://', 'is not a URL'],
    ['too much', `/${'x'.repeat(4096)}`, 'is 4097 bytes long'],
  ])('must not name %s; nothing is sent there', async (_, data, why) => {
    greeting = `event: endpoint\ndata: ${data}\n\n`;
    expect(await failure(leaseLegacy(upstream))).toEqual(['UPSTREAM_INVALID', expect.stringContaining(why)]);
    expect(server.of('POST')).toHaveLength(0);
  });

  it('must not carry a credential', async () => {
    greeting = `event: endpoint\ndata: ${server.url.replace('//', '//user:secret@')}\n\n`;
    expect(await failure(leaseLegacy(upstream))).toEqual(['UPSTREAM_INVALID', expect.not.stringContaining('secret')]);
  });

  it('must come first', async () => {
    greeting = event({ method: 'notifications/message' });
    expect(await failure(leaseLegacy(upstream))).toEqual(['UPSTREAM_INVALID', expect.stringContaining('before the')]);
  });

  it('counts once: a later one leads nothing elsewhere', async () => {
    greeting = `${ENDPOINT}event: endpoint\ndata: http://evil.example/m\n\n`;
    const lane = await leaseLegacy(upstream);
    expect(await ask(lane, legacy('ping'))).toMatchObject({ kind: 'settled' });
  });

  it('is waited for no longer than the server may take to start', async () => {
    greeting = '';
    const slow = made({ start_timeout_ms: 50 });
    expect(await failure(leaseLegacy(slow))).toEqual(['UPSTREAM_TIMEOUT', expect.any(String)]);
    await slow.close(AbortSignal.timeout(1_000));
  });

  it.each([
    ['a redirect, which is never followed', 307, 'UPSTREAM_STATUS'],
    ['a refusal of the credential', 401, 'UPSTREAM_STATUS'],
    ['a page that is no stream', 200, 'UPSTREAM_INVALID'],
  ])('is not had from %s', async (_, status, code) => {
    server.onGet = (__, response) => {
      response.writeHead(status, { 'content-type': 'text/html', location: 'http://127.0.0.1:1/sse' }).end('<html>');
    };
    expect(await failure(leaseLegacy(upstream))).toEqual([code, expect.any(String)]);
    expect(server.received).toHaveLength(1);
  });
});

describe('a lane to an HTTP+SSE server', () => {
  let lane: Lane;
  let listener: RecordingListener;
  beforeEach(async () => {
    lane = await leaseLegacy(upstream);
    listener = new RecordingListener();
    lane.listen(listener);
  });

  it('gives each answer to the call that waits for it, whatever the order', async () => {
    server.otherwise = accepted;
    const [one, two] = [start(lane, legacy('tools/list')), start(lane, legacy('prompts/list'))];
    await until(() => server.of('POST').length === 2, 'both calls arrived');
    say({ id: two.handle.upstreamId, result: { n: 2 } });
    say({ id: 4711, result: {} });
    say({ id: String(one.handle.upstreamId), result: {} });
    say({ id: one.handle.upstreamId, error: { code: -32602, message: 'no' } });
    expect(await two.sink.end).toMatchObject({ kind: 'settled', message: { kind: 'result' } });
    expect(await one.sink.end).toMatchObject({ kind: 'settled', message: { kind: 'error' } });
  });

  it('gives progress to the call that asked for it and to no other', async () => {
    server.otherwise = accepted;
    const asking = start(lane, outbound('tools/call', {}, { revision: '2024-11-05', progressToken: 'mine' }));
    const plain = start(lane, legacy('tools/call'));
    await until(() => server.of('POST').length === 2, 'both calls arrived');
    for (const { handle } of [asking, plain]) {
      say({ method: 'notifications/progress', params: { progressToken: handle.upstreamId, progress: 1 } });
    }
    for (const { handle } of [asking, plain]) say({ id: handle.upstreamId, result: {} });
    await Promise.all([asking.sink.end, plain.sink.end]);
    expect([asking.sink.kinds, plain.sink.kinds]).toEqual([['opened', 'message', 'settled'], ['settled']]);
    expect(listener.methods).toEqual([]);
    say({ method: 'notifications/progress', params: { progressToken: asking.handle.upstreamId, progress: 2 } });
    // It may be of a task, whose call is over: who knows the tasks of the session is told.
    await listener.atLeast(1);
    expect(listener.methods).toEqual(['notifications/progress']);
  });

  it('hands what belongs to no call to its listener, and answers of the client to the server', async () => {
    say({ method: 'notifications/tools/list_changed' });
    say({ id: 'q-1', method: 'roots/list' });
    await listener.atLeast(2);
    expect(listener.methods).toEqual(['notifications/tools/list_changed', 'roots/list']);
    await lane.send(answerTo('q-1', { roots: [] }), '2024-11-05');
    expect(server.received.at(-1)?.rpc).toMatchObject({ id: 'q-1', result: { roots: [] } });
  });

  it('presents the credential on the stream and on every message', async () => {
    const token = { reveal: () => 'upstream-token' };
    const auth = { type: 'token', token, header: 'Authorization', prefix: 'Bearer' } as const;
    const guarded = made({ upstream_auth: auth });
    const other = await leaseLegacy(guarded);
    await ask(other, legacy('ping'));
    await other.send(notification('notifications/initialized'), '2024-11-05');
    const sent = server.received.slice(1).map(({ headers }) => headers.authorization);
    expect(sent).toEqual(['Bearer upstream-token', 'Bearer upstream-token', 'Bearer upstream-token']);
    await guarded.close(AbortSignal.timeout(1_000));
  });

  it("tells the server of a cancelled call under the id it knows, and never passes on the client's own", async () => {
    server.otherwise = accepted;
    const { handle, sink } = start(lane, legacy('tools/call'));
    await until(() => server.of('tools/call').length === 1, 'the call arrived');
    await lane.send(notification('notifications/cancelled', { requestId: 1 }), '2024-11-05');
    handle.cancel('enough');
    await until(() => server.of('notifications/cancelled').length === 1, 'the server was told');
    expect(server.received.at(-1)?.rpc.params).toEqual({ requestId: handle.upstreamId, reason: 'enough' });
    say({ id: handle.upstreamId, result: {} });
    expect(await ask(lane, legacy('ping', {}, 50))).toMatchObject({ problem: { code: 'UPSTREAM_TIMEOUT' } });
    expect(sink.heard).toEqual([]);
  });

  it('reads no further while its client does not keep up', async () => {
    server.otherwise = accepted;
    const sink = new RecordingSink();
    sink.keepsUp = false;
    const { handle } = start(lane, outbound('tools/call', {}, { revision: '2024-11-05', progressToken: 'mine' }), sink);
    await until(() => server.of('tools/call').length === 1, 'the call arrived');
    const progress = (n: number) =>
      event({ method: 'notifications/progress', params: { progressToken: handle.upstreamId, progress: n } });
    streams[0]?.write(progress(1) + progress(2) + event({ id: handle.upstreamId, result: {} }));
    await sink.atLeast(2);
    expect(sink.kinds).toEqual(['opened', 'message']);
    handle.resume();
    expect(sink.kinds).toEqual(['opened', 'message', 'message']);
    handle.resume();
    expect(await sink.end).toMatchObject({ kind: 'settled' });
  });

  it.each([
    ['UPSTREAM_STATUS', 500],
    ['UPSTREAM_STATUS', 307],
    ['UPSTREAM_STATUS', 401],
  ])('fails a call the server does not take with %s (%i), and makes the next', async (code, status) => {
    server.next((_, response) => void response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end());
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'failed', problem: { code } });
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'settled' });
  });

  it.each([
    ['the server ends the stream', () => streams[0]?.end()],
    ['the connection breaks', () => streams[0]?.destroy()],
    ['an event is not MCP', () => streams[0]?.write('data: {"jsonrpc":"1.0"}\n\n')],
    ['an event is over the limit', () => streams[0]?.write(`data: ${'x'.repeat(1_000_001)}`)],
  ])('is over when %s: the call fails, then the listener hears; the next lease connects anew', async (_, break_) => {
    server.otherwise = accepted;
    const { sink } = start(lane, legacy('tools/call'));
    await until(() => server.of('tools/call').length === 1, 'the call arrived');
    break_();
    expect(await sink.end).toMatchObject({ kind: 'failed' });
    expect(listener.ends).toHaveLength(1);
    expect(await ask(lane, legacy('ping'))).toMatchObject({ kind: 'failed' });
    server.otherwise = answers;
    expect(await ask(await leaseLegacy(upstream), legacy('ping'))).toMatchObject({ kind: 'settled' });
  });

  it('is over when the server has forgotten the session', async () => {
    server.next(accepted, (_, response) => void response.writeHead(404).end());
    const { sink } = start(lane, legacy('tools/list'));
    await until(() => server.of('tools/list').length === 1, 'the other call arrived');
    expect(await ask(lane, legacy('ping'))).toMatchObject({ problem: { code: 'UPSTREAM_SESSION_LOST' } });
    expect(await sink.end).toMatchObject({ problem: { code: 'UPSTREAM_CLOSED' } });
    expect(listener.ends).toMatchObject([{ problem: { code: 'UPSTREAM_CLOSED' } }]);
  });

  it('is over when the server takes a notification no more for that reason', async () => {
    server.next((_, response) => void response.writeHead(404).end());
    const sent = lane.send(notification('notifications/initialized'), '2024-11-05');
    expect(await failure(sent)).toEqual(['UPSTREAM_SESSION_LOST', expect.any(String)]);
    expect(listener.ends).toHaveLength(1);
  });

  it('is a stream of its own for every lease', async () => {
    const other = await leaseLegacy(upstream);
    say({ method: 'notifications/resources/list_changed' }, 1);
    await ask(other, legacy('ping'));
    expect(listener.methods).toEqual([]);
    expect(streams).toHaveLength(2);
  });

  it.each([
    ['no complaint', 'waits for nothing', 0],
    ['a complaint', 'owes an answer', 1],
  ])('that the server ends gives the operator %s where it %s', async (_, __, complaints) => {
    const log: LogLine[] = [];
    const watched = made({}, log);
    const ends = new RecordingListener();
    const ended = await leaseLegacy(watched);
    ended.listen(ends);
    server.otherwise = accepted;
    if (complaints > 0) start(ended, legacy('tools/call'));
    await until(() => server.of('POST').length === complaints, 'what was to come has come');
    streams[1]?.end();
    await ends.atLeast(1);
    expect(log.filter(({ level }) => level === 'warn')).toHaveLength(complaints);
    await watched.close(AbortSignal.timeout(1_000));
  });

  it('closes its stream when it is released', async () => {
    lane.release();
    lane.release();
    await server.received[0]?.over;
    expect(listener.ends).toMatchObject([{ problem: { code: 'UPSTREAM_CLOSED' } }]);
  });

  it('takes as many calls as it may, and refuses the next without asking the server', async () => {
    server.otherwise = accepted;
    const calls = Array.from({ length: 8 }, () => start(lane, legacy('tools/call')));
    expect(await ask(lane, legacy('tools/call'))).toMatchObject({ problem: { code: 'UPSTREAM_BUSY' } });
    await until(() => server.of('POST').length === 8, 'the others arrived');
    for (const { handle } of calls) say({ id: handle.upstreamId, result: {} });
    await Promise.all(calls.map(({ sink }) => sink.end));
  });
});

describe('an HTTP+SSE server', () => {
  it('has no modern era', async () => {
    expect(await failure(leaseModern(upstream))).toEqual(['ERA_MISMATCH', expect.any(String)]);
    expect(server.received).toHaveLength(0);
  });

  it('gives no lane once it is closed, nor to whoever was waiting for one', async () => {
    greeting = '';
    const waiting = failure(leaseLegacy(upstream));
    await until(() => streams.length === 1, 'it is being opened');
    await upstream.close(AbortSignal.timeout(1_000));
    expect(await waiting).toEqual(['SHUTTING_DOWN', expect.any(String)]);
    expect(await failure(leaseLegacy(upstream))).toEqual(['SHUTTING_DOWN', expect.any(String)]);
  });
});

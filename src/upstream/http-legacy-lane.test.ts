import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  httpSettings,
  type LogLine,
  leaseLegacy,
  notification,
  outbound,
  RecordingListener,
  recordingLog,
  response,
  start,
} from '../../test/support/lane-calls.ts';
import {
  answer,
  json,
  type Received,
  rpcError,
  type Script,
  ScriptedHttp,
  wellBehaved,
} from '../../test/support/scripted-http.ts';
import { until } from '../../test/support/wait.ts';
import { createHttpUpstream } from './http-upstream.ts';
import type { Lane, Upstream } from './lane.ts';

let server: ScriptedHttp;
let upstream: Upstream;
let lane: Lane;
let listener: RecordingListener;
let lines: LogLine[];

const legacy = (method: string, params: Record<string, unknown> = {}, timeoutMs = 10_000) =>
  outbound(method, params, { revision: '2025-11-25', timeoutMs });

/** Answers `initialize` with this session id. */
const opens =
  (sessionId: string | undefined, protocolVersion: unknown = '2025-11-25'): Script =>
  (request, response) => {
    if (sessionId !== undefined) response.setHeader('mcp-session-id', sessionId);
    response.setHeader('content-type', 'application/json');
    response.end(answer(request, { protocolVersion, capabilities: {}, serverInfo: { name: 's', version: '1' } }));
  };

beforeEach(async () => {
  lines = [];
  server = await ScriptedHttp.start();
  upstream = createHttpUpstream(httpSettings(server.url, { era: 'legacy' }), {
    log: recordingLog(lines),
    onState: () => {},
    backoff: { firstMs: 50, longestMs: 200 },
  });
  lane = await leaseLegacy(upstream);
  listener = new RecordingListener();
  lane.listen(listener);
});

afterEach(async () => {
  await upstream.close(AbortSignal.timeout(2_000));
  await until(async () => (await server.connections()) === 0, 'no connection is left');
  await server.stop();
});

async function handshake(sessionId: string | null = 'S-1'): Promise<void> {
  server.next(opens(sessionId ?? undefined));
  await ask(lane, legacy('initialize', { protocolVersion: '2025-11-25' }));
  await lane.send(notification('notifications/initialized'), '2025-11-25');
}

const session = (request: Received | undefined) => ({
  id: request?.headers['mcp-session-id'],
  revision: request?.headers['mcp-protocol-version'],
});

/** Collects the GET streams the server opens. */
function streams(): ServerResponse[] {
  const opened: ServerResponse[] = [];
  server.onGet = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    opened.push(response);
  };
  return opened;
}

const changed = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n';

describe('the session of a legacy lane', () => {
  it('is the one initialize gave, with the revision that was agreed on', async () => {
    server.next(opens('S-1', '2025-06-18'));
    const heard = await ask(lane, legacy('initialize', { protocolVersion: '2025-11-25' }));
    expect(heard).toMatchObject({ kind: 'settled' });
    expect(session(server.received[0])).toEqual({ id: undefined, revision: undefined });
    await lane.send(notification('notifications/initialized'), '2025-06-18');
    await ask(lane, legacy('tools/list'));
    expect(session(server.received[1])).toEqual({ id: 'S-1', revision: '2025-06-18' });
    expect(session(server.of('tools/list')[0])).toEqual({ id: 'S-1', revision: '2025-06-18' });
    expect(server.of('tools/list')[0]?.headers).not.toHaveProperty('mcp-method');
  });

  it('works with a server that has none', async () => {
    await handshake(null);
    await ask(lane, legacy('tools/list'));
    expect(session(server.of('tools/list')[0])).toEqual({ id: undefined, revision: '2025-11-25' });
    lane.release();
    await upstream.close(AbortSignal.timeout(1_000));
    expect(server.of('DELETE')).toHaveLength(0);
  });

  it('is apart from every other', async () => {
    const other = await leaseLegacy(upstream);
    await handshake('S-1');
    server.next(opens('S-2'));
    await ask(other, legacy('initialize'));
    await Promise.all([ask(lane, legacy('tools/list')), ask(other, legacy('prompts/list'))]);
    expect(session(server.of('tools/list')[0]).id).toBe('S-1');
    expect(session(server.of('prompts/list')[0]).id).toBe('S-2');
  });

  it('is ended on the server when the holder releases it', async () => {
    await handshake();
    lane.release();
    lane.release();
    await until(() => server.of('DELETE').length === 1, 'the session was deleted');
    expect(session(server.of('DELETE')[0])).toEqual({ id: 'S-1', revision: '2025-11-25' });
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({
      kind: 'failed',
      problem: { code: 'UPSTREAM_CLOSED' },
    });
  });

  it('is ended on the server when the gateway stops', async () => {
    await handshake();
    await upstream.close(AbortSignal.timeout(2_000));
    expect(server.of('DELETE')).toHaveLength(1);
    expect(listener.ends).toMatchObject([{ problem: { code: 'SHUTTING_DOWN' } }]);
  });

  it('is gone when the server says 404: the listener hears, and each call what the server says to it', async () => {
    await handshake();
    let answerLate = (): void => {};
    server.next((request, response) => {
      answerLate = () => wellBehaved(request, response);
    });
    const waiting = start(lane, legacy('tools/call', { name: 'slow' }));
    await until(() => server.of('tools/call').length === 1, 'the call arrived');
    server.next(json(404, rpcError(-32001, 'Session not found')));
    // Refused, and so never made; the one that waits hears from the server itself what became of it.
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({
      kind: 'failed',
      problem: { code: 'UPSTREAM_SESSION_LOST' },
      unseen: true,
    });
    expect(waiting.sink.kinds).toEqual([]);
    answerLate();
    expect((await waiting.sink.end).kind).toBe('settled');
    expect(listener.ends).toHaveLength(1);
    expect(listener.ends[0]?.detail).toMatch(/no longer knows the session/);
    expect(server.of('DELETE')).toHaveLength(0);
    await expect(lane.send(notification('notifications/progress'), '2025-11-25')).rejects.toThrow();
    const late = new RecordingListener();
    lane.listen(late);
    await late.atLeast(1);
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'failed', unseen: true });
  });

  it('goes on after a 404 that says what became of the call, which is its answer', async () => {
    await handshake();
    server.next(json(404, rpcError(-32601, 'Method not found')));
    const { handle, sink } = start(lane, legacy('completion/complete'));
    expect(await sink.end).toMatchObject({ kind: 'settled', message: { kind: 'error', id: handle.upstreamId } });
    await ask(lane, legacy('tools/list'));
    expect([listener.ends.length, server.of('completion/complete').length]).toEqual([0, 1]);
    expect(session(server.of('tools/list')[0]).id).toBe('S-1');
  });

  it.each([
    [400, 'null', null],
    [400, 'no', undefined],
    [500, 'null', null],
  ])('goes on after an error under %s with %s id, which is the answer to its call', async (status, _, id) => {
    await handshake();
    server.next(json(status, () => ({ jsonrpc: '2.0', id, error: { code: -32602, message: 'no such level' } })));
    const { handle, sink } = start(lane, legacy('logging/setLevel'));
    const heard = await sink.end;
    expect(heard).toMatchObject({ kind: 'settled', message: { kind: 'error', id: handle.upstreamId } });
    expect(heard.kind === 'settled' && heard.message.error?.string('message')).toBe('no such level');
    expect(listener.ends).toHaveLength(0);
  });

  it.each([
    'Bad Request: No valid session ID provided',
    'Bad Request: Server not initialized',
  ])('is given up, and ended, when the server says 400 "%s"; the call has the answer', async (text) => {
    await handshake();
    server.next(json(400, () => ({ jsonrpc: '2.0', id: null, error: { code: -32000, message: text } })));
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'settled', message: { kind: 'error' } });
    expect(listener.ends).toHaveLength(1);
    await until(() => server.of('DELETE').length === 1, 'the session was deleted');
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'failed', unseen: true });
  });

  it('passes on an error of initialize that names no request', async () => {
    server.next(json(400, () => ({ jsonrpc: '2.0', id: null, error: { code: -32600, message: 'no clientInfo' } })));
    expect(await ask(lane, legacy('initialize'))).toMatchObject({ kind: 'settled', message: { kind: 'error' } });
  });

  it('that is unknown only when a stream is resumed does not call its call unseen', async () => {
    await handshake();
    server.next((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('id: 1\nretry: 1\ndata: \n\n');
      setImmediate(() => response.destroy());
    });
    server.onGet = (_, response) => response.writeHead(404).end();
    const failed = await ask(lane, legacy('tools/call', { name: 'slow' }));
    expect(failed).toMatchObject({ kind: 'failed', problem: { code: 'UPSTREAM_CLOSED' }, unseen: false });
  });

  it('is gone when a notification meets 404', async () => {
    await handshake();
    server.next((_, response) => response.writeHead(404).end());
    await expect(lane.send(notification('notifications/progress'), '2025-11-25')).rejects.toMatchObject({
      problem: { code: 'UPSTREAM_CLOSED' },
    });
    expect(listener.ends).toHaveLength(1);
  });

  it('without an id is not gone with a 404', async () => {
    await handshake(null);
    server.next((_, response) => response.writeHead(404).end());
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ problem: { code: 'UPSTREAM_STATUS' } });
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'settled' });
    expect(listener.ends).toHaveLength(0);
  });

  it.each<[string, Script]>([
    ['a session id with a blank', opens('a b')],
    ['a session id that is too long', opens('x'.repeat(2_000))],
    ['no revision', opens('S-1', 7)],
  ])('is not opened with %s', async (_, script) => {
    server.next(script);
    expect(await ask(lane, legacy('initialize'))).toMatchObject({
      kind: 'failed',
      problem: { code: 'UPSTREAM_INVALID' },
    });
  });

  it.each<[string, Script]>([
    ['-32022', json(400, rpcError(-32022))],
    ['-32020', json(400, rpcError(-32020))],
    ['-32601 under 404', json(404, rpcError(-32601, 'Method not found'))],
  ])('is refused as another era when initialize meets %s', async (_, script) => {
    server.next(script);
    expect(await ask(lane, legacy('initialize'))).toMatchObject({
      kind: 'failed',
      problem: { code: 'ERA_MISMATCH', text: 'client speaks 2025-11-25 and earlier; server demo speaks 2026-07-28' },
    });
  });

  it('passes on an error of initialize that says nothing about the era', async () => {
    server.next(json(200, rpcError(-32602, 'Missing clientInfo')));
    expect(await ask(lane, legacy('initialize'))).toMatchObject({ kind: 'settled', message: { kind: 'error' } });
  });
});

describe('a call on a legacy lane', () => {
  it('passes on what the server asks on its stream, and sends back what the client says', async () => {
    await handshake();
    server.next((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"jsonrpc":"2.0","id":"srv-1","method":"roots/list"}\n\n');
      server.next((reply, accepted) => {
        accepted.writeHead(202).end();
        response.end(`data: ${answer(request, { saw: reply.rpc })}\n\n`);
      });
    });
    const { sink } = start(lane, legacy('tools/call', { name: 'roots' }));
    await sink.atLeast(2);
    expect(sink.heard[1]).toMatchObject({ kind: 'message', method: 'roots/list', message: { id: 'srv-1' } });
    await lane.send(response('srv-1', { roots: [] }), '2025-11-25');
    const heard = await sink.end;
    expect(heard.kind === 'settled' && heard.message.result?.json('saw')).toEqual({
      jsonrpc: '2.0',
      id: 'srv-1',
      result: { roots: [] },
    });
  });

  it('is cancelled by a notification with the id the server knows, and then dropped', async () => {
    await handshake();
    server.next(() => {});
    const { handle, sink } = start(lane, legacy('tools/call', { name: 'slow' }));
    await until(() => server.of('tools/call').length === 1, 'the call arrived');
    handle.cancel('no "longer" wanted');
    await server.of('tools/call')[0]?.over;
    expect(server.of('notifications/cancelled')[0]?.rpc.params).toEqual({
      requestId: handle.upstreamId,
      reason: 'no "longer" wanted',
    });
    expect(session(server.of('notifications/cancelled')[0]).id).toBe('S-1');
    expect(sink.heard).toEqual([]);
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'settled' });
  });

  it('that runs out of time is cancelled on the server too', async () => {
    await handshake();
    server.next(() => {});
    expect(await ask(lane, legacy('tools/call', { name: 'slow' }, 40))).toMatchObject({
      problem: { code: 'UPSTREAM_TIMEOUT' },
    });
    await server.of('tools/call')[0]?.over;
    await until(() => server.of('notifications/cancelled').length === 1, 'the server is told');
  });

  it('of initialize is never cancelled by a notification', async () => {
    server.next(() => {});
    const { handle } = start(lane, legacy('initialize'));
    await until(() => server.received.length === 1, 'the call arrived');
    handle.cancel('gone');
    await server.received[0]?.over;
    expect(server.of('notifications/cancelled')).toHaveLength(0);
  });

  it('goes on after a break where the server numbers its events, as often as it brings news', async () => {
    await handshake();
    const note = (n: number) =>
      `id: e-${n}\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${n}}}\n\n`;
    let asked: Received | undefined;
    server.next((request, response) => {
      asked = request;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`retry: 1\nid: e-0\ndata: \n\n${note(1)}`);
    });
    const resumed: (string | string[] | undefined)[] = [];
    server.onGet = (request, response) => {
      if (request.headers['last-event-id'] === undefined) return void response.writeHead(405).end();
      resumed.push(request.headers['last-event-id']);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (resumed.length === 1) response.write(note(2), () => response.destroy());
      else response.end(`id: e-3\ndata: ${answer(asked as Received)}\n\n`);
    };
    const { sink } = start(lane, legacy('tools/call', { name: 'slow' }));
    expect(await sink.end).toMatchObject({ kind: 'settled' });
    expect(sink.kinds).toEqual(['opened', 'message', 'message', 'settled']);
    expect(resumed).toEqual(['e-1', 'e-2']);
    expect(server.of('tools/call')).toHaveLength(1);
  });

  it.each<[string, string]>([
    ['without event ids', 'data: \n\n'],
    ['when the server does not resume', 'id: e-1\ndata: \n\n'],
  ])('fails after a break %s', async (_, text) => {
    await handshake();
    server.next((__, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text));
    expect(await ask(lane, legacy('tools/call', { name: 'x' }))).toMatchObject({
      kind: 'failed',
      problem: { code: 'UPSTREAM_CLOSED' },
    });
    expect(server.of('tools/call')).toHaveLength(1);
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'settled' });
  });
});

describe('the stream of a legacy session', () => {
  it('is opened after initialized, in the session, and heard by the listener', async () => {
    const opened = streams();
    server.next(opens('S-1'));
    await ask(lane, legacy('initialize'));
    expect(server.of('GET')).toHaveLength(0);
    await lane.send(notification('notifications/initialized'), '2025-11-25');
    await until(() => opened.length === 1, 'the stream is open');
    expect(session(server.of('GET')[0])).toEqual({ id: 'S-1', revision: '2025-11-25' });
    expect(server.of('GET')[0]?.headers.accept).toBe('text/event-stream');
    opened[0]?.write(
      `${changed}event: ping\ndata: x\n\ndata: nonsense\n\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n`,
    );
    opened[0]?.write('data: {"jsonrpc":"2.0","id":7,"method":"ping"}\n\n');
    await listener.atLeast(2);
    expect(listener.methods).toEqual(['notifications/tools/list_changed', 'ping']);
    lane.release();
    await server.of('GET')[0]?.over;
  });

  it('is there before a call can make the server speak on it', async () => {
    const opened = streams();
    await handshake();
    expect(opened).toHaveLength(1);
  });

  it('holds nobody up when the server keeps its head to itself', async () => {
    server.onGet = () => {};
    await handshake();
    expect(server.of('GET')).toHaveLength(1);
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'settled' });
  });

  it('is not asked for again when the server has none', async () => {
    await handshake();
    await until(() => server.of('GET').length === 1, 'the stream was asked for');
    for (let call = 0; call < 10; call += 1) await ask(lane, legacy('tools/list'));
    await lane.send(notification('notifications/initialized'), '2025-11-25');
    expect(server.of('GET')).toHaveLength(1);
    expect(listener.ends).toHaveLength(0);
  });

  it('is opened again after a break, from the last event on', async () => {
    const opened = streams();
    await handshake();
    await until(() => opened.length === 1, 'the stream is open');
    opened[0]?.end(`retry: 60\nid: ev-7\n${changed}`);
    await until(() => opened.length === 2, 'the stream is open again');
    expect(server.of('GET')[1]?.headers['last-event-id']).toBe('ev-7');
    opened[1]?.destroy();
    await until(() => opened.length === 3, 'the stream is open again');
    opened[2]?.write(changed);
    await listener.atLeast(2);
    expect(listener.methods).toHaveLength(2);
  });

  it('is asked for again when the server is busy', async () => {
    server.onGet = (_, response) => {
      response.writeHead(503).end();
      streams();
    };
    await handshake();
    await until(() => server.of('GET').length === 2, 'the stream was asked for again');
  });

  it('is not asked for again when there is nothing at its address, and the session goes on', async () => {
    server.onGet = (_, response) => response.writeHead(404).end();
    await handshake();
    expect(await ask(lane, legacy('tools/list'))).toMatchObject({ kind: 'settled' });
    expect([server.of('GET').length, listener.ends.length]).toEqual([1, 0]);
  });

  it('that meets 404 when it is opened again ends the session', async () => {
    const opened = streams();
    await handshake();
    server.onGet = (_, response) => response.writeHead(404).end();
    opened[0]?.destroy();
    await listener.atLeast(1);
    expect(listener.ends).toMatchObject([{ problem: { code: 'UPSTREAM_CLOSED' } }]);
  });

  it('is opened when the client listens, though it never said that it was initialized', async () => {
    const opened = streams();
    server.next(opens('S-1'));
    await ask(lane, legacy('initialize'));
    lane.attend?.();
    await until(() => opened.length === 1, 'the stream is open');
    expect(session(server.of('GET')[0])).toEqual({ id: 'S-1', revision: '2025-11-25' });
    lane.attend?.();
    await lane.send(notification('notifications/initialized'), '2025-11-25');
    await ask(lane, legacy('tools/list'));
    expect(opened).toHaveLength(1);
  });

  it('is asked for once more after initialized where the server refused it before', async () => {
    server.onGet = (_, response) => response.writeHead(400).end();
    server.next(opens('S-1'));
    await ask(lane, legacy('initialize'));
    lane.attend?.();
    await until(
      () => lines.some(({ message }) => message === 'the server refuses the stream of a session'),
      'it refused',
    );
    lane.attend?.();
    const opened = streams();
    await lane.send(notification('notifications/initialized'), '2025-11-25');
    await until(() => opened.length === 1, 'the stream is open');
    expect(server.of('GET')).toHaveLength(2);
  });

  it('is not opened twice', async () => {
    const opened = streams();
    await handshake();
    await lane.send(notification('notifications/initialized'), '2025-11-25');
    await until(() => opened.length === 1, 'the stream is open');
    server.otherwise = wellBehaved;
    await ask(lane, legacy('tools/list'));
    expect(server.of('GET')).toHaveLength(1);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  httpSettings,
  leaseModern,
  notification,
  outbound,
  RecordingListener,
  RecordingSink,
  recordingLog,
  start,
} from '../../test/support/lane-calls.ts';
import { answer, ScriptedHttp, wellBehaved } from '../../test/support/scripted-http.ts';
import { until } from '../../test/support/wait.ts';
import { createHttpUpstream } from './http-upstream.ts';
import type { Lane, Upstream } from './lane.ts';

let server: ScriptedHttp;
let upstream: Upstream;
let lane: Lane;

beforeEach(async () => {
  server = await ScriptedHttp.start();
  const token = { reveal: () => 's3cret' };
  upstream = createHttpUpstream(
    httpSettings(`${server.url}?tenant=a`, {
      upstream_auth: { type: 'token', token, header: 'Authorization', prefix: 'Bearer' },
    }),
    { log: recordingLog([]), onState: () => {} },
  );
  lane = await leaseModern(upstream);
});

afterEach(async () => {
  await upstream.close(AbortSignal.timeout(2_000));
  await until(async () => (await server.connections()) === 0, 'no connection is left');
  await server.stop();
});

const progress = (step: number) =>
  `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${step}}}\n\n`;

describe('a request on the modern lane', () => {
  it('carries what the revision asks for, the credential of the gateway, and nothing else', async () => {
    await ask(lane, outbound('tools/call', { name: 'grüße' }));
    const { host: _, connection: __, ...headers } = server.received[0]?.headers ?? {};
    expect(headers).toEqual({
      accept: 'application/json, text/event-stream',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(server.received[0]?.body ?? '')),
      'user-agent': 'sallyport',
      authorization: 'Bearer s3cret',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?Z3LDvMOfZQ==?=',
    });
  });

  it('carries Mcp-Param headers and no other header that came with them', async () => {
    const paramHeaders = [
      'Mcp-Param-Region',
      'us-west1',
      'Cookie',
      'a=b',
      'Authorization',
      'Bearer client',
      'mcp-param-Empty',
      '',
    ];
    await ask(lane, outbound('tools/call', { name: 'sql' }, { paramHeaders }));
    const headers = server.received[0]?.headers;
    expect(headers).toMatchObject({
      'mcp-param-region': 'us-west1',
      'mcp-param-empty': '',
      authorization: 'Bearer s3cret',
    });
    expect(headers).not.toHaveProperty('cookie');
  });

  it('differs from what the client sent in id and progress token alone', async () => {
    const call = outbound('tools/call', { name: 'echo', arguments: { id: 1 } }, { progressToken: 'mine' });
    const { handle, sink } = start(lane, call);
    const heard = await sink.end;
    const sent = JSON.parse(call.message.bytes.toString());
    sent.id = handle.upstreamId;
    sent.params._meta.progressToken = handle.upstreamId;
    expect(server.received[0]?.body).toBe(JSON.stringify(sent));
    expect(heard).toMatchObject({ kind: 'settled', message: { id: handle.upstreamId } });
  });

  it('gets an id of its own, whoever calls', async () => {
    const other = await leaseModern(upstream);
    await Promise.all([
      ask(lane, outbound('tools/list')),
      ask(other, outbound('tools/list')),
      ask(lane, outbound('tools/list')),
    ]);
    expect(new Set(server.received.map((request) => request.rpc.id)).size).toBe(3);
  });

  it('reuses a connection, and keeps what the server puts into its headers to itself', async () => {
    server.otherwise = (request, response) => {
      response.setHeader('set-cookie', 'sid=1');
      response.setHeader('mcp-session-id', 'abc');
      wellBehaved(request, response);
    };
    for (let call = 0; call < 9; call += 1)
      expect(await ask(lane, outbound('tools/list'))).toMatchObject({ kind: 'settled' });
    // A call made in the moment of the last answer finds that connection still busy and takes a second one.
    expect(await server.connections()).toBeLessThanOrEqual(2);
    expect(upstream.health()).toMatchObject({ state: 'up', children: await server.connections() });
    expect(server.received.at(-1)?.headers).not.toHaveProperty('cookie');
    expect(server.received.at(-1)?.headers).not.toHaveProperty('mcp-session-id');
  });

  it('is refused when too many wait, and taken when one has been answered', async () => {
    const released: (() => void)[] = [];
    server.otherwise = (request, response) => void released.push(() => wellBehaved(request, response));
    const waiting = Array.from({ length: 8 }, () => start(lane, outbound('tools/list')));
    expect(await ask(lane, outbound('tools/list'))).toMatchObject({
      kind: 'failed',
      problem: { code: 'UPSTREAM_BUSY' },
    });
    await until(() => released.length === 8, 'all eight arrived');
    server.otherwise = wellBehaved;
    for (const release of released) release();
    await Promise.all(waiting.map(({ sink }) => sink.end));
    expect(await ask(lane, outbound('tools/list'))).toMatchObject({ kind: 'settled' });
  });

  it('calls the sink never before dispatch has returned', async () => {
    await upstream.close(AbortSignal.timeout(1_000));
    const { sink } = start(lane, outbound('tools/list'));
    expect(sink.heard).toEqual([]);
    expect(await sink.end).toMatchObject({ kind: 'failed', problem: { code: 'SHUTTING_DOWN' } });
  });
});

describe('a stream on the modern lane', () => {
  it('is opened before its first event and flows event by event', async () => {
    const steps: (() => void)[] = [];
    server.next((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).flushHeaders();
      steps.push(
        () => response.write(progress(1)),
        () => response.write(`: ping\r\n\r\n${progress(2)}`),
      );
      steps.push(() => response.end(`data: ${answer(request)}\n\n`));
    });
    const { sink } = start(lane, outbound('tools/call', { name: 'slow' }));
    await sink.atLeast(1);
    expect(sink.kinds).toEqual(['opened']);
    steps[0]?.();
    await sink.atLeast(2);
    expect(sink.kinds).toEqual(['opened', 'message']);
    steps[1]?.();
    await sink.atLeast(3);
    steps[2]?.();
    await sink.end;
    expect(sink.kinds).toEqual(['opened', 'message', 'message', 'settled']);
    expect(await ask(lane, outbound('tools/list'))).toMatchObject({ kind: 'settled' });
  });

  it('ends with the answer even if the server goes on', async () => {
    server.next((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${answer(request)}\n\n${progress(1)}${progress(2)}data: ${answer(request)}\n\n`);
    });
    const { sink } = start(lane, outbound('tools/list'));
    await sink.end;
    await server.received[0]?.over;
    expect(sink.kinds).toEqual(['opened', 'settled']);
  });

  it('stops while the client does not keep up, and loses nothing', async () => {
    const sink = new RecordingSink();
    sink.keepsUp = false;
    server.next((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`${progress(1)}${progress(2)}${progress(3)}data: ${answer(request)}\n\n`);
    });
    const { handle } = start(lane, outbound('tools/list'), sink);
    await sink.atLeast(2);
    expect(sink.kinds).toEqual(['opened', 'message']);
    handle.resume();
    expect(sink.kinds).toEqual(['opened', 'message', 'message']);
    sink.keepsUp = true;
    handle.resume();
    expect(await sink.end).toMatchObject({ kind: 'settled' });
    expect(sink.kinds).toEqual(['opened', 'message', 'message', 'message', 'settled']);
  });

  it('holds the server back while the client does not keep up', async () => {
    const sink = new RecordingSink();
    sink.keepsUp = false;
    const line = `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${'x'.repeat(50_000)}"}}\n\n`;
    let written = 0;
    server.next((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const more = () => {
        while (written < 1_000) {
          written += 1;
          if (!response.write(line)) return void response.once('drain', more);
        }
        response.end(`data: ${answer(request)}\n\n`);
      };
      more();
    });
    const { handle } = start(lane, outbound('tools/list'), sink);
    await sink.atLeast(2);
    // Other calls still flow, and give the server every chance to write on.
    for (let call = 0; call < 20; call += 1) await ask(lane, outbound('tools/list'));
    expect(written).toBeLessThan(1_000);
    sink.keepsUp = true;
    handle.resume();
    expect(await sink.end).toMatchObject({ kind: 'settled' });
    expect(sink.heard).toHaveLength(1_002);
  });

  it('is cancelled by closing it, and nothing is heard after', async () => {
    server.next((_, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders());
    const { handle, sink } = start(lane, outbound('tools/list'));
    await sink.atLeast(1);
    handle.cancel('the client left');
    handle.cancel('again');
    await server.received[0]?.over;
    expect(sink.kinds).toEqual(['opened']);
    expect(server.received).toHaveLength(1);
    expect(await ask(lane, outbound('tools/list'))).toMatchObject({ kind: 'settled' });
  });

  it('is cancelled before it was sent by not sending it', async () => {
    const { handle, sink } = start(lane, outbound('tools/list'));
    handle.cancel('at once');
    expect(await ask(lane, outbound('prompts/list'))).toMatchObject({ kind: 'settled' });
    expect(sink.heard).toEqual([]);
    expect(server.of('tools/list')).toHaveLength(0);
  });

  it('of a subscription may be silent for longer than a call, once acknowledged', async () => {
    let close = () => {};
    const acknowledged = 'data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}\n\n';
    server.next((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(acknowledged);
      close = () => response.end(`data: ${answer(request, {})}\n\n`);
    });
    const { sink } = start(lane, outbound('subscriptions/listen', { notifications: {} }, { timeoutMs: 60 }));
    await sink.atLeast(2);
    // A call that does run into the same limit shows that the time has passed.
    server.next(() => {});
    await ask(lane, outbound('tools/list', {}, { timeoutMs: 80 }));
    close();
    expect(await sink.end).toMatchObject({ kind: 'settled' });
  });
});

describe('a notification on the modern lane', () => {
  it('is delivered with its headers', async () => {
    await lane.send(notification('notifications/progress', { progress: 1 }), '2026-07-28');
    expect(server.received[0]?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'notifications/progress',
      authorization: 'Bearer s3cret',
    });
  });

  it('that the server refuses is an error', async () => {
    server.next((_, response) => response.writeHead(400).end());
    await expect(lane.send(notification('notifications/progress'), '2026-07-28')).rejects.toMatchObject({
      problem: { code: 'UPSTREAM_STATUS' },
    });
  });

  it('of a cancellation is not sent: the id in it is another call here', async () => {
    await lane.send(notification('notifications/cancelled', { requestId: 1 }), '2026-07-28');
    expect(server.received).toHaveLength(0);
  });
});

describe('closing', () => {
  it('fails what is under way, tells the listeners, and leaves no connection', async () => {
    server.next(() => {});
    const listener = new RecordingListener();
    lane.listen(listener);
    const { sink } = start(lane, outbound('tools/list'));
    await until(() => server.received.length === 1, 'the call arrived');
    await upstream.close(AbortSignal.timeout(2_000));
    expect(await sink.end).toMatchObject({ kind: 'failed', problem: { code: 'SHUTTING_DOWN' } });
    expect(listener.ends).toMatchObject([{ problem: { code: 'SHUTTING_DOWN' } }]);
    await expect(leaseModern(upstream)).rejects.toMatchObject({ problem: { code: 'SHUTTING_DOWN' } });
    await until(async () => (await server.connections()) === 0, 'no connection is left');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, startEverything } from '../../test/support/everything.ts';
import { type FixtureHttp, startFixtureHttp } from '../../test/support/fixture-server.ts';
import {
  ask,
  httpSettings,
  leaseLegacy,
  leaseModern,
  notification,
  outbound,
  recordingLog,
  start,
} from '../../test/support/lane-calls.ts';
import { until } from '../../test/support/wait.ts';
import { createHttpUpstream } from './http-upstream.ts';
import type { Lane, Upstream } from './lane.ts';

const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'test', version: '1' },
};

const upstreamOf = (url: string): Upstream =>
  createHttpUpstream(httpSettings(url, { era: 'auto' }), { log: recordingLog([]), onState: () => {} });

async function openLegacy(upstream: Upstream): Promise<Lane> {
  const lane = await leaseLegacy(upstream);
  await ask(lane, outbound('initialize', INITIALIZE, { revision: '2025-11-25' }));
  await lane.send(notification('notifications/initialized'), '2025-11-25');
  return lane;
}

describe('a server on the official SDK, both eras on one URL', () => {
  let server: FixtureHttp;
  let upstream: Upstream;

  beforeAll(async () => {
    server = await startFixtureHttp();
    upstream = upstreamOf(server.url);
  });

  afterAll(async () => {
    await upstream.close(AbortSignal.timeout(5_000));
    await server.stop();
  });

  it('streams progress to a modern call', async () => {
    const lane = await leaseModern(upstream);
    const params = { name: 'slow_progress', arguments: { steps: 3, interval_ms: 1 } };
    const { handle, sink } = start(lane, outbound('tools/call', params, { progressToken: 'mine' }));
    expect(await sink.end).toMatchObject({ kind: 'settled', message: { kind: 'result' } });
    expect(sink.kinds).toEqual(['opened', 'message', 'message', 'message', 'settled']);
    for (const heard of sink.heard.slice(1, 4))
      expect(heard.kind === 'message' && heard.message.params?.id('progressToken')).toBe(handle.upstreamId);
  });

  it('is told when a modern call is cancelled', async () => {
    const lane = await leaseModern(upstream);
    const params = { name: 'slow_progress', arguments: { steps: 1_000, interval_ms: 5 } };
    const { handle, sink } = start(lane, outbound('tools/call', params, { progressToken: 'mine' }));
    await sink.atLeast(2);
    const before = server.world.cancelled.length;
    handle.cancel('enough');
    await until(() => server.world.cancelled.length > before, 'the tool was cancelled');
  });

  it('delivers changes to a subscription', async () => {
    const lane = await leaseModern(upstream);
    const wanted = { notifications: { toolsListChanged: true } };
    const { handle, sink } = start(lane, outbound('subscriptions/listen', wanted));
    await sink.atLeast(2);
    expect(sink.heard[1]).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
    await ask(lane, outbound('tools/call', { name: 'toggle_extra_tool', arguments: {} }));
    await sink.atLeast(3);
    expect(sink.heard[2]).toMatchObject({ method: 'notifications/tools/list_changed' });
    handle.cancel('done');
  });

  it('answers a modern method it does not know with its own error', async () => {
    const heard = await ask(await leaseModern(upstream), outbound('tools/lost'));
    expect(heard).toMatchObject({ kind: 'settled', message: { kind: 'error' } });
  });

  it('serves a legacy session, and sees its end', async () => {
    const lane = await openLegacy(upstream);
    expect(server.sessions()).toHaveLength(1);
    const params = { name: 'slow_progress', arguments: { steps: 3, interval_ms: 1 } };
    const call = outbound('tools/call', params, { revision: '2025-11-25', progressToken: 'mine' });
    const { sink } = start(lane, call);
    expect(await sink.end).toMatchObject({ kind: 'settled', message: { kind: 'result' } });
    expect(sink.kinds).toEqual(['opened', 'message', 'message', 'message', 'settled']);
    lane.release();
    await until(() => server.sessions().length === 0, 'the session was ended');
  });

  it('holds two callers apart who use the same id and token', async () => {
    const lane = await leaseModern(upstream);
    const texts = Array.from({ length: 8 }, (_, n) => `text ${n}`);
    const answers = await Promise.all(
      texts.map((text) =>
        ask(lane, outbound('tools/call', { name: 'echo', arguments: { text } }, { progressToken: 'a' })),
      ),
    );
    for (const [n, heard] of answers.entries())
      expect(heard.kind === 'settled' && heard.message.bytes.toString()).toContain(`text ${n}`);
  });
});

describe('the reference server (legacy only)', () => {
  let server: RunningServer;
  let upstream: Upstream;

  beforeAll(async () => {
    server = await startEverything();
    upstream = upstreamOf(server.url);
  }, 30_000);

  afterAll(async () => {
    await upstream.close(AbortSignal.timeout(5_000));
    await server.stop();
  });

  it('is recognised as legacy', async () => {
    await expect(leaseModern(upstream)).rejects.toMatchObject({ problem: { code: 'ERA_MISMATCH' } });
  });

  it('lists its tools and streams progress', async () => {
    const lane = await openLegacy(upstream);
    const list = await ask(lane, outbound('tools/list', {}, { revision: '2025-11-25' }));
    expect(list.kind === 'settled' && list.message.bytes.toString()).toContain('"name":"echo"');
    const params = { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 2 } };
    const { sink } = start(lane, outbound('tools/call', params, { revision: '2025-11-25', progressToken: 'mine' }));
    expect(await sink.end).toMatchObject({ kind: 'settled', message: { kind: 'result' } });
    expect(sink.kinds).toEqual(['opened', 'message', 'message', 'settled']);
    lane.release();
  });

  it('is seen as down once it has stopped', async () => {
    const lane = await openLegacy(upstream);
    await server.stop();
    expect(await ask(lane, outbound('tools/list', {}, { revision: '2025-11-25' }))).toMatchObject({ kind: 'failed' });
    expect(upstream.health().state).toBe('down');
  });
});

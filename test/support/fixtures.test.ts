import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV1, connectV1Stdio, connectV2, connectV2Stdio, HTTP_CLIENTS, type TestClient } from './clients.ts';
import { EVERYTHING_STDIO, type RunningServer, startEverything } from './everything.ts';
import { FIXTURE_TOOLS, type FixtureHttp, startFixtureHttp, stdioFixture } from './fixture-server.ts';
import { until } from './wait.ts';

const names = async (client: TestClient) => (await client.listTools()).map((tool) => tool.name);

describe('the fixture server over HTTP', () => {
  let fixture: FixtureHttp;
  beforeAll(async () => {
    fixture = await startFixtureHttp();
  });
  afterAll(() => fixture.stop());

  it.each(Object.entries(HTTP_CLIENTS))('lists and calls with %s', async (_, connect) => {
    const client = await connect(fixture.url, { token: 'a-token' });
    expect(await names(client)).toEqual([...FIXTURE_TOOLS]);
    expect((await client.callTool('add', { a: 2, b: 3 })).structuredContent).toEqual({ sum: 5 });
    expect((await client.callTool('echo', { text: '7' })).content).toEqual([{ type: 'text', text: '7' }]);
    expect((await client.callTool('fail')).isError).toBe(true);
    await client.close();
  });

  const streaming: [string, () => Promise<TestClient>][] = [
    ['SDK v1', () => connectV1(fixture.url, { elicit: { name: 'Ada' }, sample: 'hi' })],
    ['SDK v2 legacy', () => connectV2(fixture.url, 'legacy', { elicit: { name: 'Ada' }, sample: 'hi' })],
    ['SDK v2 modern', () => connectV2(fixture.url, 'auto', { elicit: { name: 'Ada' }, sample: 'hi' })],
  ];

  it.each(streaming)('streams progress to %s', async (_, connect) => {
    const client = await connect();
    const seen: number[] = [];
    await client.callTool('slow_progress', { steps: 3, interval_ms: 1 }, (progress) => seen.push(progress));
    expect(seen).toEqual([1, 2, 3]);
    await client.close();
  });

  it.each(streaming)('asks %s for input and for a sample', async (_, connect) => {
    const client = await connect();
    expect((await client.callTool('elicit')).content[0]?.text).toBe('hello Ada');
    expect((await client.callTool('sample')).content[0]?.text).toContain('hi');
    await client.close();
  });

  it.each(streaming)('answers %s with errors of both kinds', async (_, connect) => {
    const client = await connect();
    await expect(client.callTool('no_such_tool')).rejects.toMatchObject({ code: -32602 });
    expect((await client.callTool('throw')).isError).toBe(true);
    await client.close();
  });

  it.each(['legacy', 'auto'] as const)('notices that a client (%s) takes a call back', async (negotiation) => {
    const client = await connectV2(fixture.url, negotiation);
    const taken = new AbortController();
    const args = { name: 'slow_progress', arguments: { steps: 1000, interval_ms: 5 } };
    const call = client.sdk.callTool(args, { signal: taken.signal, onprogress: () => taken.abort('enough') });
    await expect(call).rejects.toThrow('enough');
    await until(() => fixture.world.cancelled.splice(0).includes('slow_progress'), 'the call was cancelled');
    await client.close();
  });

  it('tells a legacy client of a changed tool list on its GET stream', async () => {
    const client = await connectV2(fixture.url, 'legacy');
    const told = new Promise((resolve) => {
      client.sdk.setNotificationHandler('notifications/tools/list_changed', resolve);
    });
    await until(() => fixture.hits.some((hit) => hit.method === 'GET'), 'the client has opened its GET stream');
    await client.callTool('toggle_extra_tool');
    await told;
    expect(await names(client)).toContain('extra');
    await client.callTool('toggle_extra_tool');
    await client.close();
  });

  it('tells a modern client of a changed tool list on its subscription', async () => {
    const client = await connectV2(fixture.url, 'auto');
    const told = new Promise((resolve) => {
      client.sdk.setNotificationHandler('notifications/tools/list_changed', resolve);
    });
    const subscription = await client.sdk.listen({ toolsListChanged: true });
    await client.callTool('toggle_extra_tool');
    await told;
    await client.callTool('toggle_extra_tool');
    await subscription.close();
    await client.close();
  });

  it('keeps what it received: headers in order, body to the byte', async () => {
    const client = await connectV2(fixture.url, 'auto', { token: 'shown' });
    fixture.clearHits();
    await client.callTool('echo', { text: 'x' });
    expect(fixture.hits.map((hit) => hit.rpcMethod)).toEqual(['tools/call']);
    expect(fixture.hits[0]?.rawHeaders).toContain('Bearer shown');
    expect(JSON.parse(String(fixture.hits[0]?.body)).params.arguments).toEqual({ text: 'x' });
    await client.close();
  });

  it('ends a legacy session on DELETE', async () => {
    const before = fixture.sessions().length;
    const client = await connectV1(fixture.url);
    expect(fixture.sessions()).toHaveLength(before + 1);
    await client.close();
    expect(fixture.sessions()).toHaveLength(before);
  });
});

describe('the fixture server over stdio', () => {
  const fixture = stdioFixture();
  afterAll(() => fixture.remove());

  it.each([
    ['SDK v1', 'legacy', () => connectV1Stdio(fixture)],
    ['SDK v2 legacy', 'legacy', () => connectV2Stdio(fixture, 'legacy')],
    ['SDK v2 auto', 'modern', () => connectV2Stdio(fixture, 'auto')],
  ])('serves %s', async (_, era, connect) => {
    const client: TestClient = await connect();
    expect(client.era).toBe(era);
    expect(await names(client)).toEqual([...FIXTURE_TOOLS]);
    const seen: number[] = [];
    await client.callTool('slow_progress', { steps: 2, interval_ms: 1 }, (progress) => seen.push(progress));
    expect(seen).toEqual([1, 2]);
    await client.close();
    expect(fixture.received().some((line) => line.includes('slow_progress'))).toBe(true);
  });
});

describe('the everything server', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startEverything();
  });
  afterAll(() => server.stop());

  it('lists the same tools over HTTP and stdio', async () => {
    const [http, stdio] = await Promise.all([connectV1(server.url), connectV1Stdio(EVERYTHING_STDIO)]);
    const [overHttp, overStdio] = await Promise.all([names(http), names(stdio)]);
    expect(overHttp).toContain('echo');
    expect(overHttp).toEqual(overStdio);
    await Promise.all([http.close(), stdio.close()]);
  });
});

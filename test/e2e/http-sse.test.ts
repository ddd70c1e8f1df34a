import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, startEverything } from '../support/everything.ts';
import {
  FIXTURE_TOOLS,
  type FixtureHttp,
  type FixtureSse,
  startFixtureHttp,
  startFixtureSse,
  stdioFixture,
} from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/wait.ts';
import { connectFull, type FullClient, type Kind, type Place } from './full-client.ts';
import { follow, get } from './requests.ts';
import { callAll, lists, progressOf, questionsTo, type Stop } from './tour.ts';

const TOOLS: readonly Stop[] = [
  { tool: 'echo', args: { text: 'héllo ☃ "quoted" \u2028' } },
  { tool: 'big_text', args: { size: 300_000 } },
  { tool: 'throw' },
  { tool: 'slow_progress', args: { steps: 5, interval_ms: 1 } },
  { tool: 'elicit' },
  { tool: 'sample' },
];

async function visit(kind: Kind, place: Place) {
  const client = await connectFull(kind, place);
  try {
    const listed = await lists(client);
    const called = await callAll(client, TOOLS);
    return { listed, called, progress: progressOf(client, 'slow_progress'), questions: questionsTo(client) };
  } finally {
    await client.close();
  }
}

const stdio = stdioFixture();
let http: FixtureHttp;
let old: FixtureSse;
let gateway: Gateway;
let token: string;
beforeAll(async () => {
  [http, old] = await Promise.all([startFixtureHttp(), startFixtureSse()]);
  const mcps = [
    { id: 'stdio', transport: 'stdio', command: stdio.command, args: stdio.args, env: stdio.env },
    { id: 'http', transport: 'streamable-http', url: http.url },
    { id: 'sse', transport: 'sse', url: old.url },
  ];
  gateway = await startGateway({ config: { mcps } });
  token = await gateway.token('e2e');
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), http?.stop(), old?.stop()]);
  stdio.remove();
});

const through = (id: string): Place => ({ url: `${gateway.url}/mcp/${id}`, token });
const overSse = (id: string): Place => ({ url: `${gateway.url}/mcp/${id}/sse`, token, transport: 'sse' });
const echo = async (client: FullClient) => (await client.call('echo', { text: 'hi' })).content;

describe('an old server that speaks HTTP+SSE', () => {
  it.each(['SDK v1', 'SDK v2 legacy'] as const)('looks to %s as it does without the gateway', async (kind) => {
    const [gated, plain] = await Promise.all([
      visit(kind, through('sse')),
      visit(kind, { url: old.url, transport: 'sse' }),
    ]);
    expect(gated).toEqual(plain);
    const { tools } = gated.listed.tools as { tools: { name: string }[] };
    expect(tools.map(({ name }) => name)).toEqual(FIXTURE_TOOLS);
    expect(gated.progress).toEqual([1, 2, 3, 4, 5, 'answer']);
    expect(gated.called.elicit).toMatchObject({ content: [{ text: 'hello Ada' }] });
  });

  it('tells the client outside any call that its tools changed', async () => {
    const client = await connectFull('SDK v1', through('sse'));
    await client.call('toggle_extra_tool');
    const told = () => client.heard.some(({ method }) => method === 'notifications/tools/list_changed');
    await until(told, 'the client was told');
    await client.call('toggle_extra_tool');
    await client.close();
  });

  it('may end its streams: the sessions of its clients live on with a new one', async () => {
    const client = await connectFull('SDK v1', through('sse'));
    const before = old.sessions();
    old.dropSessions();
    await until(() => old.sessions().length === 0, 'the streams are gone');
    await until(() => gateway.stderr().includes('server side of a session was lost'), 'the gateway noticed');
    expect(await echo(client)).toEqual([{ type: 'text', text: 'hi' }]);
    expect(before).not.toContain(old.sessions()[0]);
    await client.close();
  });

  it('loses its stream when the session of the client is over', async () => {
    const client = await connectFull('SDK v2 legacy', through('sse'));
    expect(old.sessions()).toHaveLength(1);
    await client.close();
    await until(() => old.sessions().length === 0, 'the stream is gone');
  });
});

const CLIENTS = ['SDK v1', 'SDK v2 legacy'] as const;
const DIRECT: Readonly<Record<string, () => Place>> = {
  stdio: () => stdio,
  http: () => ({ url: http.url }),
  sse: () => ({ url: old.url, transport: 'sse' }),
};
const visits = CLIENTS.flatMap((kind) => Object.keys(DIRECT).map((id) => [kind, id] as const));
const streamsOpen = async () => {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return /^sallyport_streams_open\{[^}]*kind="sse"[^}]*\} (\d+)$/m.exec(text)?.[1] ?? text;
};

describe('an old client that speaks HTTP+SSE', () => {
  it.each(visits)('%s sees over it what %s shows without the gateway', async (kind, id) => {
    const [gated, plain] = await Promise.all([visit(kind, overSse(id)), visit(kind, (DIRECT[id] as () => Place)())]);
    expect(gated).toEqual(plain);
    expect(gated.progress).toEqual([1, 2, 3, 4, 5, 'answer']);
    expect(gated.called.elicit).toMatchObject({ content: [{ text: 'hello Ada' }] });
    expect(gated.questions).not.toEqual([]);
  });

  it.each(visits)('%s hears over it what %s says outside any call', async (kind, id) => {
    const client = await connectFull(kind, overSse(id));
    await client.call('log_lines', { count: 3 });
    const lines = () => client.heard.filter(({ method }) => method === 'notifications/message');
    await until(() => lines().length === 3, 'three lines have come');
    expect(lines().map(({ params }) => params?.data)).toEqual(['line 1', 'line 2', 'line 3']);
    await client.close();
  });

  it.each(visits)('%s can take a call back on %s', async (kind, id) => {
    const client = await connectFull(kind, overSse(id));
    const enough = new AbortController();
    const options = { signal: enough.signal, onprogress: () => enough.abort('seen enough') };
    await expect(client.call('slow_progress', { steps: 60_000, interval_ms: 10 }, options)).rejects.toThrow(
      'seen enough',
    );
    expect(await echo(client)).toEqual([{ type: 'text', text: 'hi' }]);
    const calls = client.sent.filter(
      ({ method, params }) => method === 'tools/call' && params?.name === 'slow_progress',
    );
    expect(client.heard.filter((message) => message.id === calls[0]?.id && message.method === undefined)).toEqual([]);
    await client.close();
  });

  it('ends its session with its stream: what was under way is cancelled, and the server let go', async () => {
    const before = old.world.cancelled.length;
    const client = await connectFull('SDK v1', overSse('sse'));
    let begun = false;
    const options = {
      onprogress: () => {
        begun = true;
      },
    };
    const call = client.call('slow_progress', { steps: 60_000, interval_ms: 10 }, options).catch(() => {});
    await until(() => begun, 'the call is under way');
    await client.close();
    await call;
    await until(() => old.world.cancelled.length > before, 'the tool was cancelled');
    await until(() => old.sessions().length === 0, 'the session on the server is over');
    await until(async () => (await streamsOpen()) === '0', 'no stream is open');
  });

  it('is recorded like any other', async () => {
    const client = await connectFull('SDK v2 legacy', overSse('http'));
    await client.call('echo', { text: 'recorded' });
    const route = '/mcp/http/messages';
    const call = await gateway.audited((row) => row.route === route && row.tool === 'echo', 'the call');
    expect(call).toMatchObject({ verdict: 'allow', server: 'http', principal_name: 'e2e' });
    const stream = gateway.audit().find((row) => row.type === 'stream_start' && row.session_id === call.session_id);
    expect(stream).toMatchObject({ route: '/mcp/http/sse' });
    await client.close();
  });
});

describe('a gateway that stops', () => {
  it('lets a call on such a stream finish, and ends a stream that waits for nothing', async () => {
    const mcps = [{ id: 'only', transport: 'streamable-http', url: http.url }];
    const own = await startGateway({ config: { mcps } });
    const place = { url: `${own.url}/sse`, token: await own.token('e2e'), transport: 'sse' } as const;
    const [busy, idle] = await Promise.all([connectFull('SDK v1', place), connectFull('SDK v1', place)]);
    let stopped: Promise<unknown> | undefined;
    const onprogress = () => {
      stopped ??= own.stop();
    };
    const { content } = await busy.call('slow_progress', { steps: 20, interval_ms: 20 }, { onprogress });
    expect(content).not.toEqual([]);
    expect(await stopped).toEqual({ code: 0, signal: null });
    await Promise.all([busy.close(), idle.close()]);
  });

  it('serves nothing of it where compat.sse is false', async () => {
    const mcps = [{ id: 'only', transport: 'streamable-http', url: http.url }];
    const own = await startGateway({ config: { mcps, compat: { sse: false } } });
    const key = await own.token('e2e');
    for (const path of ['/sse', '/messages', '/mcp/only/sse', '/mcp/only/messages']) {
      expect((await get(`${own.url}${path}`, key)).status, path).toBe(404);
    }
    expect((await get(`${own.url}/mcp/servers`, key)).status).toBe(200);
    await own.stop();
  });
});

describe('a gateway behind a path of a proxy', () => {
  it('names the address its clients see', async () => {
    const server = { public_url: 'https://mcp.example.com/tools/' };
    const mcps = [{ id: 'only', transport: 'streamable-http', url: http.url }];
    const own = await startGateway({ config: { mcps, server } });
    const headers = { authorization: `Bearer ${await own.token('e2e')}`, accept: 'text/event-stream' };
    const stream = follow(await fetch(`${own.url}/mcp/only/sse`, { headers }));
    await until(() => stream.text().includes('\n\n'), 'the first event is there');
    expect(stream.text()).toMatch(/^event: endpoint\ndata: \/tools\/mcp\/only\/messages\?sessionId=[\w-]{32}\n\n/);
    await own.stop();
    expect(await stream.over).toBe('ended');
  });
});

describe('the reference server on its old transport', () => {
  let everything: RunningServer;
  beforeAll(async () => {
    everything = await startEverything('sse');
  });
  afterAll(() => everything?.stop());

  it('looks the same through two streams and a gateway', async () => {
    const mcps = [{ id: 'only', transport: 'sse', url: everything.url }];
    const own = await startGateway({ config: { mcps } });
    const gated: Place = { url: `${own.url}/sse`, token: await own.token('e2e'), transport: 'sse' };
    const seen = async (place: Place) => {
      const client = await connectFull('SDK v1', place);
      const listed = await lists(client);
      const called = await callAll(client, [
        { tool: 'echo', args: { message: 'hi' } },
        { tool: 'get-sum', args: { a: 1, b: 2 } },
        { tool: 'trigger-long-running-operation', args: { duration: 0.1, steps: 2 } },
      ]);
      await client.close();
      return { listed, called };
    };
    const [through, direct] = await Promise.all([seen(gated), seen({ url: everything.url, transport: 'sse' })]);
    expect(through).toEqual(direct);
    expect(through.called.echo).toMatchObject({ content: [{ text: 'Echo: hi' }] });
    await own.stop();
  });
});

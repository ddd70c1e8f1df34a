import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURE_TOOLS, type FixtureHttp, startFixtureHttp, stdioFixture } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/wait.ts';
import { connectFull, type FullClient, type Kind, type Place } from './full-client.ts';
import { alike, callAll, lists, progressOf, questionsTo, type Stop } from './tour.ts';

const TOOLS: readonly Stop[] = [
  { tool: 'echo', args: { text: 'héllo ☃ "quoted" \u2028' } },
  { tool: 'add', args: { a: 1e21, b: -0.25 } },
  { tool: 'big_text', args: { size: 300_000 } },
  { tool: 'query', args: { region: 'Zürich', place: { tenant: 42 } } },
  { tool: 'fail' },
  { tool: 'throw' },
  { tool: 'slow_progress', args: { steps: 5, interval_ms: 1 } },
  { tool: 'log_lines', args: { count: 3 } },
  { tool: 'elicit' },
  { tool: 'sample' },
];

/** Tools that change what others see. */
const CHANGES: ReadonlySet<string> = new Set(['toggle_extra_tool', 'touch']);

async function readAll({ sdk }: FullClient) {
  const [greeting, city, travel, completed] = await Promise.all([
    sdk.readResource({ uri: 'fixture://greeting' }),
    sdk.readResource({ uri: 'fixture://city/bern' }),
    sdk.getPrompt({ name: 'travel', arguments: { city: 'paris' } }),
    sdk.complete({ ref: { type: 'ref/prompt', name: 'travel' }, argument: { name: 'city', value: 'ber' } }),
  ]);
  return alike({ greeting, city, travel, completed });
}

async function visit(kind: Kind, place: Place) {
  const client = await connectFull(kind, place);
  try {
    const listed = await lists(client);
    const read = await readAll(client);
    const called = await callAll(client, TOOLS);
    const progress = progressOf(client, 'slow_progress');
    return { era: client.era, listed, read, called, progress, questions: questionsTo(client) };
  } finally {
    await client.close();
  }
}

const stdio = stdioFixture();
let http: FixtureHttp;
let gateway: Gateway;
let token: string;
beforeAll(async () => {
  http = await startFixtureHttp();
  const mcps = [
    { id: 'stdio', transport: 'stdio', command: stdio.command, args: stdio.args, env: stdio.env },
    { id: 'http', transport: 'streamable-http', url: http.url },
  ];
  gateway = await startGateway({ config: { mcps } });
  token = await gateway.token('e2e');
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), http?.stop()]);
  stdio.remove();
});

const through = (id: string): Place => ({ url: `${gateway.url}/mcp/${id}`, token });
const KINDS = { 'SDK v1': 'legacy', 'SDK v2 legacy': 'legacy', 'SDK v2 auto': 'modern', 'SDK v2 pinned': 'modern' };
const DIRECT: Readonly<Record<string, () => Place>> = { stdio: () => stdio, http: () => ({ url: http.url }) };
const visits = (Object.keys(KINDS) as (keyof typeof KINDS)[]).flatMap((kind) =>
  Object.entries(DIRECT).map(([id, direct]) => [kind, id, direct] as const),
);

describe('a server of both eras', () => {
  it.each(visits)('looks to %s over %s as it does without the gateway', async (kind, id, direct) => {
    const [gated, plain] = await Promise.all([visit(kind, through(id)), visit(kind, direct())]);
    expect(gated).toEqual(plain);

    const { tools } = gated.listed.tools as { tools: { name: string }[] };
    expect(tools.map(({ name }) => name)).toEqual(FIXTURE_TOOLS);
    expect(Object.keys(gated.called)).toEqual(FIXTURE_TOOLS.filter((name) => !CHANGES.has(name)));
    expect(gated.era).toBe(KINDS[kind]);
    expect(gated.progress).toEqual([1, 2, 3, 4, 5, 'answer']);
    expect(gated.called.elicit).toMatchObject({ content: [{ text: 'hello Ada' }] });
  });

  it.each(visits)('streams progress to %s over %s while the call is under way', async (kind, id) => {
    const client = await connectFull(kind, through(id));
    const seen: number[] = [];
    const enough = new AbortController();
    const options = {
      signal: enough.signal,
      onprogress: ({ progress }: { progress: number }) => {
        if (seen.push(progress) === 3) enough.abort('seen enough');
      },
    };
    // The answer is ten minutes away: what is seen now came through one by one.
    const call = client.call('slow_progress', { steps: 60_000, interval_ms: 10 }, options);
    await expect(call).rejects.toThrow('seen enough');
    expect(seen).toEqual([1, 2, 3]);
    await client.close();
  });

  it.each(visits.filter(([kind]) => KINDS[kind] === 'legacy'))('sends its log to %s over %s', async (kind, id) => {
    const client = await connectFull(kind, through(id));
    await client.call('log_lines', { count: 3 });
    const lines = () => client.heard.filter(({ method }) => method === 'notifications/message');
    await until(() => lines().length === 3, 'three lines have come');
    expect(lines().map(({ params }) => params?.data)).toEqual(['line 1', 'line 2', 'line 3']);
    await client.close();
  });

  it.each(visits)('tells %s over %s that its tools changed', async (kind, id) => {
    http.clearHits();
    const client = await connectFull(kind, through(id));
    await client.watchTools?.();
    if (id === 'http' && client.era === 'legacy') {
      await until(() => http.hits.some(({ method }) => method === 'GET'), 'the gateway listens to the server');
    }
    const names = async () => {
      const { tools } = await client.sdk.listTools(undefined, { cacheMode: 'refresh' });
      return tools.map(({ name }) => name);
    };
    const told = () => client.heard.filter(({ method }) => method === 'notifications/tools/list_changed').length;
    expect(await names()).not.toContain('extra');
    await client.call('toggle_extra_tool');
    await until(() => told() > 0, 'the client was told');
    expect(await names()).toContain('extra');
    expect((await client.call('extra')).content).toEqual([{ type: 'text', text: 'extra' }]);
    await client.call('toggle_extra_tool');
    expect(await names()).not.toContain('extra');
    await client.close();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURE_TOOLS, type FixtureSse, startFixtureSse } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/wait.ts';
import { connectFull, type FullClient, type Kind, type Place } from './full-client.ts';
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

let old: FixtureSse;
let gateway: Gateway;
let token: string;
beforeAll(async () => {
  old = await startFixtureSse();
  gateway = await startGateway({ config: { mcps: [{ id: 'sse', transport: 'sse', url: old.url }] } });
  token = await gateway.token('e2e');
});
afterAll(() => Promise.all([gateway?.stop(), old?.stop()]));

const through = (id: string): Place => ({ url: `${gateway.url}/mcp/${id}`, token });
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

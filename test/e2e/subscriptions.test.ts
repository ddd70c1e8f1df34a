import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV2, type TestClient } from '../support/clients.ts';
import { type FixtureHttp, startFixtureHttp, stdioFixture } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { until, within } from '../support/wait.ts';

type V2 = Awaited<ReturnType<typeof connectV2>>;

const GREETING = 'fixture://greeting';
const stdio = stdioFixture();
const ownStdio = stdioFixture();
let http: FixtureHttp;
let gateway: Gateway;
const tokens: string[] = [];
beforeAll(async () => {
  http = await startFixtureHttp();
  const program = ({ command, args, env }: typeof stdio) => ({ transport: 'stdio', command, args, env });
  const mcps = [
    { id: 'http', transport: 'streamable-http', url: http.url },
    { id: 'shared', ...program(stdio), child: 'shared' },
    { id: 'apart', ...program(ownStdio) },
  ];
  gateway = await startGateway({ config: { mcps } });
  for (const name of ['ada', 'bob']) tokens.push(await gateway.token(name));
});
afterAll(async () => {
  await gateway?.stop();
  await http?.stop();
  stdio.remove();
  ownStdio.remove();
});

/** A client that listens, and everything it is told. */
interface Listening {
  readonly client: V2;
  readonly subscription: Awaited<ReturnType<V2['sdk']['listen']>>;
  readonly heard: string[];
}

async function listen(server: string, who: number, filter: Parameters<V2['sdk']['listen']>[0]): Promise<Listening> {
  const client = await connectV2(`${gateway.url}/mcp/${server}`, 'pinned', { token: tokens[who] });
  const heard: string[] = [];
  client.sdk.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
  client.sdk.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
  return { client, subscription: await client.sdk.listen(filter), heard };
}

const close = (listeners: readonly Listening[]) => Promise.all(listeners.map(({ client }) => client.close()));
const touch = (client: TestClient, uri: string) => client.callTool('touch', { uri });
const hears = ({ heard }: Listening, what: string) => until(() => heard.includes(what), `${what} is heard`);

/** How often the server was asked to be listened to, in a row with how often it was told that nobody does. */
const listensOf = {
  http: () => http.hits.filter(({ rpcMethod }) => rpcMethod === 'subscriptions/listen').length,
  shared: () => stdio.received().filter((line) => line.includes('subscriptions/listen')).length,
};

describe.each(['http', 'shared'] as const)('clients that listen to the official server behind %s', (server) => {
  it('share one subscription of the gateway, fifty and more of them, of two principals', async () => {
    const before = listensOf[server]();
    const first = await listen(server, 0, { toolsListChanged: true, resourceSubscriptions: [GREETING] });
    const many = await Promise.all(
      Array.from({ length: 55 }, (_, at) => listen(server, at % 2, { toolsListChanged: true })),
    );
    expect(listensOf[server]() - before).toBe(1);
    expect(first.subscription.honoredFilter).toEqual({
      toolsListChanged: true,
      resourceSubscriptions: [GREETING],
    });
    for (const { subscription } of many) expect(subscription.honoredFilter).toEqual({ toolsListChanged: true });

    await touch(first.client, GREETING);
    await first.client.callTool('toggle_extra_tool');
    for (const listener of [first, ...many]) await hears(listener, 'tools');
    await hears(first, GREETING);
    expect(first.heard.toSorted()).toEqual([GREETING, 'tools']);
    expect(many.map(({ heard }) => heard)).toEqual(many.map(() => ['tools']));
    await close([first, ...many]);
  });

  it('are told of their own resources, and of what others ask for never', async () => {
    const ada = await listen(server, 0, { resourceSubscriptions: ['fixture://city/bern'] });
    const bob = await listen(server, 1, { resourceSubscriptions: ['fixture://city/paris', GREETING] });
    await touch(ada.client, 'fixture://city/berlin');
    await touch(ada.client, 'fixture://city/paris');
    await touch(bob.client, 'fixture://city/bern');
    await touch(bob.client, GREETING);
    await hears(ada, 'fixture://city/bern');
    await hears(bob, GREETING);
    expect([ada.heard, bob.heard]).toEqual([['fixture://city/bern'], ['fixture://city/paris', GREETING]]);

    await ada.subscription.close();
    await touch(bob.client, 'fixture://city/bern');
    await touch(bob.client, 'fixture://city/paris');
    await until(() => bob.heard.length === 3, 'bob hears of paris again');
    expect(ada.heard).toEqual(['fixture://city/bern']);
    await close([ada, bob]);
  });

  it('may hold several subscriptions, each under its own id', async () => {
    const one = await listen(server, 0, { toolsListChanged: true });
    const two = await one.client.sdk.listen({ resourceSubscriptions: [GREETING] });
    await two.close();
    await touch(one.client, GREETING);
    await one.client.callTool('toggle_extra_tool');
    await hears(one, 'tools');
    expect(one.heard).toEqual(['tools']);
    await close([one]);
  });
});

describe('a listener', () => {
  it('whose principal has a child of its own shares it with nobody else', async () => {
    const [ada, bob] = [
      await listen('apart', 0, { toolsListChanged: true }),
      await listen('apart', 1, { toolsListChanged: true }),
    ];
    await ada.client.callTool('toggle_extra_tool');
    await hears(ada, 'tools');
    await bob.client.callTool('toggle_extra_tool');
    await hears(bob, 'tools');
    expect([ada.heard, bob.heard]).toEqual([['tools'], ['tools']]);
    await close([ada, bob]);
  });

  it('that asks for what the server does not have is acknowledged without it, and ended', async () => {
    const { client, subscription, heard } = await listen('http', 0, {});
    expect(subscription.honoredFilter).toEqual({});
    expect(await within(subscription.closed, 'the subscription is over')).toBe('graceful');
    expect(heard).toEqual([]);
    await client.close();
  });

  it('whose token is revoked hears no more, and the others go on', async () => {
    tokens.push(await gateway.token('gone'));
    const gone = await listen('http', 2, { toolsListChanged: true });
    const stays = await listen('http', 0, { toolsListChanged: true });
    const { code } = await gateway.command('token', 'revoke', 'gone');
    expect(code).toBe(0);
    expect(await within(gone.subscription.closed, 'the subscription is over')).toBe('remote');
    await stays.client.callTool('toggle_extra_tool');
    await hears(stays, 'tools');
    expect(gone.heard).toEqual([]);
    await gateway.audited(({ type, reason }) => type === 'outcome' && reason === 'token-revoked', 'the end');
    await close([gone, stays]);
  });
});

it('the last listener gone, the server is told so', async () => {
  const cancelled = () => stdio.received().filter((line) => line.includes('notifications/cancelled')).length;
  const before = cancelled();
  const [one, two] = [
    await listen('shared', 0, { toolsListChanged: true }),
    await listen('shared', 1, { toolsListChanged: true }),
  ];
  await one.client.close();
  await two.subscription.close();
  await until(() => cancelled() > before, 'the child is told that nobody listens');
  await two.client.close();
});

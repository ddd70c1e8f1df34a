import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectInspector, connectV1, connectV1Stdio, runInspector, type TestClient } from '../support/clients.ts';
import { EVERYTHING_STDIO } from '../support/everything.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { alike } from './tour.ts';

type ClientV1 = Awaited<ReturnType<typeof connectV1>>['sdk'];

const ARGUMENTS: Readonly<Record<string, Record<string, unknown>>> = {
  echo: { message: 'hi', text: 'hi' },
  add: { a: 2, b: 3 },
  big_text: { size: 1000 },
  slow_progress: { steps: 2, interval_ms: 1 },
  log_lines: { count: 2 },
  'get-annotated-message': { messageType: 'success' },
  'get-structured-content': { location: 'New York' },
  'get-sum': { a: 2, b: 3 },
  'gzip-file-as-resource': { name: 'a.gz', data: 'data:text/plain,hello' },
  'trigger-long-running-operation': { duration: 0.1, steps: 2 },
};
/** Served only as a task, to a client that can poll for it; what the Inspector gets instead is an error, as without us. */
const NOT_FOR_IT = new Set(['simulate-research-query']);
/** What these say depends on how the server's process was started, or on who called them before. */
const OF_THE_PROCESS = new Set(['get-env', 'toggle_extra_tool']);

let fixtureHttp: FixtureHttp;
let gateway: Gateway;
let token: string;
beforeAll(async () => {
  fixtureHttp = await startFixtureHttp();
  const mcps = [
    { id: 'everything-stdio', transport: 'stdio', ...EVERYTHING_STDIO },
    { id: 'fixture-http', transport: 'streamable-http', url: fixtureHttp.url },
  ];
  gateway = await startGateway({ config: { mcps } });
  token = await gateway.token('inspector');
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), fixtureHttp?.stop()]);
});

/** One server over each transport: a process for each call is dear, and each server over both is in the tests of the clients. */
const DIRECT: readonly (readonly [string, () => Promise<TestClient<ClientV1>>])[] = [
  ['everything-stdio', () => connectV1Stdio(EVERYTHING_STDIO)],
  ['fixture-http', () => connectV1(fixtureHttp.url)],
];

describe('the Inspector', () => {
  it.each(DIRECT)(
    'lists and calls through the gateway what %s has',
    async (id, connectDirect) => {
      const url = `${gateway.url}/mcp/${id}`;
      const direct = await connectDirect();
      const inspector = await connectInspector(url, { token });
      const tools = await inspector.listTools();
      expect(tools).toEqual(await direct.listTools());
      const run = (method: string) => runInspector(url, ['--method', method], { token });
      expect(await run('prompts/list')).toEqual(await direct.sdk.listPrompts());
      expect(await run('resources/list')).toEqual(await direct.sdk.listResources());

      // One process for each call: two at a time keep both cores busy, and more would only wait.
      const names = tools.map(({ name }) => name).filter((name) => !NOT_FOR_IT.has(name));
      const compare = async () => {
        for (let name = names.shift(); name !== undefined; name = names.shift()) {
          const args = ARGUMENTS[name] ?? {};
          const [shown, plain] = [await inspector.callTool(name, args), await direct.callTool(name, args)].map(alike);
          if (OF_THE_PROCESS.has(name)) expect(shown).toMatchObject({ content: [{ type: 'text' }] });
          else expect({ [name]: shown }).toEqual({ [name]: plain });
        }
      };
      await Promise.all([compare(), compare()]);
      await direct.close();
    },
    120_000,
  );

  it('is refused without a token', async () => {
    const refused = runInspector(`${gateway.url}/mcp/everything-stdio`, ['--method', 'tools/list']);
    await expect(refused).rejects.toThrow(/401|bearer token/i);
  });
});

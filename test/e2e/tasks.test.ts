import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { encodeSentinel } from '../../src/protocol/sentinel.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { type RunningTasks, startTasks, TASKS_STDIO } from '../support/task-server.ts';
import { until } from '../support/wait.ts';
import { type Answer, follow, open, post } from './requests.ts';
import { stateFolder, testFolder } from './state.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const extensions = [TASKS];

let http: RunningTasks;
let gateway: Gateway;
let ada: string;
let bob: string;
beforeAll(async () => {
  http = await startTasks();
  const mcps = [
    { id: 'http', transport: 'streamable-http', url: http.url, extensions },
    { id: 'stdio', transport: 'stdio', ...TASKS_STDIO, child: 'shared', extensions },
    { id: 'without', transport: 'streamable-http', url: http.url },
  ];
  gateway = await startGateway({ config: { mcps } });
  ada = await gateway.token('ada');
  bob = await gateway.token('bob');
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), http?.stop()]);
});

/** A request of a client that knows of tasks, unless said otherwise. */
function request(
  method: string,
  params: Record<string, unknown>,
  capabilities: object = { extensions: { [TASKS]: {} } },
) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  const name = params.taskId ?? params.name;
  const named: Record<string, string> = typeof name === 'string' ? { 'mcp-name': encodeSentinel(name) } : {};
  return {
    body: { jsonrpc: '2.0', id: 'q', method, params: { ...params, _meta: meta } },
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...named },
  };
}

function send(server: string, token: string, ...asked: Parameters<typeof request>): Promise<Answer> {
  const { body, headers } = request(...asked);
  return post(`${gateway.url}/mcp/${server}`, body, token, headers);
}

async function begin(server: string, token = ada): Promise<string> {
  const { body } = await send(server, token, 'tools/call', { name: 'export', arguments: {} });
  expect(body.result).toMatchObject({ resultType: 'task', status: 'working' });
  return body.result.taskId;
}

describe.each(['http', 'stdio'])('a task of a server over %s', (server) => {
  it('is followed to its end under the handle its caller was given', async () => {
    const taskId = await begin(server);
    const get = () => send(server, ada, 'tasks/get', { taskId });
    expect((await get()).body.result).toMatchObject({ resultType: 'complete', taskId, status: 'working' });
    const update = await send(server, ada, 'tasks/update', { taskId, inputResponses: {} });
    expect(update.body.result).toMatchObject({ resultType: 'complete' });
    const done = { taskId, status: 'completed', result: { content: [{ type: 'text', text: 'exported' }] } };
    expect((await get()).body.result).toMatchObject(done);
    expect((await send(server, ada, 'tasks/cancel', { taskId })).body.result).toMatchObject({ resultType: 'complete' });
  });

  it('is to anybody else what never was: the same answer, and nothing reaches the server', async () => {
    const taskId = await begin(server);
    const before = http.received.length;
    const answers: Answer[] = [];
    for (const id of [taskId, 'task 1 ü', `${taskId.slice(0, -1)}A`, 'nothing', '']) {
      for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
        answers.push(await send(server, bob, method, { taskId: id, inputResponses: {} }));
      }
    }
    const said = answers.map(({ status, body }) => ({ status, ...body.error, data: undefined }));
    expect(new Set(said.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify({ status: 200, code: -32602, message: 'Unknown task' })]),
    );
    expect(http.received.slice(before).filter(({ method }) => method.startsWith('tasks/'))).toEqual([]);
    expect((await send(server, ada, 'tasks/get', { taskId })).body.result).toMatchObject({ status: 'working' });
  });

  it('is told of to the listener that asked for it, under its handle', async () => {
    const taskId = await begin(server);
    const listen = (token: string) => {
      const { body, headers } = request('subscriptions/listen', { notifications: { taskIds: [taskId] } });
      return open(`${gateway.url}/mcp/${server}`, body, token, headers);
    };
    const [mine, theirs] = [follow(await listen(ada)), follow(await listen(bob))];
    await until(() => mine.text().includes('acknowledged'), 'the subscription was acknowledged');
    expect(mine.text()).toContain(JSON.stringify({ taskIds: [taskId] }));
    await send(server, ada, 'tasks/update', { taskId, inputResponses: {} });
    await until(() => mine.text().includes('notifications/tasks'), 'the listener was told');
    expect(mine.text()).toContain(`"taskId":${JSON.stringify(taskId)},"status":"completed"`);
    expect(await theirs.over).toBe('ended');
    expect(theirs.text()).not.toContain('notifications/tasks');
    expect(theirs.text()).not.toContain('taskIds');
  });

  it('needs a client that says it knows of tasks (-32021)', async () => {
    const taskId = await begin(server);
    const undeclared = await send(server, ada, 'tasks/get', { taskId }, {});
    expect(undeclared).toMatchObject({
      status: 400,
      body: { error: { code: -32021, data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } } },
    });
    const filter = { notifications: { taskIds: [taskId] } };
    expect((await send(server, ada, 'subscriptions/listen', filter, {})).body.error).toMatchObject({ code: -32021 });
    const { body } = await send(server, ada, 'tools/call', { name: 'export', arguments: {} }, {});
    expect(body.result).toMatchObject({ resultType: 'complete', content: [{ text: 'exported' }] });
  });

  it('is named in Mcp-Name, which must say what the body says (-32020)', async () => {
    const taskId = await begin(server);
    const { body, headers } = request('tasks/get', { taskId });
    const unnamed = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tasks/get' };
    for (const sent of [unnamed, { ...unnamed, 'mcp-name': 'other' }]) {
      const answer = await post(`${gateway.url}/mcp/${server}`, body, ada, sent);
      expect(answer).toMatchObject({ status: 400, body: { error: { code: -32020 } } });
    }
    expect((await post(`${gateway.url}/mcp/${server}`, body, ada, headers)).body.result).toMatchObject({ taskId });
  });
});

describe('a server over HTTP', () => {
  it('sees its own ids only, in header and body', async () => {
    const taskId = await begin('http');
    await send('http', ada, 'tasks/get', { taskId });
    const last = http.received.at(-1);
    const own = last?.params?.taskId as string;
    expect(own).toMatch(/^task \d+ ü$/);
    expect(last?.name).toBe(encodeSentinel(own));
    expect(taskId.startsWith(own)).toBe(true);
  });
});

describe('where the extension is not allowed', () => {
  it('neither side hears of it, and its methods do not exist', async () => {
    const { body } = await send('without', ada, 'tools/call', { name: 'export', arguments: {} });
    expect(body.result).toMatchObject({ resultType: 'complete' });
    expect(JSON.stringify(http.received.at(-1)?.params)).not.toContain(TASKS);
    const discovered = await send('without', ada, 'server/discover', {});
    expect(discovered.body.result.capabilities).toEqual({ tools: {}, extensions: {} });
    const allowed = await send('http', ada, 'server/discover', {});
    expect(allowed.body.result.capabilities).toEqual({ tools: {}, extensions: { [TASKS]: {} } });
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const answer = await send('without', ada, method, { taskId: 'x' });
      expect(answer).toMatchObject({ status: 404, body: { error: { code: -32601 } } });
    }
  });
});

describe('a listener, on a reload', () => {
  it('is ended when it may no longer hear of a task, and stays when it may', async () => {
    const file = join(testFolder(), 'sallyport.yaml');
    const write = (settings: object) => {
      const mcps = [{ id: 'http', transport: 'streamable-http', url: http.url, extensions, ...settings }];
      writeFileSync(file, stringify({ server: { port: 0 }, admin: { port: 0 }, mcps }), { mode: 0o600 });
    };
    write({});
    const own = await startGateway({ configFile: file });
    onTestFinished(async () => void (await own.stop()));
    const token = await own.token('ada');
    let generation = 1;
    const reload = async (settings: object) => {
      write(settings);
      process.kill(own.pid, 'SIGHUP');
      generation += 1;
      const detail = `configuration reloaded, generation ${generation}`;
      await own.audited((line) => line.detail === detail, detail);
    };
    const ask = async (method: string, params: Record<string, unknown>) => {
      const { body, headers } = request(method, params);
      return (await post(`${own.url}/mcp/http`, body, token, headers)).body;
    };
    const { taskId } = (await ask('tools/call', { name: 'export', arguments: {} })).result;
    const listen = async () => {
      const { body, headers } = request('subscriptions/listen', { notifications: { taskIds: [taskId] } });
      const stream = follow(await open(`${own.url}/mcp/http`, body, token, headers));
      await until(() => stream.text().includes('acknowledged'), 'the subscription was acknowledged');
      return stream;
    };

    for (const taken of [{ tools: { deny: ['export'] } }, { extensions: [] }]) {
      const stream = await listen();
      await reload({ tools: { deny: ['other'] } });
      await ask('tasks/update', { taskId, inputResponses: {} });
      await until(() => stream.text().includes('notifications/tasks'), 'it still hears of the task');
      await reload(taken);
      expect(await stream.over).toBe('ended');
      expect(stream.text().trimEnd().split('\n').at(-1)).toContain('"id":"q","result":{"resultType":"complete"');
      await reload({});
    }
    expect(own.audit().filter(({ reason }) => reason === 'rules-changed').length).toBe(2);
  });
});

describe('a task begun before', () => {
  it('is still its caller’s after a restart, and no longer when the tool is taken away', async () => {
    const stateDir = stateFolder();
    const file = join(testFolder(), 'sallyport.yaml');
    const write = (tools: object) => {
      const mcps = [{ id: 'http', transport: 'streamable-http', url: http.url, extensions, tools }];
      writeFileSync(file, stringify({ server: { port: 0 }, admin: { port: 0 }, mcps }), { mode: 0o600 });
    };
    write({});
    const first = await startGateway({ configFile: file, stateDir });
    const token = await first.token('ada');
    const ask = async (to: Gateway, method: string, params: Record<string, unknown>) => {
      const { body, headers } = request(method, params);
      return (await post(`${to.url}/mcp/http`, body, token, headers)).body;
    };
    const { taskId } = (await ask(first, 'tools/call', { name: 'export', arguments: {} })).result;
    await first.stop();

    const second = await startGateway({ configFile: file, stateDir });
    onTestFinished(async () => void (await second.stop()));
    expect((await ask(second, 'tasks/get', { taskId })).result).toMatchObject({ taskId, status: 'working' });
    write({ deny: ['export'] });
    process.kill(second.pid, 'SIGHUP');
    await second.audited(({ detail }) => detail === 'configuration reloaded, generation 2', 'the reload');
    expect((await ask(second, 'tasks/get', { taskId })).error).toMatchObject({ code: -32602, message: 'Unknown task' });
  });
});

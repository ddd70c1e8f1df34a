import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { type RawAnswer, sendRaw } from '../support/raw.ts';
import { type Received, type Script, ScriptedHttp } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { freshToken } from './ground.ts';
import {
  bytesOf,
  CAPABILITIES_KEY,
  MODERN,
  modern,
  modernMessage,
  type Request,
  type RpcMessage,
  read,
  VERSION_KEY,
} from './requests.ts';

const UPSTREAM_INVALID = 50202;
const token = freshToken();

let server: ScriptedHttp;
let gateway: Gateway;
beforeAll(async () => {
  server = await ScriptedHttp.start();
  const common = { transport: 'streamable-http', url: server.url, era: 'modern' };
  gateway = await startGateway({
    config: {
      auth: { methods: [{ type: 'token', tokens: [{ name: 'user', token }] }] },
      mcps: [
        { id: 'as-sent', ...common },
        { id: 'private', ...common, cache_scope: 'private' },
      ],
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await server?.stop();
});

const LIST = '{"resultType":"complete","tools":[{"name":"echo","inputSchema":{}}]}';

/** Answers `method` with this member of a JSON-RPC message, and whatever else is asked well. */
function answers(method: string, member: string, status = 200): void {
  server.otherwise = (request, response) => {
    const own = request.rpc.method === method;
    const text = `{"jsonrpc":"2.0","id":${request.rpc.id},${own ? member : `"result":${LIST}`}}`;
    response.writeHead(own ? status : 200, { 'content-type': 'application/json' }).end(text);
  };
}

function message(method: string, capabilities: object, params: Record<string, unknown> = {}): RpcMessage {
  const named = { 'tools/call': { name: 'echo' }, 'prompts/get': { name: 'p' }, 'resources/read': { uri: 'a:b' } };
  const { jsonrpc, id } = modernMessage(method);
  const meta = { [VERSION_KEY]: MODERN, [CAPABILITIES_KEY]: capabilities };
  return {
    jsonrpc,
    ...(id === undefined ? {} : { id }),
    method,
    params: { ...named[method as keyof typeof named], ...params, _meta: meta },
  };
}

function send(request: Request): Promise<RawAnswer> {
  return sendRaw(gateway.url, bytesOf(request));
}

function ask(method: string, capabilities: object = {}, id = 'as-sent'): Promise<RawAnswer> {
  return send(modern(`/mcp/${id}`, token, message(method, capabilities)));
}

const COMPLETE = '"result":{"resultType":"complete","content":[]}';
const ASK_ROOTS = '"result":{"resultType":"input_required","inputRequests":{"r":{"method":"roots/list"}}}';
const visit = (url: string) =>
  `"result":{"resultType":"input_required","inputRequests":{"r":{"method":"elicitation/create","params":{"mode":"url","url":"${url}"}}}}`;
const discovered = (versions: string) =>
  `"result":{"resultType":"complete","supportedVersions":${versions},"capabilities":{}}`;

describe('a server whose answer is not for its client', () => {
  const rows: readonly [
    name: string,
    method: string,
    sent: string,
    capabilities: object,
    twin: string,
    status?: number,
  ][] = [
    ['has a type nobody knows', 'tools/call', '"result":{"resultType":"later"}', {}, COMPLETE],
    [
      'is a task, which the request did not declare',
      'tools/call',
      '"result":{"resultType":"task","taskId":"t"}',
      {},
      COMPLETE,
    ],
    ['requires input where none may be', 'tools/list', ASK_ROOTS, { roots: {} }, `"result":${LIST}`],
    ['asks for what the request did not declare', 'tools/call', ASK_ROOTS, { sampling: {} }, COMPLETE],
    ['opens a script', 'prompts/get', visit('javascript:1'), { elicitation: { url: {} } }, visit('https://a.example/')],
    ['requires nothing', 'resources/read', '"result":{"resultType":"input_required"}', {}, '"result":{"contents":[]}'],
    ['speaks of the other hop (-32020)', 'tools/call', '"error":{"code":-32020,"message":"m"}', {}, COMPLETE, 400],
    ['speaks of the other hop (-32022)', 'tools/call', '"error":{"code":-32022,"message":"m"}', {}, COMPLETE, 400],
    ['says so in band', 'tools/call', '"error":{"code":-32022,"message":"m"}', {}, COMPLETE],
    ['names no version served here', 'server/discover', discovered('["2031-01-01"]'), {}, discovered(`["${MODERN}"]`)],
  ];
  it.each(rows)('that %s is answered for by the gateway', async (_, method, sent, capabilities, twin, status) => {
    answers(method, sent, status);
    const answer = await ask(method, capabilities);
    expect(read(answer)).toMatchObject({ status: 502, code: UPSTREAM_INVALID, json: { id: 1 } });
    expect(answer.body.toString()).not.toContain('inputRequests');
    const { decisionId } = read(answer);
    const row = await gateway.audited(
      (line) => line.decision_id === decisionId && line.type === 'outcome',
      'the outcome',
    );
    expect(row).toMatchObject({ outcome: 'failed', status: 502, rpc_code: UPSTREAM_INVALID });
    answers(method, twin);
    expect(read(await ask(method, capabilities))).toMatchObject({ status: 200, json: { id: 1, result: {} } });
  });

  it('keeps what it requires of the client: a missing capability passes with its data, and 400', async () => {
    answers('tools/call', '"error":{"code":-32021,"message":"m","data":{"requiredCapabilities":{"roots":{}}}}');
    expect(read(await ask('tools/call'))).toMatchObject({
      status: 400,
      json: { error: { code: -32021, data: { requiredCapabilities: { roots: {} } } } },
    });
  });

  it('and that requires an extension nobody allowed: the client is told so, not to declare what it did declare', async () => {
    const required = '{"extensions":{"com.example/x":{}}}';
    answers('tools/call', `"error":{"code":-32021,"message":"m","data":{"requiredCapabilities":${required}}}`, 400);
    const answer = read(await ask('tools/call', JSON.parse(required)));
    expect(answer).toMatchObject({
      status: 501,
      code: 50102,
      json: { error: { data: { extension: 'com.example/x' } } },
    });
    expect(server.of('tools/call').at(-1)?.body).not.toContain('com.example/x');
  });
});

describe('an error the server sends with an HTTP status', () => {
  const ERROR = '"error":{"code":-32603,"message":"busy","data":{"x":1.0}}';
  /** What the gateway makes of this status, and of these headers. */
  async function passed(status: number, headers: Record<string, string> = {}) {
    server.otherwise = (request, response) => {
      const own = request.rpc.method === 'tools/call';
      const text = `{"jsonrpc":"2.0","id":${request.rpc.id},${own ? ERROR : `"result":${LIST}`}}`;
      response.writeHead(own ? status : 200, { ...headers, 'content-type': 'application/json' }).end(text);
    };
    const answer = await ask('tools/call');
    expect(answer.body.toString()).toContain(status === 401 ? '"code":50204' : ERROR);
    return [answer.status, answer.headers.get('retry-after')];
  }

  it('keeps the status where it speaks of the call, and the time to wait', async () => {
    for (const status of [200, 400, 422, 500]) expect(await passed(status)).toEqual([status, undefined]);
    for (const status of [429, 503]) {
      expect(await passed(status, { 'retry-after': '7' })).toEqual([status, ['7']]);
      expect(await passed(status, { 'retry-after': '999999999' })).toEqual([status, ['3600']]);
      for (const other of ['-1', '1.5', 'Fri, 31 Dec 2077 23:59:59 GMT', '7, 8']) {
        expect(await passed(status, { 'retry-after': other })).toEqual([status, ['5']]);
      }
    }
  });

  it('loses one that speaks of the way from the gateway to the server', async () => {
    for (const status of [404, 405, 406, 407, 408, 421, 431]) {
      expect(await passed(status, { 'retry-after': '7' })).toEqual([200, undefined]);
    }
    expect(await passed(401)).toEqual([502, undefined]);
  });

  it('does not make a server that fails look well', async () => {
    await passed(503);
    await until(() => gateway.stderr().includes('HTTP 503, a JSON-RPC error'), 'the operator is told');
  });
});

describe('a request that takes two legs', () => {
  const STATE = String.raw`"\ud83d\ude00 \u0000\/ =?base64?x?= é"`;
  const RESPONSES = '{ "r" : {"roots":[ ],"n":1e400 , "big":12345678901234567890} }';

  it('carries state and answers byte for byte, and is judged and recorded on each', async () => {
    answers('tools/call', `"result":{"requestState":${STATE},"resultType":"input_required"}`);
    const first = await ask('tools/call');
    expect(first.body.toString()).toContain(`"requestState":${STATE}`);

    answers('tools/call', COMPLETE);
    const again = message('tools/call', {}, { requestState: 0, inputResponses: 0 });
    const body = JSON.stringify({ ...again, id: 2 })
      .replace('"requestState":0', `"requestState":  ${STATE}`)
      .replace('"inputResponses":0', `"inputResponses":${RESPONSES}`);
    const second = await send(modern('/mcp/as-sent', token, again, { body }));
    expect(second.status).toBe(200);
    const sent = server.of('tools/call').at(-1) as Received;
    expect(sent.body).toContain(`"requestState":  ${STATE}`);
    expect(sent.body).toContain(`"inputResponses":${RESPONSES}`);

    await gateway.audited((line) => line.jsonrpc_id === 2 && line.type === 'outcome', 'the outcome of the second leg');
    const rows = gateway.audit().filter((line) => line.jsonrpc_id === 2 || line.decision_id === idOf(gateway, 1));
    expect(rows.map(({ type, verdict, outcome }) => verdict ?? `${type} ${outcome}`)).toEqual([
      'allow',
      'outcome ok',
      'allow',
      'outcome ok',
    ]);
  });
});

/** The decision of the last call under this JSON-RPC id. */
function idOf(of: Gateway, id: number): unknown {
  return of.audit().findLast((line) => line.jsonrpc_id === id && line.type === 'outcome')?.decision_id;
}

describe('a tool whose definition breaks the rules of x-mcp-header', () => {
  const tool = (name: string, header: string) =>
    `{"name":"${name}", "inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"${header}"}}}}`;
  const fit = tool('fit', 'A');
  const lists =
    (...tools: string[]): Script =>
    (request, response) => {
      const result = request.rpc.method === 'tools/list' ? `{"tools":[${tools.join(',')}]}` : '{"content":[]}';
      const text = `{"jsonrpc":"2.0","id":${request.rpc.id},"result":${result}}`;
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    };
  const call = (name: string) =>
    send(modern('/mcp/as-sent', token, message('tools/call', {}, { name, arguments: {} })));

  it('is not offered and cannot be called; the others keep their bytes; the log says why, once', async () => {
    server.otherwise = lists(fit, tool('unfit', 'two words'));
    for (let i = 0; i < 3; i += 1) {
      expect((await ask('tools/list')).body.toString()).toContain(`"tools":[${fit}]`);
    }
    const before = server.received.length;
    expect(read(await call('unfit'))).toMatchObject({
      status: 200,
      code: -32602,
      json: { error: { message: 'Unknown tool: unfit' } },
    });
    expect(server.received).toHaveLength(before);
    expect(read(await call('fit'))).toMatchObject({ status: 200, json: { result: {} } });
    const told = gateway
      .stderr()
      .split('\n')
      .filter((line) => line.includes('"tool":"unfit"'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('x-mcp-header');
  });
});

describe('a list for everybody', () => {
  it('is passed on as such, or is for its caller alone where the operator says so', async () => {
    const list = (scope: string) =>
      `"result":{"resultType":"complete","resources":[],"ttlMs":5,"cacheScope":"${scope}"}`;
    answers('resources/list', list('public'));
    expect((await ask('resources/list')).body.toString()).toContain(list('public'));
    expect((await ask('resources/list', {}, 'private')).body.toString()).toContain(list('private'));
  });
});

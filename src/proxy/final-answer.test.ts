import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callOf, messageOf } from '../../test/support/judged.ts';
import { type LogLine, recordingLog } from '../../test/support/lane-calls.ts';
import { compileAuthorizer } from '../access/authorizer.ts';
import { MAC_KEY_BYTES, MacKey } from '../crypto/mac.ts';
import { isScanFailure, scanUpstream } from '../jsonrpc/scan.ts';
import { ModernFacts } from '../policy/call.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import { META_CLIENT_CAPABILITIES } from '../protocol/classify.ts';
import { TASKS_EXTENSION } from '../protocol/extensions.ts';
import { TaskHandles } from '../session/task-handles.ts';
import { outboundRequest } from '../upstream/rewrite.ts';
import type { AnsweredCall, Objection } from './answered-call.ts';
import { DirectoryShelf } from './directory-shelf.ts';
import { finalAnswer } from './final-answer.ts';
import { outboundMessage } from './outbound-request.ts';
import type { ServerPlan } from './services.ts';

const lines: LogLine[] = [];
const taskHandles = new TaskHandles(new MacKey(Buffer.alloc(MAC_KEY_BYTES)));
const estate = { directories: new DirectoryShelf(recordingLog(lines)), taskHandles };
const rules = { authorizer: compileAuthorizer([{ id: 'crm' }]) };
const PLAN: ServerPlan = {
  id: 'crm',
  description: undefined,
  transport: 'stdio',
  callTimeoutMs: 1_000,
  extensions: new Set(),
  toolRules: 'null',
  keepsPrivate: false,
  upstream: {
    id: 'crm',
    lease: () => Promise.reject(new ProblemError(PROBLEMS.UPSTREAM_BUSY)),
    health: () => ({ state: 'idle', children: 0, lastError: undefined }),
    close: () => Promise.resolve(),
  },
};
const HEADERS = { mcpMethod: undefined, mcpName: undefined, params: [] };

interface Facts {
  readonly method?: string;
  readonly capabilities?: object;
  readonly params?: object;
  readonly plan?: Partial<ServerPlan>;
  readonly legacy?: boolean;
  /** The server's id of the task that is asked about, which the client calls `h`. */
  readonly task?: string;
}

function callFor({
  method = 'tools/call',
  capabilities = {},
  params = {},
  plan = {},
  legacy = false,
  task,
}: Facts): AnsweredCall {
  const meta = legacy ? {} : { _meta: { [META_CLIENT_CAPABILITIES]: capabilities } };
  const modern = new ModernFacts(HEADERS);
  if (task !== undefined) modern.task = { id: task, tool: 'echo' };
  return {
    ...callOf({ method, params: { name: 'echo', ...params, ...meta }, revision: legacy ? '2025-11-25' : '2026-07-28' }),
    ...(task === undefined ? {} : { name: 'h' }),
    modern: legacy ? undefined : modern,
    id: 'mine',
    estate,
    rules,
    plan: { ...PLAN, ...plan },
  };
}

/** What is made of an answer. */
function finalOf(raw: string, facts: Facts): Buffer | Objection {
  const response = scanUpstream(Buffer.from(`{"jsonrpc":"2.0","id":7,${raw}}`));
  if (isScanFailure(response)) throw new Error(response.detail);
  return finalAnswer(callFor(facts), response);
}

function objectionOf(raw: string, facts: Facts): Objection {
  const objection = finalOf(raw, facts);
  if (Buffer.isBuffer(objection)) throw new Error(objection.toString());
  return objection;
}

/** The answer's result as the client gets it, or the code of what it gets instead. */
function answered(raw: string, facts: Facts = {}): string {
  const bytes = finalOf(raw, facts);
  if (!Buffer.isBuffer(bytes)) return bytes.problem.code;
  const text = bytes.toString();
  expect(text.startsWith('{"jsonrpc":"2.0","id":"mine",')).toBe(true);
  return text.slice('{"jsonrpc":"2.0","id":"mine",'.length, -1);
}
const same = (raw: string, facts: Facts = {}) => expect(answered(raw, facts)).toBe(raw);
const refused = (raw: string, facts: Facts = {}) => expect(answered(raw, facts)).toBe('UPSTREAM_INVALID');

describe('the type of a result', () => {
  it.each(['{"resultType":"complete"}', '{}', '{"resultType":"\\u0063omplete"}'])('passes: %s', (result) => {
    same(`"result":${result}`);
  });

  it.each([
    '"task"',
    '"Complete"',
    '"later"',
    '""',
    'null',
    '7',
    '{}',
  ])('is refused where nobody knows it: %s', (type) => {
    refused(`"result":{"resultType":${type},"taskId":"t"}`);
  });

  it('means nothing on the older revisions', () => {
    same('"result":{"resultType":"later"}', { legacy: true });
  });
});

describe('an answer that requires input', () => {
  const ASK = '"result":{"resultType":"input_required","inputRequests":{"r":{"method":"roots/list"}}}';
  const facts = { capabilities: { roots: {} } };

  it('passes on the three methods that may, as it stands', () => {
    for (const method of ['tools/call', 'prompts/get', 'resources/read']) same(ASK, { ...facts, method });
    same('"result":{"resultType":"input_required","requestState":"s"}');
  });

  it.each(['tools/list', 'completion/complete', 'server/discover'])('is refused on %s', (method) => {
    refused(ASK, { ...facts, method });
  });

  it.each([
    ['for a capability the request did not declare', ASK, {}],
    ['for nothing', '"result":{"resultType":"input_required"}', facts],
    ['in a list', '"result":{"resultType":"input_required","inputRequests":[]}', facts],
    ['with a state that is no text', '"result":{"resultType":"input_required","requestState":{}}', facts],
    ['twice under one key', ASK.replace('{"r"', '{"r":{"method":"roots/list"},"r"'), facts],
  ])('is refused when it asks %s', (_, raw, given) => {
    refused(raw, given);
  });

  /** JSON text as other writers spell it: escapes, odd white space, numbers no double holds. */
  const spelling = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.string({ unit: 'grapheme' }).map((text) => `"${text.replace(/["\\\u0000-\u001f]/g, '')}"`),
    fc.constantFrom('"\\ud83d\\ude00"', '"\\u0000\\/"', '"=?base64?x?="', '"\u2028"', '""', '"a\\u0022b"'),
  );
  const value = fc.oneof(
    spelling,
    fc.constantFrom('1e400', '-0.0', '12345678901234567890123', '{ "a" :\t[ ] }', 'null'),
  );

  it('gives its state to the client, and the client its state back, byte for byte', () => {
    fc.assert(
      fc.property(spelling, (state) => {
        same(`"result":{ "requestState" : ${state} ,"resultType":"input_required"}`);
      }),
    );
    fc.assert(
      fc.property(spelling, value, (state, given) => {
        const own = `"requestState": ${state} , "inputResponses" :{"r":  {"x":${given}}}`;
        const request = messageOf(`{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{"name":"t",${own}}}`);
        const sent = outboundRequest(outboundMessage(PLAN, request), 7).toString();
        expect(sent).toBe(request.bytes.toString().replace('"id":"mine"', '"id":7'));
      }),
    );
  });
});

describe('an error', () => {
  it.each([-32601, -32602, -32603, -32021, 5])('passes as it is: %d', (code) => {
    same(`"error":{"code":${code},"message":"m","data":{"requiredCapabilities":{"roots":{}}}}`);
  });

  it.each([-32020, -32022])('that speaks of the other hop does not: %d', (code) => {
    refused(`"error":{"code":${code},"message":"m","data":{"supported":["2099-01-01"]}}`);
    same(`"error":{"code":${code},"message":"m"}`, { legacy: true });
  });
});

describe('an error that asks for an extension', () => {
  const asks = (capabilities: string) =>
    `"error":{"code":-32021,"message":"m","data":{"requiredCapabilities":${capabilities}}}`;
  const offered = { capabilities: { extensions: { 'com.x/y': {}, 'a.b/c': {} } } };
  const plan = { extensions: new Set(['a.b/c']) };

  it("is the gateway's to answer where that extension is not carried: to declare it would not help", () => {
    for (const raw of ['{"extensions":{"com.x/y":{}}}', '{"roots":{},"extensions":{"a.b/c":{},"com.x/y":{}}}']) {
      expect(answered(asks(raw), { ...offered, plan })).toBe('EXTENSION_NOT_CARRIED');
      expect(answered(asks(raw), { plan })).toBe('EXTENSION_NOT_CARRIED');
    }
    expect(objectionOf(asks('{"extensions":{"com.x/y":{}}}'), offered)).toMatchObject({
      problem: { status: 501, text: expect.stringContaining('com.x/y'), data: { extension: 'com.x/y' } },
      detail: expect.stringContaining('mcps[].extensions'),
    });
  });

  it('passes where it is carried, and where no extension is asked for', () => {
    same(asks('{"extensions":{"a.b/c":{}}}'), { plan });
    for (const raw of ['{"extensions":{}}', '{"extensions":[]}', '{"roots":{}}', '7']) same(asks(raw), { plan });
    same(asks('{"extensions":{"com.x/y":{}}}').replace('-32021', '-32602'), { plan });
  });
});

describe('an answer to server/discover', () => {
  const discovered = (versions: string, extensions = '') =>
    `"result":{"supportedVersions":${versions},"capabilities":{"tools":{}${extensions}}}`;
  const discover = { method: 'server/discover' };

  it('names only what both can speak', () => {
    same(discovered('[ "2026-07-28" ]'), discover);
    expect(answered(discovered('["2099-01-01","2026-07-28","2025-11-25"]'), discover)).toBe(
      discovered('["2026-07-28"]'),
    );
    for (const none of ['["2099-01-01"]', '[]', '"2026-07-28"', 'null']) refused(discovered(none), discover);
  });

  it('offers only extensions that are allowed', () => {
    const offer = ',"extensions":{"a.b/c":{},"io.modelcontextprotocol/ui":{"x":1}}';
    expect(answered(discovered('["2026-07-28"]', offer), discover)).toBe(
      discovered('["2026-07-28"]', ',"extensions":{}'),
    );
    const plan = { extensions: new Set(['a.b/c', 'io.modelcontextprotocol/ui']) };
    same(discovered('["2026-07-28"]', offer), { ...discover, plan });
  });

  it('is held to that by an older initialize as well', () => {
    const raw =
      '"result":{"protocolVersion":"2025-11-25","capabilities":{"extensions":{"a.b/c":{}},"experimental":{"x":{}}}}';
    expect(answered(raw, { method: 'initialize', legacy: true })).toBe(raw.replace('"a.b/c":{}', ''));
    same(raw, { method: 'initialize', legacy: true, plan: { extensions: new Set(['a.b/c']) } });
  });
});

describe('a task', () => {
  const capabilities = { roots: {}, extensions: { [TASKS_EXTENSION]: {} } };
  const plan = { extensions: new Set([TASKS_EXTENSION]) };
  const begun = '"result":{"resultType":"task", "taskId" : "t-1","status":"working","ttlMs":6.0e4}';

  it('is given to its client under a handle only that client can use', () => {
    const shown = answered(begun, { capabilities, plan });
    const { taskId } = JSON.parse(`{${shown}}`).result;
    expect(shown).toBe(begun.replace('"t-1"', JSON.stringify(taskId)));
    expect(taskHandles.open('crm', callOf().principal.id, taskId)).toEqual({ id: 't-1', tool: 'echo' });
  });

  it.each([
    ['to a request that did not declare the extension', { plan }],
    ['where the extension is not allowed', { capabilities }],
    ['on another method', { capabilities, plan, method: 'prompts/get' }],
    ['on the state of a task', { capabilities, plan, method: 'tasks/get', task: 't-1' }],
  ])('is refused %s', (_, facts) => {
    refused(begun, facts);
  });

  it('is refused without an id that a handle can be made of', () => {
    for (const id of ['""', '7', 'null', JSON.stringify('x'.repeat(2_000))]) {
      refused(begun.replace('"t-1"', id), { capabilities, plan });
    }
  });

  const asked = { capabilities, plan, method: 'tasks/get', task: 't-1' };
  const state = (more: string) => `"result":{"taskId":"t-1","resultType":"complete",${more}}`;

  it('tells its state under the handle the client used, everything else as it came', () => {
    for (const more of ['"status":"working"', '"status":"completed","result":{"isError":true, "x":1.0}']) {
      expect(answered(state(more), asked)).toBe(state(more).replace('"t-1"', '"h"'));
    }
    same('"result":{"resultType":"complete"}', { ...asked, method: 'tasks/cancel' });
  });

  it('asks through its state only for what the request declared', () => {
    const ask = (method: string) => state(`"status":"input_required","inputRequests":{"a":{"method":"${method}"}}`);
    expect(answered(ask('roots/list'), asked)).toContain('"h"');
    refused(ask('sampling/createMessage'), asked);
  });

  it.each([
    ['of another task', state('"status":"working"').replace('t-1', 't-2')],
    ['of no task', '"result":{"status":"working"}'],
    ['with a result that is not final', state('"result":{"resultType":"input_required","requestState":"s"}')],
    ['with a result that is another task', state('"result":{"resultType":"task","taskId":"t-2"}')],
    ['with a result that is none', state('"result":[]')],
  ])('has a state that is refused when it is %s', (_, raw) => {
    refused(raw, asked);
  });
});

describe('hints for caches', () => {
  const raw = (scope: string) => `"result":{"contents":[],"ttlMs":1.50,"cacheScope":"${scope}"}`;
  it('pass as the server gave them, or are for one caller where the operator says so', () => {
    const read = { method: 'resources/read' };
    same(raw('public'), read);
    same(raw('private'), read);
    const plan = { keepsPrivate: true };
    expect(answered(raw('public'), { ...read, plan })).toBe(raw('private'));
    same(raw('private'), { ...read, plan });
  });
});

describe('a list of tools with an unfit annotation', () => {
  const FIT = '{ "name":"fit","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}';
  const UNFIT = '{"name":"unfit","inputSchema":{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}}';
  const list = (tools: string) => `"result":{"tools":[${tools}],"cacheScope":"public"}`;
  const facts = { method: 'tools/list' };

  it('loses that tool; the others keep their bytes, and the list stays public', () => {
    same(list(FIT), facts);
    expect(answered(list(`${FIT},${UNFIT}`), facts)).toBe(list(FIT));
  });

  it('is told of once in the log', () => {
    answered(list(UNFIT), facts);
    answered(list(UNFIT), facts);
    const told = lines.filter(({ fields }) => fields?.tool === 'unfit');
    expect(told).toMatchObject([{ fields: { server: 'crm', reason: expect.stringContaining('type') } }]);
  });

  it('is whole to a client of the older revisions', () => {
    same(list(`${FIT},${UNFIT}`), { ...facts, legacy: true });
  });
});

describe('what a client offers', () => {
  it('leaves without the extensions that are not allowed', () => {
    const { received } = callFor({ capabilities: { roots: {}, extensions: { 'a.b/c': {}, 'd.e/f': {} } } });
    const sent = outboundMessage({ ...PLAN, extensions: new Set(['d.e/f']) }, received);
    expect(sent.meta?.json(META_CLIENT_CAPABILITIES)).toEqual({ roots: {}, extensions: { 'd.e/f': {} } });
    const initialize = messageOf({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { capabilities: { extensions: { 'a.b/c': {} } } },
    });
    expect(outboundMessage(PLAN, initialize).params?.json('capabilities')).toEqual({ extensions: {} });
  });

  it('leaves as it came when nothing has to be taken out', () => {
    const { received } = callFor({ capabilities: { roots: {}, extensions: { 'd.e/f': {} } } });
    expect(outboundMessage({ ...PLAN, extensions: new Set(['d.e/f']) }, received)).toBe(received);
  });
});

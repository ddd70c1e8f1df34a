import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawAnswer } from '../support/raw.ts';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import {
  CAPABILITIES_KEY,
  callMessage,
  get,
  type Headers,
  initializeMessage,
  legacy,
  legacyCall,
  MODERN,
  modern,
  modernCall,
  modernMessage,
  post,
  type Request,
  type RpcMessage,
  read,
  VERSION_KEY,
} from './requests.ts';

let ground: Ground;
/** Open sessions of the user, by revision. */
const sessions = new Map<string, string>();
beforeAll(async () => {
  ground = await Ground.open();
  for (const revision of ['2025-11-25', '2025-06-18', '2025-03-26']) {
    sessions.set(revision, await ground.openSession(TOKENS.user, 'open', revision));
  }
});
afterAll(() => ground.close());

const OPEN = '/mcp/open';
const TWIN = modernCall(OPEN, TOKENS.user);
const call = (headers: Headers): Request => modernCall(OPEN, TOKENS.user, { headers });
const onSession =
  (message: unknown, headers: Headers = {}, revision = '2025-11-25') =>
  () =>
    legacy(OPEN, TOKENS.user, sessions.get(revision), message, {
      headers: { 'mcp-protocol-version': revision, ...headers },
    });

/** A modern call with this `_meta`, and headers that go with a sound one. */
function withMeta(meta: unknown, headers: Headers = {}): Request {
  const message = callMessage();
  return modern(OPEN, TOKENS.user, { ...message, params: { ...message.params, _meta: meta as object } }, { headers });
}

const idOf = (answer: RawAnswer): unknown => read(answer).json?.id;
const parsed = (reason: string, code: number) => ({
  status: 400,
  code,
  audit: { policy: 'parse', reason: `protocol.${reason}`, rpc_code: code },
});
const MISMATCH = parsed('header-mismatch', -32020);
const echoesId = { also: (answer: RawAnswer) => expect(idOf(answer)).toBe(1) };

describe('a modern request whose headers and body differ (-32020)', () => {
  const named = (name: string | readonly string[] | undefined): Request => call({ 'mcp-name': name });
  const rows: readonly [name: string, send: Request][] = [
    ['without MCP-Protocol-Version', call({ 'mcp-protocol-version': undefined })],
    ['under the header of an older revision', call({ 'mcp-protocol-version': '2025-11-25' })],
    ['under the header of the oldest revision', call({ 'mcp-protocol-version': '2024-11-05' })],
    ['under an empty version header', call({ 'mcp-protocol-version': '' })],
    ['under two versions in one header', call({ 'mcp-protocol-version': `${MODERN}, 2025-11-25` })],
    ['with an older version in its body', withMeta({ [VERSION_KEY]: '2025-11-25', [CAPABILITIES_KEY]: {} })],
    ['with a version in its body that is a number', withMeta({ [VERSION_KEY]: 20260728, [CAPABILITIES_KEY]: {} })],
    ['with a version in its body that is null', withMeta({ [VERSION_KEY]: null, [CAPABILITIES_KEY]: {} })],
    ['without Mcp-Method', call({ 'mcp-method': undefined })],
    ['with another Mcp-Method', call({ 'mcp-method': 'tools/list' })],
    ['with Mcp-Method in other letters', call({ 'mcp-method': 'Tools/Call' })],
    ['without Mcp-Name', named(undefined)],
    ['with another Mcp-Name', named('add')],
    ['with an empty Mcp-Name', named('')],
    ['with Mcp-Name in other letters', named('Echo')],
    ['with Mcp-Name outside ASCII', named('\xe9cho')],
    ['with Mcp-Name in base64 that is none', named('=?base64?###?=')],
    ['with Mcp-Name in base64 without its padding', named('=?base64?ZWNobw?=')],
    ['with Mcp-Name in base64 that spells it twice', named('=?base64?ZWNobx==?=')],
    ['with Mcp-Name in base64 of another name', named('=?base64?YWRk?=')],
    ['with Mcp-Name in base64 that is no UTF-8', named('=?base64?/w==?=')],
    ['with Mcp-Name under a capital marker', named('=?BASE64?ZWNobw==?=')],
    ['with an older revision and a session', call({ 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': 'x' })],
  ];
  prove(
    () => ground,
    rows.map(([name, send]): Attack => ({ name, send, ...MISMATCH, twin: named('=?base64?ZWNobw==?='), ...echoesId })),
  );

  const read1 = (uri: string): RpcMessage => modernMessage('resources/read', { uri });
  prove(
    () => ground,
    [
      {
        name: 'on a resource',
        send: modern(OPEN, TOKENS.user, read1('fixture://greeting'), { headers: { 'mcp-name': 'fixture://other' } }),
        ...MISMATCH,
        twin: modern(OPEN, TOKENS.user, read1('fixture://greeting')),
      },
      {
        name: 'on a prompt',
        send: modern(OPEN, TOKENS.user, modernMessage('prompts/get', { name: 'travel', arguments: { city: 'Bern' } }), {
          headers: { 'mcp-name': 'other' },
        }),
        ...MISMATCH,
        twin: modern(OPEN, TOKENS.user, modernMessage('prompts/get', { name: 'travel', arguments: { city: 'Bern' } })),
      },
      {
        name: 'in a message of an older session',
        send: onSession({ ...legacyCall(), params: { ...legacyCall().params, _meta: { [VERSION_KEY]: MODERN } } }),
        ...MISMATCH,
        twin: onSession(legacyCall()),
      },
      {
        name: 'in one member of a batch of an older session',
        send: onSession([legacyCall(), callMessage()], {}, '2025-03-26'),
        ...MISMATCH,
        twin: onSession([legacyCall(1), legacyCall(2)], {}, '2025-03-26'),
        twinHits: 2,
      },
      {
        name: 'that initializes under the rules of another era',
        send: post(OPEN, TOKENS.user, modernMessage('initialize', initializeMessage().params)),
        ...MISMATCH,
        twin: post(OPEN, TOKENS.user, initializeMessage()),
      },
    ],
  );
});

describe('a call whose parameter headers and arguments differ (-32020)', () => {
  /** The tool `query` of the fixture mirrors `region` and `place.tenant`. */
  const query = (args: string, headers: Headers): Request => {
    const { jsonrpc, id, method, params } = callMessage('query');
    const body = JSON.stringify({ jsonrpc, id, method, params: { ...params, arguments: 0 } });
    return modern(OPEN, TOKENS.user, callMessage('query'), {
      headers,
      body: body.replace('"arguments":0', `"arguments":${args}`),
    });
  };
  const region = (value: string | readonly string[]): Headers => ({ 'mcp-param-region': value });
  const tenant = (value: string): Headers => ({ 'mcp-param-tenant': value });
  const EU = '{"region":"eu"}';
  const PLACE = '{"place":{"tenant":42}}';
  const sound = query(EU, region('eu'));
  const rows: readonly [name: string, send: Request, twin: Request][] = [
    ['without the header', query(EU, {}), sound],
    ['with another value', query(EU, region('us')), query(EU, { 'MCP-PARAM-REGION': 'eu' })],
    ['with an empty value', query(EU, region('')), query('{"region":""}', region(''))],
    ['with a header for nothing', query('{}', region('eu')), query('{}', {})],
    ['with a header for null', query('{"region":null}', region('null')), sound],
    ['with base64 that is none', query(EU, region('=?base64?###?=')), query(EU, region('=?base64?ZXU=?='))],
    ['with base64 of another value', query(EU, region('=?base64?dXM=?=')), query(EU, region('=?base64?ZXU=?='))],
    [
      'with a value outside ASCII',
      query('{"region":"ü"}', region('\xfc')),
      query('{"region":"ü"}', region('=?base64?w7w=?=')),
    ],
    ['without the header of a nested one', query(PLACE, {}), query(PLACE, tenant('42'))],
    ['with another integer', query(PLACE, tenant('43')), query(PLACE, tenant('42.0'))],
    ['with a number past all', query('{"place":{"tenant":1e400}}', tenant('1e400')), query(PLACE, tenant('42'))],
    [
      'with an integer not every reader holds',
      query('{"place":{"tenant":9007199254740993}}', tenant('9007199254740993')),
      query('{"place":{"tenant":9007199254740991}}', tenant('9007199254740991')),
    ],
  ];
  prove(
    () => ground,
    rows.map(
      ([name, send, twin]): Attack => ({
        name,
        send,
        status: 400,
        code: -32020,
        audit: { policy: 'mirrored-parameters', reason: 'protocol.header-mismatch', rpc_code: -32020 },
        mayList: true,
        twin,
        ...echoesId,
      }),
    ),
  );
  prove(
    () => ground,
    [{ name: 'with the header twice', send: query(EU, region(['eu', 'eu'])), ...MISMATCH, twin: sound, ...echoesId }],
  );

  it('passes with headers no tool of the server knows, which go on as they came', async () => {
    ground.forgetHits();
    const answer = await ground.send(query(EU, { ...region('eu'), 'mcp-param-other': '=?base64?not' }));
    expect(answer.status).toBe(200);
    const [hit] = ground.fixture.hits.filter(({ rpcMethod }) => rpcMethod === 'tools/call');
    expect(hit?.rawHeaders).toEqual(
      expect.arrayContaining(['mcp-param-other', '=?base64?not', 'Mcp-Param-Region', 'eu']),
    );
  });
});

describe('a modern request without what each one carries (-32602)', () => {
  const rows: readonly [name: string, send: Request][] = [
    ['_meta', modern(OPEN, TOKENS.user, { jsonrpc: '2.0', id: 1, method: 'tools/list' })],
    ['a protocol version', withMeta({ [CAPABILITIES_KEY]: {} })],
    ['client capabilities', withMeta({ [VERSION_KEY]: MODERN })],
    ['client capabilities that are an object', withMeta({ [VERSION_KEY]: MODERN, [CAPABILITIES_KEY]: [] })],
    ['client capabilities that are anything', withMeta({ [VERSION_KEY]: MODERN, [CAPABILITIES_KEY]: null })],
    ['_meta that is an object', withMeta('none')],
    ['a progress token that is one', withMeta({ [VERSION_KEY]: MODERN, [CAPABILITIES_KEY]: {}, progressToken: null })],
    [
      'a level of log lines there is',
      withMeta({ [VERSION_KEY]: MODERN, [CAPABILITIES_KEY]: {}, 'io.modelcontextprotocol/logLevel': 'loud' }),
    ],
  ];
  prove(
    () => ground,
    rows.map(([name, send]): Attack => ({ name, send, ...parsed('invalid-params', -32602), twin: TWIN, ...echoesId })),
  );
});

describe('a version nobody here speaks (-32022)', () => {
  const unsupported = (version: string, supported: string[], send: Attack['send'], twin: Attack['twin']): Attack => ({
    name: version,
    send,
    ...parsed('unsupported-protocol-version', -32022),
    twin,
    also: (answer) => expect(read(answer).json?.error).toMatchObject({ data: { supported, requested: version } }),
  });
  const modernOf = (version: string): Request =>
    withMeta({ [VERSION_KEY]: version, [CAPABILITIES_KEY]: {} }, { 'mcp-protocol-version': version });
  prove(
    () => ground,
    [
      ...['2027-01-01', 'DRAFT-2026-v1', '1'].map((version) => unsupported(version, [MODERN], modernOf(version), TWIN)),
      unsupported(
        '2020-01-01',
        [MODERN, '2025-11-25', '2025-06-18', '2025-03-26'],
        onSession(legacyCall(), { 'mcp-protocol-version': '2020-01-01' }),
        onSession(legacyCall()),
      ),
    ],
  );
});

describe('a method that is not of the revision', () => {
  const unknown = { code: -32601, audit: { policy: 'authorize', reason: 'method.unknown', rpc_code: -32601 } };
  const removed = [
    'ping',
    'logging/setLevel',
    'resources/subscribe',
    'resources/unsubscribe',
    'tasks/list',
    'tasks/get',
  ];
  const invented = ['initialize', 'sampling/createMessage', 'roots/list', 'tools/delete', 'Tools/list', 'rpc.discover'];
  prove(
    () => ground,
    [...removed, ...invented].map(
      (method): Attack => ({
        name: `${method} on 2026-07-28`,
        send: modern(OPEN, TOKENS.user, modernMessage(method)),
        status: 404,
        ...unknown,
        twin: modern(OPEN, TOKENS.user, modernMessage('tools/list')),
        ...echoesId,
      }),
    ),
  );
  prove(
    () => ground,
    ['server/discover', 'subscriptions/listen', 'tools/delete', 'elicitation/create'].map(
      (method): Attack => ({
        name: `${method} on 2025-11-25, in band`,
        send: onSession({ jsonrpc: '2.0', id: 1, method, params: {} }),
        status: 200,
        ...unknown,
        twin: onSession({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
        ...echoesId,
      }),
    ),
  );
  prove(
    () => ground,
    [
      {
        name: 'tasks/list on 2025-06-18, which 2025-11-25 brought',
        send: onSession({ jsonrpc: '2.0', id: 1, method: 'tasks/list' }, {}, '2025-06-18'),
        status: 200,
        ...unknown,
        twin: onSession({ jsonrpc: '2.0', id: 1, method: 'ping' }, {}, '2025-06-18'),
      },
      {
        name: 'a notification that was removed',
        send: modern(OPEN, TOKENS.user, { jsonrpc: '2.0', method: 'notifications/initialized' }),
        status: 404,
        ...unknown,
        twin: modern(OPEN, TOKENS.user, {
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: { requestId: 9 },
        }),
        twinStatus: 202,
        twinHits: 0,
        also: (answer) => expect(read(answer).json).not.toHaveProperty('id'),
      },
    ],
  );
});

describe('a batch (-32600)', () => {
  const refused = (policy: string, reason: string) => ({ status: 400, code: -32600, audit: { policy, reason } });
  prove(
    () => ground,
    [
      {
        name: 'of modern messages',
        send: modernCall(OPEN, TOKENS.user, { body: JSON.stringify([callMessage(), callMessage('add')]) }),
        ...refused('parse', 'protocol.batch'),
        twin: TWIN,
      },
      {
        name: 'of one modern message',
        send: modernCall(OPEN, TOKENS.user, { body: JSON.stringify([callMessage()]) }),
        ...refused('parse', 'protocol.batch'),
        twin: TWIN,
      },
      ...['2025-06-18', '2025-11-25'].map(
        (revision): Attack => ({
          name: `on a session of ${revision}`,
          send: onSession([legacyCall(1), legacyCall(2)], {}, revision),
          ...refused('session', 'session.protocol'),
          twin: onSession([legacyCall(1), legacyCall(2)], {}, '2025-03-26'),
          twinHits: 2,
        }),
      ),
      {
        name: 'on a session of 2025-11-25 under the header of 2025-03-26',
        send: onSession([legacyCall(1), legacyCall(2)], { 'mcp-protocol-version': '2025-03-26' }),
        ...refused('session', 'session.protocol'),
        twin: onSession(legacyCall()),
      },
      {
        name: 'with one id twice',
        send: onSession([legacyCall(1), legacyCall(1)], {}, '2025-03-26'),
        ...refused('session', 'session.protocol'),
        twin: onSession([legacyCall(1), legacyCall('1')], {}, '2025-03-26'),
        twinHits: 2,
      },
      {
        name: 'with initialize in it',
        send: post(OPEN, TOKENS.user, [initializeMessage('2025-03-26'), legacyCall()]),
        ...refused('session', 'session.initialize-shape'),
        twin: post(OPEN, TOKENS.user, initializeMessage('2025-03-26')),
      },
    ],
  );
});

describe('what a modern client may not do', () => {
  prove(
    () => ground,
    [
      {
        name: 'an answer to a question',
        send: modernCall(OPEN, TOKENS.user, { body: '{"jsonrpc":"2.0","id":1,"result":{}}' }),
        status: 400,
        code: -32600,
        audit: { policy: 'parse', reason: 'protocol.response-from-client' },
        twin: TWIN,
        also: (answer) => expect(read(answer).json).not.toHaveProperty('id'),
      },
      ...['GET', 'DELETE'].map(
        (method): Attack => ({
          name: `${method}, for there is no session`,
          send: get(OPEN, TOKENS.user, {
            method,
            headers: { 'mcp-protocol-version': MODERN, accept: 'text/event-stream' },
          }),
          status: 405,
          error: 'method_not_allowed',
          headers: { allow: 'POST' },
          audit: { policy: 'session', reason: 'protocol.verb', http_method: method },
          twin: TWIN,
        }),
      ),
    ],
  );

  it('has its session header ignored, and neither forwarded nor answered', async () => {
    for (const session of ['nobody-made-this', sessions.get('2025-11-25') as string]) {
      ground.forgetHits();
      const answer = await ground.send(call({ 'mcp-session-id': session, 'last-event-id': '7' }));
      expect(answer.status).toBe(200);
      expect(answer.headers.get('mcp-session-id')).toBeUndefined();
      const seen = ground.fixture.hits
        .flatMap(({ rawHeaders }) => rawHeaders)
        .join(' ')
        .toLowerCase();
      expect(seen).not.toContain('mcp-session-id');
      expect(seen).not.toContain('last-event-id');
      expect(seen).not.toContain(session.toLowerCase());
    }
  });
});

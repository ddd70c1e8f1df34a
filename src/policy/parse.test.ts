import { describe, expect, it } from 'vitest';
import { exchangeOf, type RequestFacts } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { parse } from './parse.ts';

const JSON_HEADERS = ['Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];
const SESSION = ['Mcp-Session-Id', 's1'];
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const list = { jsonrpc: '2.0', id: 7, method: 'tools/list' };
const modern = { ...list, params: { _meta: META } };
const MODERN = ['MCP-Protocol-Version', '2026-07-28', 'Mcp-Method', 'tools/list'];

async function judge(body: unknown, headers: readonly string[], facts: RequestFacts & { lenient?: boolean } = {}) {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const x = exchangeOf({ body: text, headers, ...facts });
  const verdict = await parse({ bodyTimeoutMs: 10_000, lenient: facts.lenient ?? false }).evaluate(x);
  return { verdict, x };
}
/** The twin of every refusal: a legacy request, and what `headers` change about it. */
const legacy = (headers: readonly string[] = JSON_HEADERS, body: unknown = list) =>
  judge(body, [...headers, ...SESSION]);
const replaced = (name: string, value: string) =>
  JSON_HEADERS.map((text, i) => (JSON_HEADERS[i - 1] === name ? value : text));
const without = (name: string) => JSON_HEADERS.filter((text, i) => text !== name && JSON_HEADERS[i - 1] !== name);

describe('a body', () => {
  it('becomes the messages everything after decides on', async () => {
    const { verdict, x } = await legacy();
    expect(verdict).toEqual({ pass: 'parse.legacy' });
    expect(x.inbound).toMatchObject({ batch: false, era: 'legacy', revision: undefined });
    expect(x.inbound?.messages.map(({ method }) => method)).toEqual(['tools/list']);
    expect(x.inbound?.messages[0]?.bytes.toString()).toBe(JSON.stringify(list));
  });

  it('of the modern era names its revision', async () => {
    const { verdict, x } = await judge(modern, [...JSON_HEADERS, ...MODERN]);
    expect(verdict).toEqual({ pass: 'parse.modern' });
    expect(x.inbound).toMatchObject({ era: 'modern', revision: '2026-07-28' });
  });

  it('may be a batch on the older era', async () => {
    const { x } = await legacy(JSON_HEADERS, [list, { ...list, id: 8 }]);
    expect(x.inbound).toMatchObject({ batch: true, era: 'legacy' });
  });

  it('is asked for when the client waits to be asked', async () => {
    const x = exchangeOf({
      body: JSON.stringify(list),
      headers: [...JSON_HEADERS, ...SESSION, 'Expect', '100-Continue'],
    });
    let invited = 0;
    x.invite = () => {
      invited += 1;
    };
    expect(await parse({ bodyTimeoutMs: 10_000, lenient: false }).evaluate(x)).toEqual({ pass: 'parse.legacy' });
    expect(invited).toBe(1);
  });

  it('larger than the route takes is refused', async () => {
    const { verdict } = await legacy(JSON_HEADERS, { ...list, params: { pad: 'x'.repeat(1_000) } });
    const deny = { ...PROBLEMS.BODY_TOO_LARGE, text: 'The request body is too large: more than 1000 bytes' };
    expect(verdict).toMatchObject({ deny, reason: 'body.body-too-large', close: true });
  });
});

describe('an incomplete initialize', () => {
  const bare = { jsonrpc: '2.0', method: 'initialize', params: {}, id: 1 };
  const taken = async (headers: readonly string[], lenient: boolean) => {
    const { verdict, x } = await judge(bare, headers, { lenient });
    const params = x.inbound && JSON.parse(String(x.inbound.messages[0]?.bytes)).params;
    return { verdict, params };
  };

  it('is forwarded as it is unless the operator asked for more', async () => {
    expect(await taken(JSON_HEADERS, false)).toEqual({ verdict: { pass: 'parse.legacy' }, params: {} });
    const { verdict } = await taken(without('Accept'), false);
    expect(verdict).toMatchObject({ deny: PROBLEMS.NOT_ACCEPTABLE });
  });

  it('is completed, and no Accept needed, when the operator asked for it', async () => {
    const filled = { capabilities: {}, clientInfo: { name: 'unknown', version: '0' } };
    const { verdict, params } = await taken(without('Accept'), true);
    expect([verdict, params]).toEqual([{ pass: 'parse.legacy' }, { protocolVersion: '2025-03-26', ...filled }]);
    const named = await taken([...JSON_HEADERS, 'MCP-Protocol-Version', '2025-06-18'], true);
    expect(named.params).toEqual({ protocolVersion: '2025-06-18', ...filled });
  });

  it('gets no other type than the one it names', async () => {
    const { verdict } = await taken(replaced('Accept', 'text/html'), true);
    expect(verdict).toMatchObject({ deny: PROBLEMS.NOT_ACCEPTABLE });
  });

  it('does not touch any other message', async () => {
    const { x } = await judge(list, [...JSON_HEADERS, ...SESSION], { lenient: true });
    expect(String(x.inbound?.messages[0]?.bytes)).toBe(JSON.stringify(list));
  });
});

describe('headers of a body', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('Content-Type: %s is JSON', async (type) => {
    expect((await legacy(replaced('Content-Type', type))).verdict).toEqual({ pass: 'parse.legacy' });
  });

  it.each([
    'text/plain',
    'application/json; charset=utf-16',
    'application/jsonp',
    'application/x-www-form-urlencoded',
    '',
  ])('Content-Type: %s is refused unread', async (type) => {
    const { verdict, x } = await legacy(replaced('Content-Type', type));
    expect(verdict).toMatchObject({ deny: PROBLEMS.UNSUPPORTED_MEDIA_TYPE, reason: 'body.content-type', close: true });
    expect(x.inbound).toBeUndefined();
  });

  it.each([
    ['one list', 'application/json, text/event-stream'],
    ['weights', 'text/event-stream;q=0.9, application/json'],
    ['anything', '*/*'],
    ['anything of each kind', 'application/*, text/*'],
  ])('Accept may be %s', async (_, accept) => {
    expect((await legacy(replaced('Accept', accept))).verdict).toEqual({ pass: 'parse.legacy' });
  });

  it.each([
    ['JSON alone', 'application/json'],
    ['events alone', 'text/event-stream'],
    ['look-alikes', 'application/jsonx, text/event-streams'],
    ['something else', 'text/html'],
  ])('Accept with %s is refused', async (_, accept) => {
    expect((await legacy(replaced('Accept', accept))).verdict).toMatchObject({
      deny: PROBLEMS.NOT_ACCEPTABLE,
      reason: 'body.accept',
    });
  });

  it('Accept must be there, and so must Content-Type', async () => {
    expect((await legacy(without('Accept'))).verdict).toMatchObject({ reason: 'body.accept' });
    expect((await legacy(without('Content-Type'))).verdict).toMatchObject({ reason: 'body.content-type' });
  });

  it('Content-Encoding is refused, for nobody may unpack a bomb here', async () => {
    expect((await legacy([...JSON_HEADERS, 'Content-Encoding', 'gzip'])).verdict).toMatchObject({
      deny: { code: 'UNSUPPORTED_MEDIA_TYPE', text: 'The body must come without a Content-Encoding' },
      reason: 'body.content-encoding',
    });
    expect((await legacy([...JSON_HEADERS, 'Content-Encoding', 'identity'])).verdict).toEqual({ pass: 'parse.legacy' });
  });

  it('Expect asks for nothing but 100-continue', async () => {
    expect((await legacy([...JSON_HEADERS, 'Expect', 'magic'])).verdict).toMatchObject({
      deny: PROBLEMS.EXPECTATION_FAILED,
      reason: 'body.expect',
    });
  });
});

describe('a text that is no message', () => {
  it('is refused, with the detail for the record only', async () => {
    const { verdict, x } = await legacy(JSON_HEADERS, '{"jsonrpc":"2.0",');
    expect(verdict).toMatchObject({ deny: PROBLEMS.PARSE_ERROR, reason: 'body.json', detail: expect.any(String) });
    expect(x.rejectedId).toBeUndefined();
  });

  it('names the id of the request where it could be read', async () => {
    const { verdict, x } = await legacy(JSON_HEADERS, { id: 9, method: 'tools/list' });
    expect(verdict).toMatchObject({ deny: PROBLEMS.INVALID_REQUEST, reason: 'body.json' });
    expect(x.rejectedId).toBe(9);
    expect(x.rejectedMethod).toBe('tools/list');
  });
});

describe('the id a refusal carries', () => {
  const unsent = (body: unknown) => judge(body, JSON_HEADERS);

  it('is that of the request', async () => {
    const { verdict, x } = await unsent(list);
    expect(verdict).toMatchObject({ deny: PROBLEMS.SESSION_REQUIRED, reason: 'protocol.session-required' });
    expect(x.rejectedId).toBe(7);
    expect(x.rejectedMethod).toBe('tools/list');
  });

  it.each([
    ["a client's answer, whose id is the server's", { jsonrpc: '2.0', id: 7, result: {} }],
    ['a notification, which has none', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['a batch, which has many', [list, { ...list, id: 8 }]],
  ])('is missing for %s', async (_, body) => {
    const { verdict, x } = await unsent(body);
    expect(verdict).toMatchObject({ reason: 'protocol.session-required' });
    expect(x.rejectedId).toBeUndefined();
  });
});

describe('the modern era', () => {
  const post = (body: unknown, headers: readonly string[] = MODERN) => judge(body, [...JSON_HEADERS, ...headers]);

  it('knows no batches', async () => {
    expect((await post([modern])).verdict).toMatchObject({
      deny: PROBLEMS.BATCH_NOT_ALLOWED,
      reason: 'protocol.batch',
    });
  });

  it('takes no answers from a client', async () => {
    const { verdict } = await post({ jsonrpc: '2.0', id: 7, result: {} });
    expect(verdict).toMatchObject({ deny: PROBLEMS.INVALID_REQUEST, reason: 'protocol.response-from-client' });
  });

  it('wants headers that say what the body says', async () => {
    const { verdict } = await post(modern, ['MCP-Protocol-Version', '2026-07-28', 'Mcp-Method', 'tools/call']);
    expect(verdict).toMatchObject({ deny: { rpcCode: -32020 }, reason: 'protocol.header-mismatch' });
  });
});

describe('a request without a body', () => {
  const get = (headers: readonly string[]) => judge(undefined, headers, { method: 'GET' });

  it('passes', async () => {
    expect((await get([])).verdict).toEqual({ pass: 'parse.no-body' });
    expect((await get(['Content-Length', '0'])).verdict).toEqual({ pass: 'parse.no-body' });
  });

  it.each([
    ['Content-Length', '5'],
    ['Transfer-Encoding', 'chunked'],
  ])('may not announce one: %s', async (name, value) => {
    expect((await get([name, value])).verdict).toMatchObject({
      deny: PROBLEMS.MALFORMED_REQUEST,
      reason: 'body.unexpected',
      close: true,
    });
  });

  it('is not insisted on where there is nothing: that is not found, whatever the request brings', async () => {
    const { verdict, x } = await judge(list, ['Content-Length', '50'], { route: { name: 'unknown', bodyBytes: 0 } });
    expect(verdict).toEqual({ pass: 'parse.no-body' });
    expect(x.inbound).toBeUndefined();
  });

  it('is what a route that reads none expects, even on POST', async () => {
    const route = { bodyBytes: 0 };
    expect((await judge(undefined, [], { route })).verdict).toEqual({ pass: 'parse.no-body' });
    expect((await judge('{}', ['Content-Length', '2'], { route })).verdict).toMatchObject({
      reason: 'body.unexpected',
    });
  });
});

describe('a message to the stream of an HTTP+SSE client', () => {
  const route = { name: 'messages', path: '/mcp/crm/messages' } as const;
  const plain = ['Content-Type', 'application/json'];

  it('needs no Accept and no header that names the session', async () => {
    const { verdict, x } = await judge(list, plain, { route });
    expect(verdict).toEqual({ pass: 'parse.legacy' });
    expect(x.inbound).toMatchObject({ era: 'legacy', revision: undefined });
    expect((await judge(list, plain)).verdict).toMatchObject({ deny: PROBLEMS.NOT_ACCEPTABLE });
  });

  it('is taken for 2024-11-05 where an incomplete initialize is completed', async () => {
    const bare = { jsonrpc: '2.0', method: 'initialize', id: 1 };
    const { x } = await judge(bare, plain, { route, lenient: true });
    expect(x.inbound?.messages[0]?.params?.string('protocolVersion')).toBe('2024-11-05');
  });
});

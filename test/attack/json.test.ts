import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import { callMessage, modernCall, type Request, read } from './requests.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open();
});
afterAll(() => ground.close());

const SOUND = JSON.stringify(callMessage());
const TWIN = modernCall('/mcp/open', TOKENS.user);
const call = (body: string | Buffer): Request => modernCall('/mcp/open', TOKENS.user, { body });

/** The sound call with a piece of its text replaced. @throws when the piece is not there, so that no row tests nothing */
function edited(piece: string, by: string): string {
  if (!SOUND.includes(piece)) throw new Error(`no ${piece} in the sound call`);
  return SOUND.replace(piece, by);
}

const withArgument = (json: string): string => edited('{"text":"hi"}', `{"text":"hi","x":${json}}`);
const withText = (json: string): string => edited('"hi"', json);
const bytes = (...parts: (string | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([...part]))));
/** The sound call with these bytes in place of its text argument. */
const withBytes = (...raw: number[]): Buffer => {
  const [before, after] = SOUND.split('hi') as [string, string];
  return bytes(before, raw, after);
};

function attacks(code: number, rows: readonly [name: string, body: string | Buffer][], twin = TWIN): Attack[] {
  return rows.map(([name, body]) => ({
    name,
    send: call(body),
    status: 400,
    code,
    audit: { policy: 'parse', reason: 'body.json', rpc_code: code, principal_name: 'user', route: '/mcp/open' },
    twin,
  }));
}

describe('as no JSON (-32700)', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  prove(
    () => ground,
    attacks(-32700, [
      ['an empty body', ''],
      ['blanks', ' \r\n\t '],
      ['half a message', SOUND.slice(0, -1)],
      ['a message and a letter', `${SOUND}x`],
      ['a message and a brace', `${SOUND}}`],
      ['two messages', `${SOUND}${SOUND}`],
      ['two messages on two lines', `${SOUND}\n${SOUND}`],
      ['a byte order mark', bytes([0xef, 0xbb, 0xbf], SOUND)],
      ['UTF-16', Buffer.from(SOUND, 'utf16le')],
      ['UTF-16 with its mark', bytes([0xff, 0xfe], Buffer.from(SOUND, 'utf16le').toString('latin1'))],
      ['a byte that is no UTF-8', withBytes(0xff)],
      ['a cut UTF-8 sequence', withBytes(0xe2, 0x82)],
      ['an overlong UTF-8 sequence', withBytes(0xc0, 0xaf)],
      ['a surrogate in UTF-8', withBytes(0xed, 0xa0, 0x80)],
      ['a code point beyond Unicode', withBytes(0xf4, 0x90, 0x80, 0x80)],
      ['NUL after the message', `${SOUND}\0`],
      ['NUL in a string', withText('"a\0b"')],
      ['a line break in a string', withText('"a\nb"')],
      ['a no-break space between tokens', edited('"id":1', '"id":\u00a01')],
      ['a vertical tab between tokens', edited('"id":1', '"id":\v1')],
      ['a comment', edited('"id":1', '"id":1/* */')],
      ['a closing comma', edited('"id":1,', '"id":1,,')],
      ['a comma before the end of an object', withArgument('{"a":1,}')],
      ['single quotes', withText("'hi'")],
      ['a name without quotes', edited('"id"', 'id')],
      ['NaN', withArgument('NaN')],
      ['Infinity', withArgument('-Infinity')],
      ['a leading zero', withArgument('01')],
      ['a leading plus', withArgument('+1')],
      ['a number without a fraction', withArgument('1.')],
      ['a number without a whole part', withArgument('.5')],
      ['a number without an exponent', withArgument('1e')],
      ['a hexadecimal number', withArgument('0x10')],
      ['an unknown escape', withText('"\\x41"')],
      ['a cut escape', withText('"\\u00"')],
      ['half of an escaped surrogate pair', withText('"\\ud800"')],
      ['an escaped surrogate pair the wrong way round', withText('"\\udc00\\ud800"')],
      ['half of a surrogate pair in a name', withArgument('{"\\udfff":1}')],
      ['a word in capitals', withArgument('TRUE')],
      ['65 levels', withArgument(nested(65))],
      ['10,000 levels', nested(10_000)],
      ['a million brackets', '['.repeat(1_000_000)],
      ['300,000 members', withArgument(`[${'0,'.repeat(300_000)}0]`)],
      ['a batch with a member that is no JSON', `[${SOUND},{]`],
    ]),
  );
});

describe('as no message, or one that reads two ways (-32600)', () => {
  prove(
    () => ground,
    attacks(-32600, [
      ['an empty object', '{}'],
      ['an empty batch', '[]'],
      ['a string', '"tools/call"'],
      ['a number', '1'],
      ['null', 'null'],
      ['true', 'true'],
      ['a batch in a batch', `[[${SOUND}]]`],
      ['a batch of numbers', '[1,2]'],
      ['no jsonrpc', edited('"jsonrpc":"2.0",', '')],
      ['jsonrpc 1.0', edited('"2.0"', '"1.0"')],
      ['jsonrpc as a number', edited('"2.0"', '2.0')],
      ['an empty method', edited('"tools/call"', '""')],
      ['a method that is a number', edited('"tools/call"', '1')],
      ['a method and a result', edited('"id":1', '"id":1,"result":{}')],
      ['a method and an error', edited('"id":1', '"id":1,"error":{"code":1,"message":"x"}')],
      ['a result and an error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}'],
      ['a result without an id', '{"jsonrpc":"2.0","result":{}}'],
      ['params that are a list', '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}'],
      ['params that are null', '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}'],
      ['params that are text', '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":"x"}'],
      ['a number of a million digits', withArgument('1'.repeat(1_000_000))],
    ]),
  );

  const ids = [
    'null',
    'true',
    '{}',
    '[]',
    '[1]',
    '1.5',
    '1.0',
    '1e0',
    '-0',
    '9007199254740992',
    '-9007199254740992',
    '1e400',
    '1e-1',
  ];
  prove(
    () => ground,
    attacks(
      -32600,
      ids.map((id): [string, string] => [`the id ${id}`, edited('"id":1', `"id":${id}`)]),
    ).map((attack): Attack => ({ ...attack, also: (answer) => expect(read(answer).json).not.toHaveProperty('id') })),
  );

  const twice: readonly [name: string, body: string][] = [
    ['two ids', edited('"id":1', '"id":1,"id":2')],
    ['two methods', edited('"method":"tools/call"', '"method":"tools/list","method":"tools/call"')],
    ['two params', edited('"params":', '"params":{},"params":')],
    ['two tool names', edited('"name":"echo"', '"name":"echo","name":"fail"')],
    ['two tool names, one with escapes', edited('"name":"echo"', '"name":"echo","n\\u0061me":"fail"')],
    ['two _meta', edited('"_meta":', '"_meta":{},"_meta":')],
    ['two protocol versions', edited('"_meta":{', '"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25",')],
    ['an argument twice', edited('"text":"hi"', '"text":"hi","text":"ho"')],
    ['an argument twice, deep inside', withArgument('[{"a":{"b":1,"b":2}}]')],
    ['an argument twice among many', withArgument(`{${Array.from({ length: 99 }, (_, i) => `"k${i}":0`)},"k7":1}`)],
    ['Method beside method', edited('"method"', '"Method":"tools/list","method"')],
    ['METHOD in place of method', edited('"method"', '"METHOD"')],
    ['Params', edited('"params":', '"Params":{},"params":')],
    ['param\u017f with a long s', edited('"params":', '"param\u017f":{},"params":')],
    ['ID', edited('"id":1', '"id":1,"ID":2')],
    ['Jsonrpc', edited('"jsonrpc"', '"Jsonrpc":"2.0","jsonrpc"')],
    ['Name beside name', edited('"name":"echo"', '"Name":"fail","name":"echo"')],
    ['name with an escaped capital', edited('"name":"echo"', '"\\u004eame":"fail","name":"echo"')],
    ['Arguments', edited('"arguments":', '"Arguments":{},"arguments":')],
    ['_Meta', edited('"_meta":', '"_Meta":{},"_meta":')],
    ['a to\u212aen with a Kelvin sign', edited('"_meta":{', '"_meta":{"progressTo\u212aen":1,')],
    ['__proto__', withArgument('{"__proto__":{"admin":true}}')],
    ['__proto__ at the top', edited('"id":1', '"id":1,"__proto__":{"method":"tools/list"}')],
    ['__proto__ in params', edited('"params":{', '"params":{"__proto__":{"name":"fail"},')],
    ['__proto__ with an escape', withArgument('{"\\u005f_proto__":{"admin":true}}')],
  ];
  prove(() => ground, attacks(-32600, twice));
});

describe('the record of what was read and refused', () => {
  const row = async (request: Request) => {
    const mark = await ground.mark();
    expect((await ground.send(request)).status).toBe(400);
    return (await ground.control(mark)).find(({ verdict }) => verdict === 'deny');
  };

  it.each([
    ['a method', edited('"jsonrpc":"2.0",', ''), 'tools/call'],
    ['a method that is forbidden beside a result', edited('"id":1', '"id":1,"result":{}'), 'tools/call'],
    ['an argument twice', edited('"text":"hi"', '"text":"hi","text":"ho"'), 'tools/call'],
    ['two methods, so none', edited('"method":"tools/call"', '"method":"tools/list","method":"tools/call"'), undefined],
    ['no JSON', `${SOUND}x`, undefined],
  ])('names the method where it can be read: %s', async (_, body, method) => {
    const denied = await row(call(body));
    expect(denied).toMatchObject({ policy: 'parse', reason: 'body.json' });
    expect(denied?.method).toBe(method);
  });

  it('names it too where headers and body do not agree', async () => {
    const denied = await row(modernCall('/mcp/open', TOKENS.user, { headers: { 'mcp-method': 'tools/list' } }));
    expect(denied).toMatchObject({ policy: 'parse', reason: 'protocol.header-mismatch', method: 'tools/call' });
  });
});

describe('what is sound', () => {
  it.each([
    '1',
    '"1"',
    '0',
    '-1',
    '9007199254740991',
    '""',
    '"\u00fc \\" \\\\"',
    `"${'x'.repeat(200)}"`,
  ])('comes back with its id of the same type and value: %s', async (id) => {
    const answer = await ground.send(call(edited('"id":1', `"id":${id}`)));
    expect(read(answer).json).toMatchObject({ id: JSON.parse(id), result: { resultType: 'complete' } });
  });

  it.each([
    '"\\ud83d\\ude00"',
    '"\\u0000"',
    '"\\u2028\\u2029"',
    '"\\/\\b\\f"',
    '"\u2028"',
  ])('reaches the server as it was written, %s too', async (text) => {
    ground.forgetHits();
    expect((await ground.send(call(withText(text)))).status).toBe(200);
    const [hit] = ground.fixture.hits.filter(({ rpcMethod }) => rpcMethod === 'tools/call');
    expect(hit?.body.toString()).toContain(`"arguments":{"text":${text}}`);
  });

  it('may use names that are dangerous only to careless programs', async () => {
    const odd = '{"constructor":{"prototype":1},"toString":1,"hasOwnProperty":1,"":1}';
    expect((await ground.send(call(withArgument(odd)))).status).toBe(200);
  });

  it('may be 60 levels deep', async () => {
    expect((await ground.send(call(withArgument(`${'['.repeat(50)}${']'.repeat(50)}`)))).status).toBe(200);
  });
});

import { describe, expect, it } from 'vitest';
import { Message } from './message.ts';
import { isScanFailure, type ScanFailure, scanBody, scanMessage, scanUpstream } from './scan.ts';

function accepted(text: string, scan = scanMessage): Message {
  const scanned = scan(Buffer.from(text));
  if (isScanFailure(scanned)) throw new Error(`refused: ${scanned.detail}`);
  return scanned;
}

function refused(text: string, scan: (bytes: Buffer) => object = scanMessage): ScanFailure {
  const scanned = scan(Buffer.from(text));
  if (!('problem' in scanned)) throw new Error('accepted');
  return scanned as ScanFailure;
}

const params = (inside: string) => `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{${inside}}}`;

describe('what a message says', () => {
  it('reads a request', () => {
    const message = accepted(params('"name":"echo","arguments":{"a":[1]},"_meta":{"progressToken":"p"}'));
    expect(message.kind).toBe('request');
    expect(message.id).toBe(7);
    expect(message.method).toBe('tools/call');
    expect(message.params?.string('name')).toBe('echo');
    expect(message.params?.json('arguments')).toEqual({ a: [1] });
    expect(message.meta?.id('progressToken')).toBe('p');
    expect(message.bytes.toString('utf8', message.idSpan?.start, message.idSpan?.end)).toBe('7');
  });

  it('reads a notification, with and without params', () => {
    expect(accepted('{"jsonrpc":"2.0","method":"notifications/initialized"}').kind).toBe('notification');
    expect(accepted('{"jsonrpc":"2.0","method":"n","params":{"requestId":3}}').params?.id('requestId')).toBe(3);
  });

  it('reads a result and an error', () => {
    const result = accepted('{"jsonrpc":"2.0","id":"a","result":{"_meta":{"x":true}}}');
    expect([result.kind, result.id, result.meta?.boolean('x')]).toEqual(['result', 'a', true]);
    const error = accepted('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}');
    expect([error.kind, error.id, error.error?.id('code')]).toEqual(['error', null, -32700]);
  });

  it('keeps string ids and number ids apart', () => {
    expect(accepted('{"jsonrpc":"2.0","id":"1","method":"m"}').id).toBe('1');
    expect(accepted('{"jsonrpc":"2.0","id":1,"method":"m"}').id).toBe(1);
    expect(accepted('{"jsonrpc":"2.0","id":-9007199254740991,"method":"m"}').id).toBe(-9007199254740991);
  });

  it('carries members it does not know', () => {
    const message = accepted('{"jsonrpc":"2.0","id":1,"method":"m","vendor":{"x":1}}');
    expect(message.top.json('vendor')).toEqual({ x: 1 });
  });

  it('keeps the very bytes that came', () => {
    const bytes = Buffer.from(' { "jsonrpc" : "2.0", "method" : "m" }\r\n');
    const message = scanMessage(bytes);
    expect(message).toBeInstanceOf(Message);
    expect((message as Message).bytes).toBe(bytes);
  });
});

/** What is wrong, the message that is refused, and the nearest one that is not. */
const invalid: readonly (readonly [string, string, string])[] = [
  ['an array where one message is expected', '[{"jsonrpc":"2.0","method":"m"}]', '{"jsonrpc":"2.0","method":"m"}'],
  ['a bare string', '"m"', '{"jsonrpc":"2.0","method":"m"}'],
  ['a bare number', '1', '{"jsonrpc":"2.0","method":"m"}'],
  ['a missing jsonrpc', '{"method":"m"}', '{"jsonrpc":"2.0","method":"m"}'],
  ['jsonrpc 1.0', '{"jsonrpc":"1.0","method":"m"}', '{"jsonrpc":"2.0","method":"m"}'],
  ['jsonrpc as a number', '{"jsonrpc":2.0,"method":"m"}', '{"jsonrpc":"2\\u002e0","method":"m"}'],
  ['an id with a fraction', '{"jsonrpc":"2.0","id":1.0,"method":"m"}', '{"jsonrpc":"2.0","id":1,"method":"m"}'],
  ['an id with an exponent', '{"jsonrpc":"2.0","id":1e0,"method":"m"}', '{"jsonrpc":"2.0","id":10,"method":"m"}'],
  ['an id of minus zero', '{"jsonrpc":"2.0","id":-0,"method":"m"}', '{"jsonrpc":"2.0","id":0,"method":"m"}'],
  [
    'an id past the safe integers',
    '{"jsonrpc":"2.0","id":9007199254740993,"method":"m"}',
    '{"jsonrpc":"2.0","id":9007199254740991,"method":"m"}',
  ],
  [
    'an id of many digits',
    `{"jsonrpc":"2.0","id":${'1'.repeat(400)},"method":"m"}`,
    '{"jsonrpc":"2.0","id":11,"method":"m"}',
  ],
  ['an id of true', '{"jsonrpc":"2.0","id":true,"method":"m"}', '{"jsonrpc":"2.0","id":"true","method":"m"}'],
  [
    'an id of null on a request',
    '{"jsonrpc":"2.0","id":null,"method":"m"}',
    '{"jsonrpc":"2.0","id":"null","method":"m"}',
  ],
  ['an object as id', '{"jsonrpc":"2.0","id":{},"method":"m"}', '{"jsonrpc":"2.0","id":"{}","method":"m"}'],
  ['an array as id', '{"jsonrpc":"2.0","id":[1],"method":"m"}', '{"jsonrpc":"2.0","id":1,"method":"m"}'],
  ['an id of null on a result', '{"jsonrpc":"2.0","id":null,"result":{}}', '{"jsonrpc":"2.0","id":1,"result":{}}'],
  ['a result without an id', '{"jsonrpc":"2.0","result":{}}', '{"jsonrpc":"2.0","id":1,"result":{}}'],
  ['an error without an id', '{"jsonrpc":"2.0","error":{}}', '{"jsonrpc":"2.0","id":null,"error":{}}'],
  ['an empty method', '{"jsonrpc":"2.0","method":""}', '{"jsonrpc":"2.0","method":" "}'],
  ['a method that is no string', '{"jsonrpc":"2.0","method":1}', '{"jsonrpc":"2.0","method":"1"}'],
  ['positional params', '{"jsonrpc":"2.0","method":"m","params":[1]}', '{"jsonrpc":"2.0","method":"m","params":{}}'],
  ['params of null', '{"jsonrpc":"2.0","method":"m","params":null}', '{"jsonrpc":"2.0","method":"m"}'],
  ['no method, result or error', '{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","id":1,"result":{}}'],
  [
    'method and result together',
    '{"jsonrpc":"2.0","id":1,"method":"m","result":{}}',
    '{"jsonrpc":"2.0","id":1,"method":"m","params":{}}',
  ],
  [
    'result and error together',
    '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
    '{"jsonrpc":"2.0","id":1,"error":{}}',
  ],
  ['a result with params', '{"jsonrpc":"2.0","id":1,"result":{},"params":{}}', '{"jsonrpc":"2.0","id":1,"result":{}}'],
  ['a result that is no object', '{"jsonrpc":"2.0","id":1,"result":[]}', '{"jsonrpc":"2.0","id":1,"result":{}}'],
  ['an error that is no object', '{"jsonrpc":"2.0","id":1,"error":"x"}', '{"jsonrpc":"2.0","id":1,"error":{}}'],
  ['the method twice', '{"jsonrpc":"2.0","method":"a","method":"b"}', '{"jsonrpc":"2.0","method":"b"}'],
  [
    'the params twice',
    '{"jsonrpc":"2.0","method":"a","params":{},"params":{}}',
    '{"jsonrpc":"2.0","method":"a","params":{}}',
  ],
  ['a name twice', params('"name":"safe","name":"danger"'), params('"name":"safe","title":"danger"')],
  ['a name twice, once in escapes', params('"name":"a","na\\u006de":"b"'), params('"na\\u006de":"b"')],
  ['a non-ASCII name twice, once in escapes', params('"é":1,"\\u00e9":2'), params('"é":1,"\\u00e8":2')],
  ['a name twice deep inside', params('"arguments":[[{"b":{"a":1,"a":2}}]]'), params('"arguments":[{"a":1},{"a":2}]')],
  ['the empty name twice', params('"arguments":{"":1,"":2}'), params('"arguments":{"":1," ":2}')],
  [
    'a method in another case',
    '{"jsonrpc":"2.0","method":"a","Method":"b"}',
    '{"jsonrpc":"2.0","method":"a","Methods":"b"}',
  ],
  ['an id in another case', '{"jsonrpc":"2.0","ID":1,"method":"a"}', '{"jsonrpc":"2.0","idx":1,"method":"a"}'],
  ['a tool name in another case', params('"name":"a","Name":"b"'), params('"name":"a","Names":"b"')],
  ['a tool name in another case and in escapes', params('"\\u004eame":"b"'), params('"\\u006eame":"b"')],
  ['arguments in another case', params('"ARGUMENTS":{}'), params('"arguments":{}')],
  ['a request state in another case', params('"requeststate":"x"'), params('"requestState":"x"')],
  [
    'params with a long s',
    '{"jsonrpc":"2.0","method":"a","param\u017f":{}}',
    '{"jsonrpc":"2.0","method":"a","paramſes":{}}',
  ],
  ['a task id with a Kelvin sign', params('"tas\u212aId":"x"'), params('"taskId":"x"')],
  [
    'a task id with a Kelvin sign after an escaped name',
    params('"\\u0061":1,"tas\u212aId":"x"'),
    params('"\\u0061":1,"taskId":"x"'),
  ],
  [
    'client capabilities in another case',
    params('"_meta":{"io.modelcontextprotocol/clientcapabilities":{}}'),
    params('"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}'),
  ],
  ['a progress token in another case', params('"_meta":{"progresstoken":1}'), params('"_meta":{"progressToken":1}')],
  ['_meta in another case', params('"_META":{}'), params('"_meta":{}')],
  ['a prompt reference in another case', params('"ref":{"Name":"x"}'), params('"ref":{"name":"x"}')],
  [
    '__proto__ at the top',
    '{"jsonrpc":"2.0","method":"a","__proto__":{}}',
    '{"jsonrpc":"2.0","method":"a","_proto_":{}}',
  ],
  ['__proto__ deep inside', params('"arguments":{"a":[{"__proto__":1}]}'), params('"arguments":{"a":[{"proto":1}]}')],
  ['__proto__ in escapes', params('"arguments":{"\\u005f_proto__":1}'), params('"arguments":{"a":"__proto__"}')],
];

describe('what is not one unambiguous message', () => {
  it.each(invalid)('refuses %s', (_what, bad, twin) => {
    expect(refused(bad).problem.code).toBe('INVALID_REQUEST');
    expect(accepted(twin)).toBeInstanceOf(Message);
  });

  it('lets tools name their arguments as they like', () => {
    expect(accepted(params('"arguments":{"Name":1,"name":2,"URI":3}')).id).toBe(7);
  });

  it.each([31, 32, 33, 34, 500, 5_000])('finds the one repeated name among %i', (count) => {
    const members = Array.from({ length: count }, (_, i) => `"k${i}":${i}`).join();
    expect(accepted(params(`"arguments":{${members}}`)).id).toBe(7);
    for (const again of ['k0', `k${count - 1}`, '\\u006b1']) {
      expect(refused(params(`"arguments":{${members},"${again}":0}`)).problem.code).toBe('INVALID_REQUEST');
    }
  });

  it('forgets the names of one large object before the next', () => {
    const members = Array.from({ length: 40 }, (_, i) => `"k${i}":${i}`).join();
    expect(accepted(params(`"arguments":[{${members}},{${members}},{"k0":1}]`)).id).toBe(7);
  });

  it('does not take names for equal because their hashes are', () => {
    expect(accepted(params('"arguments":{"a":1,"A":2,"aa":3,"Aa":4,"_b":5,"\\u007fb":6}')).id).toBe(7);
  });

  it('names the request in its answer, wherever the id stands', () => {
    expect(refused('{"jsonrpc":"2.0","method":"m","params":{"a":1,"a":2},"id":"late"}').id).toBe('late');
    expect(refused('{"jsonrpc":"1.0","id":5,"method":"m"}').id).toBe(5);
  });

  it('names no request where the id itself is in doubt', () => {
    expect(refused('{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}')).not.toHaveProperty('id');
    expect(refused('{"jsonrpc":"2.0","id":1,"Id":2,"method":"m"}')).not.toHaveProperty('id');
    expect(refused('{"jsonrpc":"2.0","id":1')).not.toHaveProperty('id');
  });

  it('never repeats the content in the detail', () => {
    expect(refused(params('"sekret":1,"sekret":2')).detail).toBe('a member name comes twice at byte 68');
  });
});

describe('an HTTP body', () => {
  const one = '{"jsonrpc":"2.0","method":"m"}';

  it('is one message', () => {
    const body = scanBody(Buffer.from(one));
    expect(body).toMatchObject({ batch: false, messages: [{ kind: 'notification' }] });
  });

  it('is a batch, each member with its own bytes', () => {
    const body = scanBody(Buffer.from(` [ ${one} , {"jsonrpc":"2.0","id":4,"method":"n"}]`));
    if (isScanFailure(body)) throw new Error(body.detail);
    expect(body.batch).toBe(true);
    expect(body.messages.map((message) => message.bytes.toString())).toEqual([
      one,
      '{"jsonrpc":"2.0","id":4,"method":"n"}',
    ]);
    const { bytes, idSpan } = body.messages[1]!;
    expect(bytes.toString('utf8', idSpan!.start, idSpan!.end)).toBe('4');
  });

  it('knows a batch of one from one message', () => {
    expect(scanBody(Buffer.from(`[${one}]`))).toMatchObject({ batch: true });
  });

  it('refuses an empty batch, and one bad member refuses all', () => {
    expect(refused('[]', scanBody).problem.code).toBe('INVALID_REQUEST');
    expect(refused(`[${one},1]`, scanBody).problem.code).toBe('INVALID_REQUEST');
    expect(refused(`[${one},[${one}]]`, scanBody).problem.code).toBe('INVALID_REQUEST');
    expect(refused(`[${one},{"jsonrpc":"2.0","method":"a","method":"b"}]`, scanBody).problem.code).toBe(
      'INVALID_REQUEST',
    );
    expect(refused(`[${one},]`, scanBody).problem.code).toBe('PARSE_ERROR');
    expect(refused(`[${one}`, scanBody).problem.code).toBe('PARSE_ERROR');
    expect(scanBody(Buffer.from(`[${one},${one}]`))).toMatchObject({ batch: true });
  });

  it('gives the members of a batch the full depth', () => {
    const deep = `{"jsonrpc":"2.0","method":"m","params":{"a":${'['.repeat(62)}${']'.repeat(62)}}}`;
    expect(scanBody(Buffer.from(`[${deep}]`))).toMatchObject({ batch: true });
    expect(refused(`[${deep.replace('[]', '[[]]')}]`, scanBody).problem.code).toBe('PARSE_ERROR');
  });
});

describe('a message from a server', () => {
  const result = (inside: string) => `{"jsonrpc":"2.0","id":1,"result":${inside}}`;

  it('is read without its contents', () => {
    const message = accepted(
      result('{"content":[{"type":"text","text":"a \\"quote\\" and \\\\"}],"_meta":{"a":1}}'),
      scanUpstream,
    );
    expect([message.kind, message.id, message.meta?.id('a')]).toEqual(['result', 1, 1]);
    expect(message.result?.json('content')).toEqual([{ type: 'text', text: 'a "quote" and \\' }]);
  });

  it('may be an error that names no request', () => {
    const message = accepted('{"jsonrpc":"2.0","error":{"code":-32600,"message":"x"}}', scanUpstream);
    expect([message.kind, message.id]).toEqual(['error', undefined]);
    expect(refused('{"jsonrpc":"2.0","result":{}}', scanUpstream).problem.code).toBe('INVALID_REQUEST');
  });

  it.each([
    ['a name twice at the top', '{"jsonrpc":"2.0","id":1,"id":1,"result":{}}', result('{}')],
    ['a name twice in the result', result('{"tools":[],"tools":[]}'), result('{"tools":[]}')],
    ['a name twice in _meta', result('{"_meta":{"a":1,"a":2}}'), result('{"_meta":{"a":1}}')],
    ['tools in another case', result('{"tools":[],"Tools":[]}'), result('{"tools":[]}')],
    ['a result that is no object', result('[]'), result('{}')],
  ])('is refused for %s', (_what, bad, twin) => {
    expect(refused(bad, scanUpstream).problem.code).toBe('INVALID_REQUEST');
    expect(accepted(twin, scanUpstream).kind).toBe('result');
  });

  it.each([
    ['brackets that do not match', result('{"a":[{]}}'), result('{"a":[{}]}')],
    ['a closing bracket too many', result('{"a":[]]}'), result('{"a":[]}')],
    ['a comment that hides a quote', result('{"a":[1/*"*/]}'), result('{"a":[1,"/*"]}')],
    ['a comment', result('{"a":[1/**/]}'), result('{"a":[1    ]}')],
    ['single quotes', result('{"a":[\'x\']}'), result('{"a":["x"]}')],
    ['an unclosed string inside', result('{"a":["x]}'), result('{"a":["x"]}')],
    ['a quote escaped to the end', result('{"a":["x\\"]}'), result('{"a":["x\\\\"]}')],
    ['a line break inside a string', result('{"a":["x\n{}"]}'), result('{"a":["x\\n{}"\n]}')],
    ['a carriage return inside a string', result('{"a":["x\r{}"]}'), result('{"a":["x\\r{}"\r]}')],
    [
      'a level too many',
      result(`{"a":${'['.repeat(63)}${']'.repeat(63)}}`),
      result(`{"a":${'['.repeat(62)}${']'.repeat(62)}}`),
    ],
  ])('is refused for %s', (_what, bad, twin) => {
    expect(refused(bad, scanUpstream).problem.code).toBe('PARSE_ERROR');
    expect(accepted(twin, scanUpstream).kind).toBe('result');
  });

  it('is held to the count of members without being opened', () => {
    const bytes = Buffer.from(result('{"a":[1,2,3,4,5]}'));
    expect(isScanFailure(scanUpstream(bytes, { maxDepth: 64, maxMembers: 20 }))).toBe(false);
    expect(isScanFailure(scanUpstream(bytes, { maxDepth: 64, maxMembers: 8 }))).toBe(true);
  });

  it('is refused when it is not UTF-8, even where nobody looks', () => {
    const bytes = Buffer.from(result('{"a":["?"]}'));
    expect(isScanFailure(scanUpstream(bytes))).toBe(false);
    bytes[bytes.indexOf(0x3f)] = 0xff;
    expect(isScanFailure(scanUpstream(bytes))).toBe(true);
  });
});

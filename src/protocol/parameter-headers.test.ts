import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import type { MirroredParameter } from './mirrored-parameters.ts';
import { parameterDisagreement, parameterHeaders, repeatedParameter } from './parameter-headers.ts';
import { encodeSentinel } from './sentinel.ts';

const PARAMETERS: readonly MirroredParameter[] = [
  { header: 'Mcp-Param-Region', key: 'mcp-param-region', path: ['region'] },
  { header: 'Mcp-Param-Tenant', key: 'mcp-param-tenant', path: ['place', 'tenant'] },
];
const call = (args: string) =>
  messageOf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${args}}}`);
const judge = (args: string, headers: readonly string[]) => parameterDisagreement(PARAMETERS, call(args), headers);
const region = (value: string) => ['Mcp-Param-Region', value];

describe('parameter headers that say what the arguments say', () => {
  it.each<readonly [string, string, readonly string[]]>([
    ['a text', '{"region":"eu"}', region('eu')],
    ['a name in other letters', '{"region":"eu"}', ['MCP-PARAM-REGION', 'eu']],
    ['a text that was encoded without need', '{"region":"eu"}', region('=?base64?ZXU=?=')],
    ['a text that needs it', '{"region":"Zürich"}', region(encodeSentinel('Zürich'))],
    ['a text with escapes', '{"region":"\\u0065u"}', region('eu')],
    ['an empty text', '{"region":""}', region('')],
    ['true', '{"region":true}', region('true')],
    ['an integer', '{"region":42}', region('42')],
    ['an integer with a fraction of zeros', '{"region":42}', region('42.0')],
    ['an integer written as a power', '{"region":4.2e1}', region('42')],
    ['a negative integer', '{"region":-7.0}', region('-7')],
    ['the largest safe integer', '{"region":9007199254740991}', region('9007199254740991')],
    ['a nested one', '{"place":{"tenant":"a"}}', ['mcp-param-tenant', 'a']],
    ['nothing, for nothing is there', '{}', []],
    ['nothing, for null is there', '{"region":null}', []],
    ['nothing, where the path ends early', '{"place":"x"}', []],
    ['something else the tool does not know', '{}', ['Mcp-Param-Other', 'x']],
  ])('pass: %s', (_, args, headers) => {
    expect(judge(args, headers)).toBeUndefined();
  });
});

describe('parameter headers that do not', () => {
  it.each<readonly [string, string, readonly string[]]>([
    ['missing', '{"region":"eu"}', []],
    ['missing for an empty text', '{"region":""}', []],
    ['missing for a nested one', '{"place":{"tenant":"a"}}', region('a')],
    ['another text', '{"region":"eu"}', region('us')],
    ['other letters', '{"region":"eu"}', region('EU')],
    ['there for nothing', '{}', region('eu')],
    ['there for null', '{"region":null}', region('null')],
    ['there for an object', '{"region":{}}', region('{}')],
    ['base64 that is none', '{"region":"eu"}', region('=?base64?###?=')],
    ['base64 without padding', '{"region":"eu"}', region('=?base64?ZXU?=')],
    ['a character outside ASCII', '{"region":"\\u00fc"}', region('\u00fc')],
    ['another integer', '{"region":42}', region('43')],
    ['an integer that rounds to it', '{"region":42}', region('42.00000000000000000001')],
    ['an integer in hexadecimal', '{"region":16}', region('0x10')],
    ['an integer with a blank', '{"region":16}', region('1 6')],
    ['an integer past the safe ones', '{"region":9007199254740993}', region('9007199254740993')],
    ['a number past all', '{"region":1e400}', region('1e400')],
    ['a fraction', '{"region":42.5}', region('42.5')],
    ['a text for a truth', '{"region":true}', region('True')],
  ])('are refused (-32020): %s', (_, args, headers) => {
    expect(judge(args, headers)).toMatchObject({ rpcCode: -32020, status: 400 });
  });

  it('are refused when one comes twice, however it is spelt', () => {
    expect(repeatedParameter(['Mcp-Param-A', '1', 'mcp-param-a', '1'])).toBe('mcp-param-a');
    expect(repeatedParameter(['Mcp-Param-A', '1', 'Mcp-Param-B', '1'])).toBeUndefined();
  });
});

describe('the parameter headers that leave', () => {
  it('are made from the body; those the tool does not know stay as they came', () => {
    const headers = ['mcp-param-region', 'stale', 'Mcp-Param-Other', '=?base64?x'];
    expect(parameterHeaders(PARAMETERS, call('{"region":"Zürich","place":{"tenant":4.20e1}}'), headers)).toEqual([
      'Mcp-Param-Other',
      '=?base64?x',
      'Mcp-Param-Region',
      '=?base64?WsO8cmljaA==?=',
      'Mcp-Param-Tenant',
      '42',
    ]);
    expect(parameterHeaders(PARAMETERS, call('{"region":null}'), headers)).toEqual(['Mcp-Param-Other', '=?base64?x']);
  });

  it('always agree with the body they were made from', () => {
    const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.boolean(), fc.maxSafeInteger(), fc.constant(null));
    fc.assert(
      fc.property(value, value, (one, other) => {
        const message = call(JSON.stringify({ region: one, place: { tenant: other } }));
        expect(parameterDisagreement(PARAMETERS, message, parameterHeaders(PARAMETERS, message, []))).toBeUndefined();
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { disagreement } from './agreement.ts';
import { META_CLIENT_CAPABILITIES } from './classify.ts';
import { encodeSentinel } from './sentinel.ts';

const META = { [META_CLIENT_CAPABILITIES]: {} };

function judge(mcpMethod: string | undefined, mcpName: string | undefined, method: string, params: object = {}) {
  const message = messageOf({ jsonrpc: '2.0', id: 1, method, params: { _meta: META, ...params } });
  return disagreement({ mcpMethod, mcpName, params: [] }, message);
}
const mismatch = (text: string) => ({ code: 'HEADER_MISMATCH', rpcCode: -32020, status: 400, text });

describe('headers that say what the body says', () => {
  it.each([
    ['tools/list', undefined, {}],
    ['tools/call', 'echo', { name: 'echo' }],
    ['prompts/get', 'greet', { name: 'greet' }],
    ['resources/read', 'file:///a', { uri: 'file:///a' }],
    ['tools/call', encodeSentinel('größe'), { name: 'größe' }],
    ['tools/call', '', { name: '' }],
  ])('pass: %s %s', (method, name, params) => {
    expect(judge(method, name, method, params)).toBeUndefined();
  });

  it('need not name what the method names elsewhere', () => {
    expect(judge('resources/list', 'anything', 'resources/list')).toBeUndefined();
  });

  it('are asked of requests only', () => {
    const message = messageOf({ jsonrpc: '2.0', method: 'notifications/cancelled', params: {} });
    expect(disagreement({ mcpMethod: undefined, mcpName: undefined, params: [] }, message)).toBeUndefined();
  });
});

describe('headers that do not', () => {
  it.each([
    ['without a method', undefined, 'echo', 'Mcp-Method header is missing'],
    ['with another method', 'tools/list', 'echo', 'Mcp-Method header and method differ'],
    ['with the method in another case', 'Tools/Call', 'echo', 'Mcp-Method header and method differ'],
    ['without a name', 'tools/call', undefined, 'Mcp-Name header is missing'],
    ['with another name', 'tools/call', 'other', 'Mcp-Name header and params.name differ'],
    ['with the name in another case', 'tools/call', 'Echo', 'Mcp-Name header and params.name differ'],
    ['with a name in broken base64', 'tools/call', '=?base64?ZWNobw?=', 'Mcp-Name header is not validly encoded'],
    ['with bytes HTTP does not carry', 'tools/call', 'ech\u00f6', 'Mcp-Name header is not validly encoded'],
  ])('are refused %s', (_, method, name, text) => {
    expect(judge(method, name, 'tools/call', { name: 'echo' })).toMatchObject(mismatch(text));
  });

  it('are refused when the body names nothing, or no text', () => {
    for (const params of [{}, { name: 7 }, { name: null }]) {
      expect(judge('tools/call', '7', 'tools/call', params)).toMatchObject({ code: 'HEADER_MISMATCH' });
    }
  });

  it('name the parameter of their method', () => {
    expect(judge('resources/read', 'b', 'resources/read', { uri: 'a' })).toMatchObject(
      mismatch('Mcp-Name header and params.uri differ'),
    );
  });
});

describe('a request without the capabilities of its client', () => {
  it.each([
    ['missing', {}],
    ['no object', { [META_CLIENT_CAPABILITIES]: true }],
  ])('is refused as invalid: %s', (_, _meta) => {
    expect(judge('tools/list', undefined, 'tools/list', { _meta })).toMatchObject({
      code: 'INVALID_PARAMS',
      rpcCode: -32602,
      status: 400,
      text: `Missing required _meta key: ${META_CLIENT_CAPABILITIES}`,
    });
  });
});

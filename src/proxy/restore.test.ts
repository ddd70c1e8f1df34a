import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { Edits } from '../jsonrpc/edits.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { META_SUBSCRIPTION_ID } from '../protocol/classify.ts';
import { restoreRelated, restoreResponse } from './restore.ts';

const related = (message: string, request: object) =>
  restoreRelated(messageOf(message), messageOf({ jsonrpc: '2.0', method: 'tools/call', ...request })).toString();

describe('an answer', () => {
  it.each<readonly [string, RequestId, string]>([
    ['a number', 7, '7'],
    ['zero', 0, '0'],
    ['a negative number', -3, '-3'],
    ['a text', 'abc', '"abc"'],
    ['a text that looks like a number', '7', '"7"'],
    ['an empty text', '', '""'],
    ['a text that needs escapes', 'a"\n\u2028é', '"a\\"\\n\u2028é"'],
    ['the largest safe number', Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ])("carries the client's own id again, of its own type: %s", (_, id, token) => {
    const response = messageOf('{ "jsonrpc":"2.0", "result":{"a":1.0,"b":"\\u0041"} ,"id":42}');
    expect(restoreResponse(response, id).toString()).toBe(
      `{ "jsonrpc":"2.0", "result":{"a":1.0,"b":"\\u0041"} ,"id":${token}}`,
    );
  });

  it('keeps every other byte, errors included', () => {
    const response = messageOf('{"id":42,"error":{"code":-32602,  "message":"no","data":[1e3]},"jsonrpc":"2.0"}');
    expect(restoreResponse(response, 'x').toString()).toBe(
      '{"id":"x","error":{"code":-32602,  "message":"no","data":[1e3]},"jsonrpc":"2.0"}',
    );
  });

  it('of a subscription names the subscription as the client does', () => {
    const text = (id: string) =>
      `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","_meta":{"${META_SUBSCRIPTION_ID}":${id},"x":1}}}`;
    expect(restoreResponse(messageOf(text('42')), 'sub').toString()).toBe(text('"sub"'));
  });

  it('can be edited on the way', () => {
    const response = messageOf('{"jsonrpc":"2.0","id":42,"result":{"tools":[1,2]}}');
    const span = response.result?.spanOf('tools');
    const edits = new Edits(response.bytes);
    if (span !== undefined) edits.replace(span, '[]');
    expect(restoreResponse(response, 7, edits).toString()).toBe('{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}');
  });
});

describe('progress', () => {
  const progress = (token: string) =>
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":0.50}}`;

  it.each([
    ['a number', 5, '5'],
    ['a text', 'p-1', '"p-1"'],
    ['a text that looks like a number', '5', '"5"'],
  ])("carries the client's own token again: %s", (_, progressToken, token) => {
    expect(related(progress('42'), { id: 1, params: { _meta: { progressToken } } })).toBe(progress(token));
  });

  it('nobody asked for stays as it is', () => {
    expect(related(progress('42'), { id: 1, params: {} })).toBe(progress('42'));
  });
});

describe('a message of a subscription', () => {
  const changed = (id: string) =>
    `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"${META_SUBSCRIPTION_ID}":${id}}}}`;

  it.each<readonly [RequestId, string]>([
    [3, '3'],
    ['s', '"s"'],
  ])('names it as the client does: %s', (id, token) => {
    expect(related(changed('42'), { id, params: {} })).toBe(changed(token));
  });
});

describe('any other message of a call', () => {
  it('is passed on to the byte, whatever it holds', () => {
    const text = '{"jsonrpc":"2.0","method":"notifications/message","params":{"progressToken":42,"data":{"id":42}}}';
    expect(related(text, { id: 1, params: { _meta: { progressToken: 5 } } })).toBe(text);
  });
});

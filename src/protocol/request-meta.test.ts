import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { wrongMeta } from './request-meta.ts';

const judge = (meta: object) => {
  const message = messageOf({ jsonrpc: '2.0', id: 1, method: 'x', params: { _meta: { 'a/b': 1, 'a/c': 1, ...meta } } });
  return message.meta === undefined ? 'no _meta' : wrongMeta(message.meta);
};

describe('the optional reserved keys of _meta', () => {
  it.each([
    { progressToken: 'a' },
    { progressToken: 7 },
    { 'io.modelcontextprotocol/logLevel': 'warning' },
    { 'io.modelcontextprotocol/clientInfo': { name: 'a', version: '1' } },
    { traceparent: '00-1-2-01', tracestate: '', baggage: 'a=b' },
    { 'com.example.mcp/anything': [], 'io.modelcontextprotocol/later': 1, plain: null },
  ])('pass when they are what they should be: %o', (meta) => {
    expect(judge(meta)).toBeUndefined();
  });

  it.each([
    { progressToken: null },
    { progressToken: 1.5 },
    { progressToken: {} },
    { 'io.modelcontextprotocol/logLevel': 'loud' },
    { 'io.modelcontextprotocol/logLevel': 3 },
    { 'io.modelcontextprotocol/clientInfo': 'me' },
    { traceparent: 7 },
    { baggage: null },
  ])('are refused when they are not: %o', (meta) => {
    expect(judge(meta)).toMatchObject({ rpcCode: -32602, status: 400 });
  });
});

import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../problem/catalogue.ts';
import { particular } from '../problem/problem.ts';
import { jsonString, writeError, writeNotification, writeRequest, writeResult } from './write.ts';

describe('written messages', () => {
  it('carry the id in the type it came as', () => {
    expect(writeResult(1, '{"a":1e2}').toString()).toBe('{"jsonrpc":"2.0","id":1,"result":{"a":1e2}}');
    expect(writeResult('1', '{}').toString()).toBe('{"jsonrpc":"2.0","id":"1","result":{}}');
  });

  it('answer with a problem', () => {
    expect(writeError(3, PROBLEMS.UNKNOWN_TOOL).toString()).toBe(
      '{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"Unknown tool"}}',
    );
    const named = particular(PROBLEMS.UNKNOWN_TOOL, 'Unknown tool: "x"', { tool: 'x' });
    expect(JSON.parse(writeError('a', named).toString())).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      error: { code: -32602, message: 'Unknown tool: "x"', data: { tool: 'x' } },
    });
  });

  it('say null for an id that could not be read, and nothing where none is wanted', () => {
    expect(writeError(null, PROBLEMS.PARSE_ERROR).toString()).toContain('"id":null');
    expect(writeError(undefined, PROBLEMS.PARSE_ERROR).toString()).not.toContain('"id"');
  });

  it('ask and notify, with and without params', () => {
    expect(writeRequest('r', 'ping').toString()).toBe('{"jsonrpc":"2.0","id":"r","method":"ping"}');
    expect(writeRequest(1, 'm', '{"a":1}').toString()).toBe('{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}');
    expect(writeNotification('n').toString()).toBe('{"jsonrpc":"2.0","method":"n"}');
    expect(writeNotification('n', '{}').toString()).toBe('{"jsonrpc":"2.0","method":"n","params":{}}');
  });

  it('are UTF-8 even for text that is not', () => {
    expect(jsonString('a"\n\ud800')).toBe('"a\\"\\n\\ud800"');
  });
});

import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { outcomeOf, statusOf } from './outcome.ts';

const result = (value: object) => messageOf({ jsonrpc: '2.0', id: 1, result: value });
const error = (code: unknown) => messageOf({ jsonrpc: '2.0', id: 1, error: { code, message: 'no' } });

describe('the outcome of a call', () => {
  it('is good only when neither the server nor the tool says otherwise', () => {
    expect(outcomeOf(result({ content: [] }))).toEqual({ ending: 'ok', rpcCode: undefined });
    expect(outcomeOf(result({ isError: false }))).toMatchObject({ ending: 'ok' });
    expect(outcomeOf(result({ isError: true }))).toMatchObject({ ending: 'tool_error' });
    expect(outcomeOf(error(-32602))).toEqual({ ending: 'rpc_error', rpcCode: -32602 });
  });

  it('has no code where the server gave none that is a number', () => {
    expect(outcomeOf(error('-32602'))).toEqual({ ending: 'rpc_error', rpcCode: undefined });
  });
});

describe('the status of an answer', () => {
  it('is 200 on the older era, whatever is in it', () => {
    for (const message of [result({}), error(-32601), error(-32021)]) {
      expect([statusOf(message, 'legacy'), statusOf(message, 'legacy', 503)]).toEqual([200, 200]);
    }
  });

  it('is fixed for two errors on the modern era, and 200 for the rest', () => {
    expect(statusOf(error(-32601), 'modern')).toBe(404);
    expect(statusOf(error(-32021), 'modern')).toBe(400);
    expect(statusOf(error(-32602), 'modern')).toBe(200);
    expect(statusOf(result({}), 'modern')).toBe(200);
  });

  it("is the server's where that speaks of the call, and 200 where it speaks of the way to the server", () => {
    for (const sent of [400, 409, 422, 429, 500, 503]) expect(statusOf(error(-32602), 'modern', sent)).toBe(sent);
    for (const sent of [404, 405, 406, 407, 408, 415, 421, 426, 431, 505, 511, 599]) {
      expect(statusOf(error(-32602), 'modern', sent)).toBe(200);
    }
    expect(statusOf(error(-32601), 'modern', 500)).toBe(404);
    expect(statusOf(error(-32021), 'modern', 503)).toBe(400);
  });
});

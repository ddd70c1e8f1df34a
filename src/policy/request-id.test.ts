import { describe, expect, it } from 'vitest';
import { exchangeOf } from '../../test/support/judged.ts';
import { requestId } from './request-id.ts';

function judged(sent?: string) {
  const x = exchangeOf({ headers: sent === undefined ? [] : ['X-Request-ID', sent] });
  x.responseHeaders = ['X-First', '1'];
  return { verdict: requestId().evaluate(x), x };
}

describe('the request id', () => {
  it.each([
    ['a plain word', 'abc'],
    ['a UUID', '3f2c8a1e-7f0b-4a55-9a43-0c2b1d3e4f50'],
    ['dots and underscores', 'edge_1.2-3'],
    ['the longest there may be', 'a'.repeat(128)],
  ])('of the client is kept when it is %s', (_, sent) => {
    const { verdict, x } = judged(sent);
    expect(verdict).toEqual({ pass: 'request-id.kept' });
    expect(x.requestId).toBe(sent);
    expect(x.clientRequestId).toBe(sent);
    expect(x.responseHeaders).toEqual(['X-First', '1', 'X-Request-Id', sent]);
  });

  it.each([
    ['one character too long', 'a'.repeat(129)],
    ['with a blank', 'a b'],
    ['with a quote', 'a"b'],
    ['with a line break', 'a\nb'],
    ['with an escape for a terminal', '\u001b[31m'],
    ['with a letter beyond ASCII', 'é'],
    ['empty', ''],
  ])('of the client is replaced by ours when it is %s, and kept apart', (_, sent) => {
    const { verdict, x } = judged(sent);
    expect(verdict).toEqual({ pass: 'request-id.own' });
    expect(x.requestId).toBe('run-1');
    expect(x.clientRequestId).toBe(sent.slice(0, 128));
    expect(x.responseHeaders).toEqual(['X-First', '1', 'X-Request-Id', 'run-1']);
  });

  it('is ours when the client sends none', () => {
    const { x } = judged();
    expect([x.requestId, x.clientRequestId]).toEqual(['run-1', undefined]);
  });
});

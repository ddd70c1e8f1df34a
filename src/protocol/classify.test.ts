import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { classify, isProblem, META_PROTOCOL_VERSION, unsupportedVersion } from './classify.ts';

const meta = (version: unknown) => ({ _meta: { [META_PROTOCOL_VERSION]: version } });
const request = (method = 'tools/list', params: unknown = {}) => ({ jsonrpc: '2.0', id: 1, method, params });
const notification = { jsonrpc: '2.0', method: 'notifications/cancelled', params: {} };
const answer = { jsonrpc: '2.0', id: 1, result: {} };

function judge(version: string | undefined, sessionId: string | undefined, ...messages: unknown[]) {
  return classify({ protocolVersion: version, sessionId }, messages.map(messageOf));
}

const MODERN = { era: 'modern', revision: '2026-07-28' };
const LEGACY = { era: 'legacy', revision: undefined };
const MISMATCH = { code: 'HEADER_MISMATCH', status: 400, rpcCode: -32020 };
const UNSUPPORTED = { code: 'UNSUPPORTED_PROTOCOL_VERSION', status: 400, rpcCode: -32022 };
const MISSING_META = { code: 'INVALID_PARAMS', status: 400, rpcCode: -32602 };

describe('a POST of the modern era', () => {
  it('says its revision in header and body', () => {
    expect(judge('2026-07-28', undefined, request('tools/list', meta('2026-07-28')))).toEqual(MODERN);
  });

  it('stays modern with a session header, which means nothing there', () => {
    expect(judge('2026-07-28', 's1', request('tools/list', meta('2026-07-28')))).toEqual(MODERN);
  });

  it('may be a notification, which needs no metadata', () => {
    expect(judge('2026-07-28', undefined, notification)).toEqual(MODERN);
  });
});

describe('a sign of the modern era', () => {
  it('in the body settles it: without the header it is a mismatch, not legacy', () => {
    expect(judge(undefined, 's1', request('tools/list', meta('2026-07-28')))).toMatchObject(MISMATCH);
  });

  it.each(['2025-11-25', '2025-06-18'])('in the body under the header %s is a mismatch, not legacy', (header) => {
    expect(judge(header, 's1', request('tools/list', meta('2026-07-28')))).toMatchObject(MISMATCH);
  });

  it('in the header settles it: a request without metadata is refused, not legacy', () => {
    expect(judge('2026-07-28', 's1', request())).toMatchObject(MISSING_META);
  });

  it('settles it for initialize too', () => {
    expect(judge('2026-07-28', undefined, request('initialize'))).toMatchObject(MISSING_META);
    expect(judge(undefined, undefined, request('initialize', meta('2026-07-28')))).toMatchObject(MISMATCH);
  });

  it('in any member of a batch settles it for all', () => {
    const verdict = judge('2025-03-26', 's1', request(), request('tools/list', meta('2026-07-28')));
    expect(verdict).toMatchObject(MISMATCH);
  });

  it.each([
    ['a number', 20260728],
    ['null', null],
    ['empty', ''],
  ])('counts when its value is %s', (_, value) => {
    expect(judge('2026-07-28', 's1', request('tools/list', meta(value)))).toMatchObject(MISMATCH);
  });

  it('in an answer of the client is only data', () => {
    const withMeta = { ...answer, result: meta('2026-07-28') };
    expect(judge(undefined, 's1', withMeta)).toEqual(LEGACY);
  });
});

describe('a revision nobody here speaks', () => {
  it('is refused with those that are, and with what was asked for', () => {
    const verdict = judge('2030-01-01', undefined, request('tools/list', meta('2030-01-01')));
    expect(verdict).toMatchObject(UNSUPPORTED);
    expect(verdict).toMatchObject({
      data: { supported: ['2026-07-28'], requested: '2030-01-01' },
    });
  });

  it('is refused on the older era, with and without a session', () => {
    expect(judge('1.0', 's1', request())).toMatchObject(UNSUPPORTED);
    const verdict = judge('1.0', undefined, request());
    expect(verdict).toMatchObject(UNSUPPORTED);
    expect(verdict).toMatchObject({ data: { supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'] } });
  });

  it('of absurd length is not repeated whole', () => {
    const { text, data } = unsupportedVersion('9'.repeat(5_000));
    expect(text.length).toBeLessThan(120);
    expect(String(data?.requested).length).toBeLessThan(100);
  });
});

describe('a POST of the older era', () => {
  it('opens a session with initialize, whatever version the header has', () => {
    expect(judge(undefined, undefined, request('initialize'))).toEqual(LEGACY);
    expect(judge('2025-11-25', undefined, request('initialize'))).toEqual(LEGACY);
  });

  it.each([undefined, '2025-11-25', '2025-06-18', '2025-03-26'])('goes on in its session (version %s)', (version) => {
    expect(judge(version, 's1', request())).toEqual(LEGACY);
    expect(judge(version, 's1', answer)).toEqual(LEGACY);
  });

  it('needs its session', () => {
    expect(judge('2025-11-25', undefined, request())).toMatchObject({ code: 'SESSION_REQUIRED', status: 400 });
    expect(judge(undefined, undefined, answer)).toMatchObject({ code: 'SESSION_REQUIRED', status: 400 });
  });
});

it('a verdict is a problem or an era, never both', () => {
  const good = judge('2026-07-28', undefined, request('tools/list', meta('2026-07-28')));
  expect([isProblem(good), isProblem(judge(undefined, undefined, request()))]).toEqual([false, true]);
});

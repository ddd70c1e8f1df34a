import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../problem/catalogue.ts';
import { particular } from '../problem/problem.ts';
import { httpRefusal, rpcRefusal } from './refusal.ts';

describe('a refusal of a message', () => {
  it('is a JSON-RPC error under the id of its request, joined to the record by the decision id', () => {
    expect(JSON.parse(String(rpcRefusal('7', PROBLEMS.SESSION_NOT_FOUND, 'run-1')))).toEqual({
      jsonrpc: '2.0',
      id: '7',
      error: { code: 40401, message: 'Session not found', data: { decision_id: 'run-1' } },
    });
  });

  it('has no id where the request has none', () => {
    expect(JSON.parse(String(rpcRefusal(undefined, PROBLEMS.PARSE_ERROR, 'run-1')))).not.toHaveProperty('id');
  });

  it('keeps the public data of its problem', () => {
    const problem = particular(PROBLEMS.UNSUPPORTED_PROTOCOL_VERSION, 'Unsupported', { requested: '1.0' });
    expect(JSON.parse(String(rpcRefusal(1, problem, 'run-1'))).error.data).toEqual({
      requested: '1.0',
      decision_id: 'run-1',
    });
  });
});

describe('a refusal of an HTTP request', () => {
  it('is JSON that says what and joins it to the record', () => {
    const { status, headers, body } = httpRefusal(PROBLEMS.ORIGIN_NOT_ALLOWED, 'run-1', ['X-More', '1']);
    expect([status, headers]).toEqual([403, ['Content-Type', 'application/json', 'X-More', '1']]);
    expect(JSON.parse(String(body))).toEqual({
      error: 'origin_not_allowed',
      error_description: PROBLEMS.ORIGIN_NOT_ALLOWED.text,
      decision_id: 'run-1',
    });
  });

  it.each([
    ['UNAUTHENTICATED', 'unauthorized'],
    ['INVALID_TOKEN', 'invalid_token'],
    ['FORBIDDEN', 'forbidden'],
    ['NOT_FOUND', 'not_found'],
    ['SERVER_NOT_ALLOWED', 'not_found'],
  ] as const)('calls %s %s, as other documents do', (code, name) => {
    expect(JSON.parse(String(httpRefusal(PROBLEMS[code], 'run-1', []).body))).toMatchObject({ error: name });
  });
});

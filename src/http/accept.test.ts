import { describe, expect, it } from 'vitest';
import { accepts, acceptsBoth } from './accept.ts';

describe('an Accept list', () => {
  it.each([
    'application/json, text/event-stream',
    'text/event-stream;q=0.5, application/json',
    'Application/JSON , TEXT/event-stream; charset=utf-8',
    '*/*',
    'application/*, text/*',
    'text/html, */*;q=0.1',
    '*/*;q=0, application/json, text/event-stream;q=0.001',
    'application/json;q=0, application/json, text/event-stream',
  ])('takes both kinds of answer: %s', (list) => {
    expect(acceptsBoth(list)).toBe(true);
  });

  it.each([
    '',
    'application/json',
    'text/event-stream',
    'application/jsonx, text/event-stream',
    'application/json, text/event-stream;q=0',
    'application/json; q=0.000, text/event-stream',
    'application/json, text/event-stream; Q = 0.',
    'application/json;q=0, */*',
    'application/json, text/event-stream;level=1;q=0',
    '*/*;q=0',
    'text/*;q=0, */*',
  ])('does not: %j', (list) => {
    expect(acceptsBoth(list)).toBe(false);
  });

  it('is judged for one type by the range that names it most exactly', () => {
    expect(accepts('text/*;q=0, text/event-stream', 'text/event-stream')).toBe(true);
    expect(accepts('text/event-stream;q=0, text/*, */*', 'text/event-stream')).toBe(false);
  });
});

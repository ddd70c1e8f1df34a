import { describe, expect, it } from 'vitest';
import { notification } from '../../test/support/lane-calls.ts';
import { belongsToCall } from './related.ts';

const asking = (meta: object) => notification('tools/call', { name: 'x', _meta: meta });
const progress = (progressToken: unknown) => notification('notifications/progress', { progressToken, progress: 1 });
const log = notification('notifications/message', { level: 'info', data: 1 });

describe('on the stream of a modern call', () => {
  it('progress is passed on when it is of that call and was asked for', () => {
    const request = asking({ progressToken: 'mine' });
    expect(belongsToCall(progress(7), request, 7)).toBe(true);
    for (const token of [8, '7', 'mine', null, undefined]) {
      expect(belongsToCall(progress(token), request, 7)).toBe(false);
    }
    expect(belongsToCall(progress(7), asking({}), 7)).toBe(false);
    expect(belongsToCall(progress(undefined), request, undefined)).toBe(false);
  });

  it('log lines are passed on when a level was asked for', () => {
    expect(belongsToCall(log, asking({ 'io.modelcontextprotocol/logLevel': 'info' }), 7)).toBe(true);
    expect(belongsToCall(log, asking({ progressToken: 1 }), 7)).toBe(false);
  });

  it.each([
    'notifications/tools/list_changed',
    'notifications/prompts/list_changed',
    'notifications/resources/list_changed',
    'notifications/resources/updated',
    'notifications/subscriptions/acknowledged',
    'notifications/cancelled',
    'notifications/tasks',
    'notifications/vendor',
  ])('%s is not passed on', (method) => {
    const request = asking({ progressToken: 1, 'io.modelcontextprotocol/logLevel': 'info' });
    expect(belongsToCall(notification(method, { progressToken: 7 }), request, 7)).toBe(false);
  });
});

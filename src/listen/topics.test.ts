import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { notification } from '../../test/support/lane-calls.ts';
import type { ObjectView } from '../jsonrpc/message.ts';
import { covers, intersection, readTopics, topicOf, writeTopics } from './topics.ts';

const filterOf = (filter: object) => notification('n', { filter }).params?.object('filter') as ObjectView;
const read = (filter: object, most = 100) => readTopics(filterOf(filter), most);

describe('a filter', () => {
  it('asks for what it says is true and for the names it lists', () => {
    const filter = {
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: ['a:1', 'tools', 'a:1'],
    };
    expect(read(filter)).toEqual(new Set(['tools', 'resource a:1', 'resource tools']));
    expect(read({ taskIds: ['t'], resourcesListChanged: true })).toEqual(new Set(['task t', 'resources']));
    expect(read({})).toEqual(new Set());
  });

  it('does not ask for what nobody knows', () => {
    expect(read({ toolsListChanged: true, everything: true })).toEqual(new Set(['tools']));
  });

  it.each([
    [{ toolsListChanged: 'true' }, 'toolsListChanged'],
    [{ toolsListChanged: null }, 'toolsListChanged'],
    [{ resourceSubscriptions: 'a:1' }, 'resourceSubscriptions'],
    [{ resourceSubscriptions: ['a:1', 2] }, 'resourceSubscriptions'],
    [{ taskIds: ['1', '2', '3'] }, 'taskIds'],
  ])('with a wrong member names it: %j', (filter, wrong) => {
    expect(read(filter, 2)).toEqual({ wrong: expect.stringContaining(`${wrong} must be`) });
  });

  it('is written as it would be read', () => {
    const names = fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 });
    const filters = fc.record({
      toolsListChanged: fc.boolean(),
      promptsListChanged: fc.boolean(),
      resourcesListChanged: fc.boolean(),
      resourceSubscriptions: names,
      taskIds: names,
    });
    fc.assert(
      fc.property(filters, (filter) => {
        const topics = read(filter) as ReadonlySet<string>;
        expect(read(JSON.parse(writeTopics(topics)))).toEqual(topics);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a notification', () => {
  it.each([
    ['notifications/tools/list_changed', {}, 'tools'],
    ['notifications/prompts/list_changed', {}, 'prompts'],
    ['notifications/resources/list_changed', {}, 'resources'],
    ['notifications/resources/updated', { uri: 'a:1' }, 'resource a:1'],
    ['notifications/tasks', { taskId: 't' }, 'task t'],
    ['notifications/resources/updated', { uri: 1 }, undefined],
    ['notifications/message', { level: 'info' }, undefined],
    ['notifications/progress', { progressToken: 1 }, undefined],
  ])('%s with %j is about %s', (method, params, topic) => {
    expect(topicOf(notification(method, params))).toBe(topic);
  });
});

it('sets of topics are compared as sets', () => {
  expect(covers(new Set(['a', 'b']), new Set(['a']))).toBe(true);
  expect(covers(new Set(['a']), new Set(['a', 'b']))).toBe(false);
  expect(intersection(new Set(['a', 'b']), new Set(['b', 'c']))).toEqual(new Set(['b']));
});

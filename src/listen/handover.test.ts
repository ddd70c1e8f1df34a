import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Handover } from './handover.ts';

const BOTH = new Set(['tools', 'resource a', 'resource b']);

it('tells each event once, in whatever order two streams bring the same events', () => {
  const events = fc.array(fc.constantFrom('tools', 'resource a', 'resource b'), { maxLength: 20 });
  fc.assert(
    fc.property(events, fc.array(fc.boolean(), { maxLength: 60 }), (sequence, turns) => {
      const handover = new Handover(BOTH);
      const told: string[] = [];
      const streams = { old: [...sequence], new: [...sequence] };
      const step = (from: 'old' | 'new') => {
        const topic = streams[from].shift();
        if (topic !== undefined && handover.isFirst(topic, from)) told.push(topic);
      };
      for (const turn of turns) step(turn ? 'old' : 'new');
      while (streams.old.length > 0) step('old');
      while (streams.new.length > 0) step('new');
      expect(handover.isLevel).toBe(true);
      expect(told.sort()).toEqual([...sequence].sort());
    }),
  );
});

it('tells what only one stream brings, and waits for no other', () => {
  const handover = new Handover(BOTH);
  expect(['x', 'x', 'y'].map((topic) => handover.isFirst(topic, 'new'))).toEqual([true, true, true]);
  expect(['z', 'z'].map((topic) => handover.isFirst(topic, 'old'))).toEqual([true, true]);
  expect(handover.isLevel).toBe(true);
});

it('counts a sub-resource where both tell of the resource it lies in', () => {
  const handover = new Handover(BOTH);
  expect(handover.isFirst('resource a/b', 'old')).toBe(true);
  expect(handover.isFirst('resource a/b', 'new')).toBe(false);
  expect(handover.isLevel).toBe(true);
});

it('is not level while one stream is ahead of the other', () => {
  const handover = new Handover(BOTH);
  handover.isFirst('tools', 'old');
  expect(handover.isLevel).toBe(false);
  handover.isFirst('resource a', 'new');
  handover.isFirst('tools', 'new');
  expect(handover.isLevel).toBe(false);
  handover.isFirst('resource a', 'old');
  expect(handover.isLevel).toBe(true);
});

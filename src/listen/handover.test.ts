import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Handover } from './handover.ts';

it('tells each event once, in whatever order two streams bring the same events', () => {
  const events = fc.array(fc.constantFrom('tools', 'resource a', 'resource b'), { maxLength: 20 });
  fc.assert(
    fc.property(events, fc.array(fc.boolean(), { maxLength: 60 }), (sequence, turns) => {
      const handover = new Handover();
      const told: string[] = [];
      const streams = { old: [...sequence], new: [...sequence] };
      const step = (from: 'old' | 'new') => {
        const topic = streams[from].shift();
        if (topic !== undefined && handover.isFirst(topic, from)) told.push(topic);
      };
      for (const turn of turns) step(turn ? 'old' : 'new');
      while (streams.old.length > 0) step('old');
      while (streams.new.length > 0) step('new');
      expect(told.sort()).toEqual([...sequence].sort());
    }),
  );
});

it('tells what only one stream brings', () => {
  const handover = new Handover();
  expect(['a', 'a', 'b'].map((topic) => handover.isFirst(topic, 'new'))).toEqual([true, true, true]);
  expect(['c', 'c'].map((topic) => handover.isFirst(topic, 'old'))).toEqual([true, true]);
});

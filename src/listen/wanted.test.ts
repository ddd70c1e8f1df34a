import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Wanted } from './wanted.ts';

const filters = fc.array(fc.uniqueArray(fc.constantFrom('tools', 'resource a', 'resource b', 'resource long')), {
  maxLength: 8,
});

it('is what those who have not left want', () => {
  fc.assert(
    fc.property(filters, filters, (stay, leave) => {
      const wanted = new Wanted();
      for (const topics of [...stay, ...leave]) wanted.add(new Set(topics));
      for (const topics of leave) wanted.remove(new Set(topics));
      const left = new Set(stay.flat());
      expect(wanted.topics()).toEqual(left);
      const text = [...left].join('').length;
      expect(wanted.hasRoomFor(new Set(), left.size, text)).toBe(true);
      expect(wanted.hasRoomFor(left, left.size, text)).toBe(true);
      expect(wanted.hasRoomFor(new Set(['new']), left.size, text + 3)).toBe(false);
      expect(wanted.hasRoomFor(new Set(['new']), left.size + 1, text + 2)).toBe(false);
      expect(wanted.hasRoomFor(new Set(['new']), left.size + 1, text + 3)).toBe(true);
    }),
  );
});

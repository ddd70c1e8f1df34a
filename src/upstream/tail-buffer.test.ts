import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TailBuffer } from './tail-buffer.ts';

it('keeps the last bytes of a stream, however it came', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.array(fc.string({ maxLength: 60 })), (capacity, chunks) => {
      const tail = new TailBuffer(capacity);
      for (const chunk of chunks) tail.push(Buffer.from(chunk));
      const all = Buffer.from(chunks.join(''));
      expect(tail.read().equals(all.subarray(Math.max(0, all.length - capacity)))).toBe(true);
    }),
  );
});

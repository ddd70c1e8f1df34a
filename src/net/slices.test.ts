import { describe, expect, it } from 'vitest';
import { inSlices, type Steps } from './slices.ts';

function* until(done: () => boolean): Steps<string> {
  while (!done()) yield;
  return 'done';
}

describe('long work in slices', () => {
  it('lets the event loop turn before it is done', async () => {
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    await expect(inSlices(until(() => turned))).resolves.toBe('done');
  });

  it('rejects with what the work throws', async () => {
    const failing = until(() => {
      throw new Error('torn page');
    });
    await expect(inSlices(failing)).rejects.toThrow('torn page');
  });
});

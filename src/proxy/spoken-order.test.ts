import { describe, expect, it } from 'vitest';
import { SpokenOrder } from './spoken-order.ts';

function order() {
  const said: string[] = [];
  const thrown: unknown[] = [];
  const line = new SpokenOrder(
    () => said.push('free'),
    (error) => thrown.push(error),
  );
  return { line, said, thrown, say: (word: string) => () => void said.push(word) };
}

describe('what a server says', () => {
  it('is said at once while nothing waits', () => {
    const { line, said, say } = order();
    line.add(1, say('a'));
    expect([said, line.isHeld]).toEqual([['a', 'free'], false]);
  });

  it('waits for what came before it and is not decided, however many of those there are', () => {
    const { line, said, say } = order();
    const first = line.reserve(1);
    line.add(1, say('b'));
    const third = line.reserve(1);
    line.add(1, say('d'));
    third(say('c'));
    expect([said, line.isHeld]).toEqual([[], true]);
    first(say('a'));
    expect([said, line.isHeld]).toEqual([['a', 'b', 'c', 'd', 'free'], false]);
  });

  it('comes last when it comes while something is being said', () => {
    const { line, said, say } = order();
    const first = line.reserve(1);
    line.add(1, say('b'));
    first(() => {
      said.push('a');
      line.add(1, say('c'));
    });
    expect(said).toEqual(['a', 'b', 'c', 'free']);
  });

  it('does not keep the rest back by failing', () => {
    const { line, said, thrown, say } = order();
    const first = line.reserve(1);
    line.add(1, say('b'));
    first(() => {
      throw new Error('no');
    });
    expect([said, thrown]).toEqual([['b', 'free'], [new Error('no')]]);
  });

  it('has room for so many bytes, which it gets back', () => {
    const { line, say } = order();
    const first = line.reserve(1);
    line.add(1_048_574, say('b'));
    expect(line.isFull).toBe(false);
    line.add(1, say('c'));
    expect(line.isFull).toBe(true);
    first(say('a'));
    expect(line.isFull).toBe(false);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeepAlive } from './keep-alive.ts';

class Beats {
  count = 0;

  beat(): void {
    this.count += 1;
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

describe('keep-alive', () => {
  it('beats for everything that is open, once an interval', () => {
    const keepAlive = new KeepAlive(15_000);
    const [one, two] = [new Beats(), new Beats()];
    keepAlive.add(one);
    keepAlive.add(two);
    keepAlive.start();
    vi.advanceTimersByTime(14_999);
    expect([one.count, two.count]).toEqual([0, 0]);
    vi.advanceTimersByTime(15_001);
    expect([one.count, two.count]).toEqual([2, 2]);
  });

  it('beats no longer for what is over, nor after its own stop', () => {
    const keepAlive = new KeepAlive(1_000);
    const [over, open] = [new Beats(), new Beats()];
    keepAlive.add(over);
    keepAlive.add(open);
    keepAlive.start();
    keepAlive.remove(over);
    vi.advanceTimersByTime(1_000);
    keepAlive.stop();
    vi.advanceTimersByTime(10_000);
    expect([over.count, open.count]).toEqual([0, 1]);
  });

  it('has one timer however often it is started', () => {
    const keepAlive = new KeepAlive(1_000);
    const open = new Beats();
    keepAlive.add(open);
    keepAlive.start();
    keepAlive.start();
    vi.advanceTimersByTime(1_000);
    expect(open.count).toBe(1);
    keepAlive.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('bears that a stream ends during a beat', () => {
    const keepAlive = new KeepAlive(1_000);
    const after = new Beats();
    keepAlive.add({ beat: () => keepAlive.remove(after) });
    keepAlive.add(after);
    keepAlive.start();
    vi.advanceTimersByTime(1_000);
    expect(after.count).toBe(0);
    keepAlive.stop();
  });
});

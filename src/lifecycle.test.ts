import { describe, expect, it } from 'vitest';
import { type LogLine, recordingLog } from '../test/support/lane-calls.ts';
import { type Component, Lifecycle } from './lifecycle.ts';

function house(...components: readonly (Partial<Component> & { readonly name: string })[]) {
  const order: string[] = [];
  const lines: LogLine[] = [];
  const parts = components.map(({ name, start, stop }) => ({
    name,
    start: async () => {
      await start?.();
      order.push(`+${name}`);
    },
    stop: async (deadline: AbortSignal) => {
      order.push(`-${name}`);
      await stop?.(deadline);
    },
  }));
  return { order, lines, lifecycle: new Lifecycle(parts, recordingLog(lines)) };
}

const broken = (): Promise<void> => Promise.reject(new Error('port in use'));

describe('the components of a gateway', () => {
  it('start in order and stop in the reverse one', async () => {
    const { order, lifecycle } = house({ name: 'record' }, { name: 'calls' }, { name: 'listeners' });
    await lifecycle.start();
    await lifecycle.stop(1_000);
    expect(order).toEqual(['+record', '+calls', '+listeners', '-listeners', '-calls', '-record']);
  });

  it('that started are stopped again when one cannot, and the reason is told', async () => {
    const { order, lifecycle } = house({ name: 'record' }, { name: 'calls' }, { name: 'listeners', start: broken });
    await expect(lifecycle.start()).rejects.toThrow('port in use');
    expect(order).toEqual(['+record', '+calls', '-calls', '-record']);
  });

  it('stop once, however often that is asked', async () => {
    const { order, lifecycle } = house({ name: 'record' });
    await lifecycle.start();
    await Promise.all([lifecycle.stop(1_000), lifecycle.stop(1_000)]);
    await lifecycle.stop(1_000);
    expect(order).toEqual(['+record', '-record']);
  });

  it('stop though one of them fails to, and the operator hears of it', async () => {
    const { order, lines, lifecycle } = house({ name: 'record' }, { name: 'calls', stop: broken });
    await lifecycle.start();
    await lifecycle.stop(1_000);
    expect(order).toEqual(['+record', '+calls', '-calls', '-record']);
    expect(lines).toMatchObject([{ level: 'error', fields: { component: 'calls' } }]);
  });

  it('share one deadline, after which each cuts what is left', async () => {
    const seen: AbortSignal[] = [];
    const cut = (deadline: AbortSignal): Promise<void> => {
      seen.push(deadline);
      return new Promise((resolve) => {
        if (deadline.aborted) resolve();
        else deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    };
    const { order, lifecycle } = house({ name: 'record', stop: cut }, { name: 'calls', stop: cut });
    await lifecycle.start();
    await lifecycle.stop(1);
    expect(order.slice(-2)).toEqual(['-calls', '-record']);
    expect(seen[0]).toBe(seen[1]);
  });

  it('that never started need not be stopped', async () => {
    const { order, lifecycle } = house({ name: 'record' });
    await lifecycle.stop(1_000);
    expect(order).toEqual([]);
  });
});

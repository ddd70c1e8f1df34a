import { afterEach, describe, expect, it } from 'vitest';
import { folderWith } from '../../test/fixtures/config/folder.ts';
import { serve } from './serve.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const;
type Listener = (signal: NodeJS.Signals) => void;

const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
const added = (signal: (typeof SIGNALS)[number]) =>
  process.listeners(signal).filter((listener) => !before.get(signal)?.includes(listener)) as Listener[];

afterEach(() => {
  for (const signal of SIGNALS) for (const listener of added(signal)) process.off(signal, listener);
});

describe('a gateway that says it is ready', () => {
  it('hears every signal already, for one that nobody listens to ends the process', async () => {
    const cwd = folderWith({
      'sallyport.yaml': 'server: { port: 0 }\nadmin: { enabled: false }\nlog: { level: error }\n',
    });
    const heard: number[] = [];
    const terminal = { env: {}, cwd, isTerminal: false, logFormat: 'json', complain: () => {} } as const;
    const print = (): void => {
      heard.push(...SIGNALS.map((signal) => added(signal).length));
      queueMicrotask(() => added('SIGTERM').at(-1)?.('SIGTERM'));
    };
    const code = await serve({ file: undefined, flags: {}, command: [] }, { ...terminal, print });
    expect([code, heard]).toEqual([0, [1, 1, 1, 1]]);
  });
});

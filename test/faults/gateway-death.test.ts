import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { descendants, expectGone, isAlive, type ProcessInfo } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { type Session, toolValue } from './talk.ts';

let gate: Gate;
let family: ProcessInfo[];
let session: Session;

/** Children of every kind: polite ones, one that ignores stdin and SIGTERM and has a child of its own, one that never spoke. */
beforeEach(async () => {
  const mcps = [
    script('polite', ['server.mjs', 'modern']),
    script('stubborn', ['server.mjs', 'legacy', 'fork', 'stubborn']),
    { id: 'deaf', transport: 'stdio', command: 'sleep', args: ['1000'] },
  ];
  gate = await Gate.start(mcps, { server: { limits: { shutdown_timeout_ms: 500 } } });
  toolValue(await gate.caller('polite').tool(1, 'identity'));
  session = await gate.caller('stubborn').open();
  toolValue(await session.tool(1, 'identity'));
  const waiting = [gate.caller('deaf').initialize(), gate.caller('polite').tool(1, 'hang'), session.tool(2, 'hang')];
  for (const call of waiting) call.catch(() => {});
  family = await until(() => {
    const found = descendants(gate.gateway.pid).filter(({ command }) => /server\.mjs|sleep 1000/.test(command));
    return found.length === 4 && found;
  }, 'three children and a grandchild run');
});

afterEach(async () => {
  await gate.gateway.kill();
  // What a failed test left behind is not left to the next one.
  for (const { pid } of family) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
});

describe('when the gateway ends', () => {
  it('by kill -9, no process is left', async () => {
    await gate.gateway.kill();
    await expectGone(family);
  });

  it('by SIGTERM, no process is left and it exits with 0', async () => {
    expect(await gate.gateway.stop()).toEqual({ code: 0, signal: null });
    await expectGone(family, 1_000);
  });
});

describe('when the last child ends', () => {
  it('the gateway has no process under it, whatever it keeps for their sake', async () => {
    for (const { pid, parent } of family) if (parent === gate.gateway.pid) process.kill(pid, 'SIGKILL');
    await expectGone(family);
    await gate.childless();
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { descendants } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { Gate } from './gate.ts';

const CRASH_LOOP = 50_303;
const CYCLES = 240;
const AT_ONCE = 8;
/** How many connections more or less the callers may happen to keep open. One left behind by each child would be many more. */
const CONNECTIONS = 2 * AT_ONCE;
/** What the gateway may hold more after so many: far less than a leak of one buffer a cycle. */
const ROOM_KB = 60 * 1024;
const TINY = fileURLToPath(new URL('../support/children/tiny.sh', import.meta.url));

let folder: string;
let starts: string;
let gate: Gate;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-cycles-'));
  starts = join(folder, 'starts');
  const shell = { transport: 'stdio', era: 'legacy', command: '/bin/sh' };
  gate = await Gate.start([
    { id: 'tiny', ...shell, args: [TINY], limits: { spawns_per_minute: 100_000 } },
    { id: 'doomed', ...shell, args: ['-c', `echo x >> ${starts}; exit 1`], restart: { backoff_ms: 50 } },
  ]);
});
afterAll(async () => {
  await gate.stop();
  rmSync(folder, { recursive: true });
});

async function cycle(): Promise<void> {
  const session = await gate.caller('tiny').open();
  expect((await session.tool('mine', 'pid')).last).toMatchObject({ id: 'mine', result: {} });
  await session.end();
}

/** Each of a few lanes goes round as often as its share. */
async function cycles(count: number): Promise<void> {
  const lane = async () => {
    for (let round = 0; round < count / AT_ONCE; round++) await cycle();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

const children = () =>
  descendants(gate.gateway.pid).filter(({ command, state }) => state === 'Z' || /tiny|sleep/.test(command));
const residentKb = () =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${gate.gateway.pid}/status`, 'utf8'))?.[1]);

describe('children that come and go', () => {
  it(`${CYCLES} times, each with a child of its own, leave no process, descriptor or memory behind`, async () => {
    await cycles(5 * AT_ONCE);
    await until(() => children().length === 0, 'the first children are gone');
    const before = { descriptors: gate.descriptors(), resident: residentKb() };
    await cycles(CYCLES);
    await until(() => children().length === 0, 'no child, grandchild or zombie is left');
    const most = before.descriptors + CONNECTIONS;
    await until(() => gate.descriptors() <= most, `it holds no more than ${most} descriptors again`);
    expect(residentKb() - before.resident).toBeLessThan(ROOM_KB);
  }, 120_000);
});

describe('a child that exits at once', () => {
  it('is started a few times and no more, however many ask for it, and everybody is told when to come back', async () => {
    const doomed = gate.caller('doomed');
    const ask = (n: number) => doomed.initialize(`n${n}`);
    const few = await Promise.all([0, 1, 2, 3, 4].map(ask));
    const looping = await until(async () => {
      few.push(...(await Promise.all([0, 1, 2, 3, 4].map(ask))));
      return few.some(({ last }) => last.error?.code === CRASH_LOOP);
    }, 'the gateway takes it for a crash loop');
    expect(looping).toBe(true);
    const crowd = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(n)));
    expect(crowd.map(({ last }) => last.id)).toEqual(crowd.map((_, n) => `n${n}`));
    const refused = crowd.filter(({ status }) => status === 503);
    // One of a crowd may be the one that is let through to try.
    expect(refused.length).toBeGreaterThanOrEqual(39);
    for (const { headers } of refused) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    // Five came at once, before anything was known of it; then they are let through one by one, until it counts as a loop.
    expect(readFileSync(starts, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(18);
    const { stdout } = await gate.gateway.command('status', '--json');
    const { servers } = JSON.parse(stdout) as { servers: { id: string; state: string }[] };
    expect(servers.find(({ id }) => id === 'doomed')?.state).toBe('crash-loop');
  });
});

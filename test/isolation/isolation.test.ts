import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { within } from '../support/wait.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const TOKENS = Object.fromEntries(['ada', 'bob', 'cleo', 'dan'].map((name) => [name, `a-token-of-${name}-0123456789`]));
const ROOM = { pending_calls: 10_000 };

interface Report {
  readonly path: string;
  readonly wrong: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** Calls nobody waits for that the server was never told about. */
  readonly held: string | undefined;
  readonly seconds: number;
}

interface Group {
  readonly path: string;
  readonly era: 'legacy' | 'modern';
  readonly clients: number;
  readonly calls: number;
}

const servers: ChildProcess[] = [];
let gateway: Gateway;

async function httpServer(era: string): Promise<object> {
  const server = spawn(process.execPath, [here('server.mjs'), era, 'http'], { stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(server);
  const [port] = (await once(createInterface({ input: server.stdout! }), 'line')) as [string];
  return { id: `${era}-http`, transport: 'streamable-http', url: `http://127.0.0.1:${port}/mcp`, era, limits: ROOM };
}

function stdioServer(era: string): object {
  const command = { command: process.execPath, args: [here('server.mjs'), era] };
  return { id: `${era}-stdio`, transport: 'stdio', ...command, era, child: 'shared', limits: ROOM };
}

beforeAll(async () => {
  const tokens = Object.entries(TOKENS).map(([name, token]) => ({ name, token }));
  const mcps = [stdioServer('legacy'), stdioServer('modern'), await httpServer('legacy'), await httpServer('modern')];
  gateway = await startGateway({
    config: {
      auth: { methods: [{ type: 'token', tokens }] },
      sessions: { max_per_principal: 1_000 },
      streams: { max_per_principal: 1_000 },
      log: { level: 'error' },
      mcps,
    },
  });
});
afterAll(async () => {
  await gateway.stop();
  for (const server of servers) server.kill();
});

/** Lets the clients loose, in a process of their own. */
async function letLoose(groups: readonly Group[], seed: number): Promise<Report[]> {
  const crowd = fork(here('crowd.mjs'), { stdio: 'inherit' });
  try {
    crowd.send({ port: Number(new URL(gateway.url).port), groups, tokens: TOKENS, seed });
    const over = once(crowd, 'message') as Promise<[Report[]]>;
    const [reports] = await within(over, `every client has its answers (seed ${seed})`, 170_000);
    return reports;
  } finally {
    crowd.kill();
  }
}

/** What each kind of client must have done for its silence to mean anything. */
const DONE = {
  modern: ['progress', 'updates', 'subscriptions', 'forsaken'],
  legacy: ['progress', 'updates', 'sessions', 'streams', 'forsaken', 'vanished', 'left', 'pried', 'batches'],
} as const;

describe('clients who use the same ids, progress tokens and resources at once', () => {
  it.each([
    ['stdio', 200, 100_500],
    ['http', 60, 6_000],
  ])(
    'each get what is theirs and nothing else, from one server over %s',
    { timeout: 180_000 },
    async (transport, clients, calls) => {
      const seed = Date.now() % 2 ** 31;
      const eras = ['legacy', 'modern'] as const;
      const groups = eras.map((era) => ({ path: `/mcp/${era}-${transport}`, era, clients, calls }));
      const reports = await letLoose(groups, seed);
      const said = reports.map(
        ({ path, counts, seconds }) => `${path} ${seconds.toFixed(1)} s ${JSON.stringify(counts)}`,
      );
      console.info(`seed ${seed}\n${said.join('\n')}`);
      for (const [at, { wrong, counts, held }] of reports.entries()) {
        expect(wrong, `seed ${seed}`).toEqual([]);
        expect(counts.calls).toBeGreaterThanOrEqual(calls);
        expect(held, 'calls on hold that nobody waits for').toBe('0');
        for (const deed of DONE[eras[at]!]) expect(counts[deed], deed).toBeGreaterThan(0);
      }
    },
  );
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { within } from './wait.ts';

const entry = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist/index.js',
);

/** The command that runs the reference server over stdio. */
export const EVERYTHING_STDIO = { command: process.execPath, args: [entry, 'stdio'] } as const;

export interface RunningServer {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Its transports, by the word its command line takes, and the path and the words it says when it listens. */
const TRANSPORTS = {
  streamableHttp: { path: '/mcp', says: 'listening on port' },
  sse: { path: '/sse', says: 'running on port' },
} as const;

/** Runs the reference server over HTTP (legacy era only). It cannot take port 0, so a free port is looked up first. */
export async function startEverything(
  transport: keyof typeof TRANSPORTS = 'streamableHttp',
  attempts = 5,
): Promise<RunningServer> {
  const { path, says } = TRANSPORTS[transport];
  const port = await freePort();
  const child = spawn(process.execPath, [entry, transport], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const outcome = await within(listening(child, says), 'the everything server listens', 20_000);
  if (outcome !== undefined) {
    // Somebody took the port between the look-up and the start.
    if (attempts > 1 && outcome.includes('already in use')) return startEverything(transport, attempts - 1);
    throw new Error(`the everything server did not start: ${outcome}`);
  }
  return {
    url: `http://127.0.0.1:${port}${path}`,
    pid: child.pid as number,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Resolves with undefined once the server listens, or with what it said before it ended. */
function listening(child: ChildProcess, says: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(says)) resolve(undefined);
    });
    child.on('error', reject);
    child.on('close', () => resolve(said || 'it ended without a word'));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP port was given');
  return address.port;
}

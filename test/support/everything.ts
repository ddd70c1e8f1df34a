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

/** Runs the reference server over Streamable HTTP (legacy era only). It cannot take port 0, so a free port is looked up first. */
export async function startEverything(attempts = 5): Promise<RunningServer> {
  const port = await freePort();
  const child = spawn(process.execPath, [entry, 'streamableHttp'], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const outcome = await within(listening(child), 'the everything server listens', 20_000);
  if (outcome !== undefined) {
    // Somebody took the port between the look-up and the start.
    if (attempts > 1 && outcome.includes('already in use')) return startEverything(attempts - 1);
    throw new Error(`the everything server did not start: ${outcome}`);
  }
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    pid: child.pid as number,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Resolves with undefined once the server listens, or with what it said before it ended. */
function listening(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on port')) resolve(undefined);
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

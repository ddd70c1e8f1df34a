import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startGateway } from '../support/gateway.ts';
import { within } from '../support/wait.ts';

const file = (name: string) => fileURLToPath(new URL(`server/${name}`, import.meta.url));

/** Where the suites are pointed at. */
export interface Target {
  readonly url: string;
  stop(): Promise<unknown>;
}

/** The conformance server itself. */
export async function direct(): Promise<Target> {
  const child = spawn(process.execPath, [file('main-http.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const [url] = (await within(once(lines, 'line'), 'the conformance server listens')) as [string];
  return {
    url,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

/** The gateway in front of the server's HTTP side at `url`. */
export function throughHttp(url: string): Promise<Target> {
  return gatewayBefore({ id: 'conformance', transport: 'streamable-http', url });
}

/** The gateway in front of the server as a program it starts. */
export function throughStdio(): Promise<Target> {
  return gatewayBefore({
    id: 'conformance',
    transport: 'stdio',
    command: process.execPath,
    args: [file('main-stdio.mjs')],
    // The suites open a session for each scenario and leave most of them open, each with a child of its own.
    limits: { children: 200, spawns_per_minute: 600 },
  });
}

async function gatewayBefore(server: object): Promise<Target> {
  // The suites bring no credential.
  const auth = { enabled: false, anonymous: { roles: ['user'] } };
  // An answer that takes twice as long gets a stream, which the suite wants to see resumed.
  const streams = { keep_alive_ms: 50 };
  const gateway = await startGateway({
    config: { auth, streams, mcps: [{ ...server, extensions: ['io.modelcontextprotocol/tasks'] }] },
  });
  return { url: `${gateway.url}/mcp/conformance`, stop: () => gateway.stop() };
}

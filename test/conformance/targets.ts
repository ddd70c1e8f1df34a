import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startGateway } from '../support/gateway.ts';
import { within } from '../support/wait.ts';

const file = (name: string) => fileURLToPath(new URL(`server/${name}`, import.meta.url));

/** Where the suites are pointed at. */
export interface Target {
  readonly name: string;
  readonly url: string;
  stop(): Promise<unknown>;
}

/** The conformance server itself. */
export async function direct(): Promise<Target> {
  const child = spawn(process.execPath, [file('main-http.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const [url] = (await within(once(lines, 'line'), 'the conformance server listens')) as [string];
  return {
    name: 'directly',
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
  return gatewayBefore('over HTTP', { id: 'conformance', transport: 'streamable-http', url });
}

/** The gateway in front of the server as a program it starts. */
export function throughStdio(): Promise<Target> {
  const server = {
    id: 'conformance',
    transport: 'stdio',
    command: process.execPath,
    args: [file('main-stdio.mjs')],
    // The suites open a session for each scenario and leave most of them open, each with a child of its own.
    limits: { children: 200, spawns_per_minute: 600 },
  };
  // An answer that takes more than twice as long comes on a stream, which the suites want to see. Shorter, and a refusal on a
  // busy machine would come on one too, without its HTTP status.
  return gatewayBefore('over stdio', server, { streams: { keep_alive_ms: 1_000 } });
}

async function gatewayBefore(name: string, server: object, settings: object = {}): Promise<Target> {
  // The suites bring no credential.
  const auth = { enabled: false, anonymous: { roles: ['user'] } };
  const mcps = [{ ...server, extensions: ['io.modelcontextprotocol/tasks'] }];
  const gateway = await startGateway({ config: { auth, ...settings, mcps } });
  return { name, url: `${gateway.url}/mcp/conformance`, stop: () => gateway.stop() };
}

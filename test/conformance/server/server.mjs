// The server the official suites are run against: every tool, prompt and resource they call by name, on the official SDK.
// One factory for both eras and both transports.
import { randomBytes } from 'node:crypto';
import { createRequestStateCodec, McpServer } from '@modelcontextprotocol/server';
import { registerAskingTools } from './asking.mjs';
import { registerContentTools } from './content.mjs';
import { registerResourcesAndPrompts } from './lists.mjs';
import { registerRoundTrips } from './round-trips.mjs';
import { registerTasks, TASKS } from './tasks.mjs';

/** What all server objects of one process share: HTTP makes a new server object for each modern request. */
export class World {
  /** Seals `requestState`; the next round of a call may meet another server object. */
  seal = createRequestStateCodec({ key: randomBytes(32) });
  /** Task id → task. */
  tasks = new Map();
  #listeners = new Set();

  /** `listener` hears `tools` or `prompts` when a tool was asked to announce that change. Returns the function that ends it. */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  announce(list) {
    for (const listener of this.#listeners) listener(list);
  }
}

/** @returns a server object that is not yet connected. */
export function createConformanceServer(world) {
  const server = new McpServer(
    { name: 'sallyport-conformance', version: '1.0.0' },
    {
      capabilities: {
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        logging: {},
        completions: {},
        extensions: { [TASKS]: {} },
      },
      requestState: { verify: world.seal.verify },
    },
  );
  registerTasks(server, world.tasks);
  registerContentTools(server, world);
  registerAskingTools(server);
  registerRoundTrips(server, world.seal);
  registerResourcesAndPrompts(server);
  return server;
}

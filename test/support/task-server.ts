import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { TaskServer } from './task-server/tasks.mjs';

/** The command that runs the task server over stdio. */
export const TASKS_STDIO = {
  command: process.execPath,
  args: [fileURLToPath(new URL('./task-server/main-stdio.mjs', import.meta.url))],
};

export interface RunningTasks {
  readonly url: string;
  /** Messages as they came, with the `Mcp-Name` header each had. */
  readonly received: { readonly method: string; readonly name: string | undefined; readonly params: Params }[];
  stop(): Promise<void>;
}

type Params = Readonly<Record<string, unknown>> | undefined;

/** The task server over Streamable HTTP, on a free port of 127.0.0.1. */
export async function startTasks(): Promise<RunningTasks> {
  const tasks = new TaskServer();
  const received: RunningTasks['received'] = [];
  const server = createServer(async (request, response) => {
    const message = JSON.parse((await buffer(request)).toString());
    const at = request.rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'mcp-name');
    received.push({ method: message.method, name: request.rawHeaders[at + 1], params: message.params });
    const answer = tasks.handle(message, (pushed) => write(response, pushed));
    if (message.method === 'subscriptions/listen') response.on('close', () => tasks.gone(message.id));
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    received,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function write(response: ServerResponse, message: object): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify(message)}\n\n`);
}

// Other bridges from stdio to HTTP, before the stdio server that the gateway has too. They live in a folder of their own, with a
// lock of their own, and are no part of the gateway. None of them asks who calls, judges a call or records one.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startGateway } from './contenders.mjs';
import { adopt, freePort, MEASURED, onProcessor, untilListening } from './process.mjs';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const SERVER = here('stdio-upstream.mjs');
const PEERS = here('peers/node_modules');

const ARGUMENTS = {
  'mcp-proxy': (port) => ['--port', port, '--host', '127.0.0.1', '--server', 'stream', '--', process.execPath, SERVER],
  supergateway: (port) => [
    ...['--stdio', `${process.execPath} ${SERVER}`, '--outputTransport', 'streamableHttp', '--stateful'],
    ...['--port', port, '--logLevel', 'none'],
  ],
};

export const BRIDGES = Object.keys(ARGUMENTS);
export const isInstalled = (name) => existsSync(`${PEERS}/${name}/package.json`);

/** Such as `mcp-proxy/6.7.19`. */
export const version = (name) => `${name}/${JSON.parse(readFileSync(`${PEERS}/${name}/package.json`, 'utf8')).version}`;

/** @param name one of `BRIDGES` */
export async function startBridge(name) {
  const { bin } = JSON.parse(readFileSync(`${PEERS}/${name}/package.json`, 'utf8'));
  const script = `${PEERS}/${name}/${bin[name]}`;
  const port = await freePort();
  const [program, ...args] = onProcessor(MEASURED, [process.execPath, script, ...ARGUMENTS[name](String(port))]);
  const child = spawn(program, args, { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'pipe'] });
  const handle = adopt(child, name);
  await untilListening(port, handle);
  return { name, process: handle, target: { port, paths: { legacy: '/mcp' } } };
}

/** The gateway before the same stdio server: one process of it for everybody, as the bridges have. */
export async function startStdioGateway(layers, build) {
  const server = { id: 'stdio', transport: 'stdio', command: process.execPath, args: [SERVER], child: 'shared' };
  const gateway = await startGateway(layers, undefined, { build, servers: [{ ...server, era: 'legacy' }] });
  return { ...gateway, target: { ...gateway.target, paths: { legacy: '/mcp/stdio' } } };
}

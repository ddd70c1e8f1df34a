import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Settings laid under everything else when nothing is configured: the demo server that ships here. */
export function demoOverlay(): unknown {
  const main = fileURLToPath(new URL('../../servers/demo/main.js', import.meta.url));
  const description = 'the bundled demo server: convert_time, hash_text, compare_text';
  return { mcps: [{ id: 'demo', description, transport: 'stdio', command: process.execPath, args: [main] }] };
}

/** Settings for `sallyport -- COMMAND ARGS`: that program as the only server. */
export function commandOverlay(command: readonly string[]): unknown {
  const [program = '', ...args] = command;
  return {
    mcps: [{ id: idOf(command), description: program, transport: 'stdio', command: program, args }],
  };
}

const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** Programs that run other programs: what they run gives the better name. */
const RUNNERS = new Set(['npx', 'node', 'bunx', 'bun', 'uvx', 'uv', 'deno', 'python', 'python3', 'env', 'docker']);

/** A name for the route: the package or script that is run, as far as it makes an id. */
function idOf(command: readonly string[]): string {
  const [program = '', ...args] = command;
  const runner = RUNNERS.has(basename(program));
  const subject = runner ? (args.find((argument) => !argument.startsWith('-')) ?? program) : program;
  const name = basename(subject)
    .toLowerCase()
    .replace(/@[^/]*$/, '')
    .replace(/\.(?:m?js|cjs|ts|py|sh)$/, '')
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 63);
  return ID.test(name) && name !== 'servers' ? name : 'server';
}

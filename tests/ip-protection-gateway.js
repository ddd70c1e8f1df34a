// A gateway as a user starts it: the compiled command line, a .env in its working folder, environment variables.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** The compiled command line, as an installed package has it. */
export const CLI = join(ROOT, 'dist/src/cli/main.js');
const TOKEN = randomBytes(24).toString('base64url');
/** Of this machine, and trusted: what it says of others is believed. */
export const PROXY = '127.0.0.2';
/** Of this machine, and not trusted. */
export const STRANGER = '127.0.0.7';
const DEADLINE_MS = 20_000;

const folders = [];
const running = [];

/** @param extra real environment variables, beside what every process needs */
function environment(stateDir, extra = {}) {
  const { PATH, TWENTY_API_KEY } = process.env;
  return {
    PATH,
    HOME: stateDir,
    SALLYPORT_STATE_DIR: stateDir,
    ...(TWENTY_API_KEY ? { TWENTY_API_KEY } : {}),
    ...extra,
  };
}

function newFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-ip-'));
  folders.push(folder);
  return folder;
}

export class Gateway {
  url = '';
  #child;
  #folder;
  #output = '';

  /** @param dotenv the .env in its working folder; undefined: none */
  static async start(dotenv, extra = {}) {
    const gateway = new Gateway();
    gateway.#folder = newFolder();
    if (dotenv !== undefined) gateway.write(dotenv);
    const child = spawn(process.execPath, [CLI], {
      cwd: gateway.#folder,
      env: environment(join(gateway.#folder, 'state'), {
        PORT: '0',
        SALLYPORT_ADMIN_ENABLED: 'false',
        SALLYPORT_READY_FD: '3',
        AUTH_TOKEN: TOKEN,
        ...extra,
      }),
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    gateway.#child = child;
    running.push(child);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (gateway.#output += chunk));
    const ended = once(child, 'close').then(() => {
      throw new Error(`the gateway ended before it was ready:\n${gateway.#output}`);
    });
    ended.catch(() => {}); // once it is ready, its end is no failure
    const [line] = await Promise.race([once(child.stdio[3], 'data'), ended]);
    gateway.url = JSON.parse(String(line).split('\n')[0]).url;
    return gateway;
  }

  write(dotenv) {
    writeFileSync(join(this.#folder, '.env'), dotenv, { mode: 0o600 });
  }

  /** Another .env, read again as after `kill -HUP`. */
  async use(dotenv) {
    this.write(dotenv);
    const before = this.#output.length;
    this.#child.kill('SIGHUP');
    await this.#says(/configuration (?:was not )?reloaded/, before);
  }

  #says(pattern, from) {
    return new Promise((resolve, reject) => {
      const streams = [this.#child.stdout, this.#child.stderr];
      const done = (settle, value) => {
        clearTimeout(timer);
        for (const stream of streams) stream.off('data', look);
        settle(value);
      };
      const look = () => pattern.test(this.#output.slice(from)) && done(resolve);
      const timer = setTimeout(
        () => done(reject, new Error(`it never said ${pattern}:\n${this.#output}`)),
        DEADLINE_MS,
      );
      for (const stream of streams) stream.on('data', look);
      look();
    });
  }

  /** @param from an address of this machine, which connects itself; any other comes through the proxy */
  ask(from, { method = 'GET', path = '/health', proxy = PROXY } = {}) {
    const isHere = from.startsWith('127.');
    const forwarded = isHere && proxy === PROXY ? {} : { 'X-Forwarded-For': from };
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'ip-suite', version: '1' } },
    });
    const sends = method === 'POST';
    const headers = {
      Authorization: `Bearer ${TOKEN}`,
      ...forwarded,
      ...(sends ? { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' } : {}),
    };
    const localAddress = isHere && proxy === PROXY ? from : proxy;
    return new Promise((resolve, reject) => {
      const call = request(`${this.url}${path}`, { method, localAddress, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode, text }));
      });
      call.setTimeout(DEADLINE_MS, () => call.destroy(new Error('no answer')));
      call.on('error', reject).end(sends ? body : undefined);
    });
  }
}

/** `sallyport check` judges as a start does, without one. */
export async function check(dotenv) {
  const folder = newFolder();
  writeFileSync(join(folder, '.env'), dotenv, { mode: 0o600 });
  const child = spawn(process.execPath, [CLI, 'check'], {
    cwd: folder,
    env: environment(join(folder, 'state')),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.push(child);
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const [code] = await once(child, 'close');
  return { code, said };
}

/** Ends what was started, and leaves nothing behind. */
export async function cleanUp() {
  await Promise.all(
    running.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'close');
      child.kill('SIGTERM');
      await gone;
    }),
  );
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

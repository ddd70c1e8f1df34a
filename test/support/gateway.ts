import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { until, within } from './wait.ts';

/** The compiled command line, as an installed package has it. */
export const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface GatewayOptions {
  /**
   * The configuration: settings, or YAML. Ports that are not given are 0. Written to a 0600 file in a folder of its own.
   * Absent: the gateway is started without `--config`.
   */
  readonly config?: object | string;
  /** A configuration file to be used as it is. */
  readonly configFile?: string;
  /** Command-line arguments in place of `serve`, such as `['--', 'node', 'server.mjs']`; added after it when they begin with `--` and a name. */
  readonly args?: readonly string[];
  /** Environment of the gateway, beside PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  /** A state folder that outlives the gateway. Absent: one of its own, removed by `stop`. */
  readonly stateDir?: string;
  readonly startTimeoutMs?: number;
}

/** A line of the audit file. Field names are those of `src/audit/record.ts`. */
export type AuditLine = Record<string, unknown> & { readonly type: string };

export interface TokenOptions {
  /** Default: what the command line gives, `user`. */
  readonly roles?: readonly string[];
  /** The only servers the token opens. */
  readonly servers?: readonly string[];
  readonly expires?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Gateway {
  /** `http://127.0.0.1:PORT`, without a path. */
  readonly url: string;
  /** Undefined when the admin listener is off. */
  readonly adminUrl: string | undefined;
  readonly pid: number;
  readonly stateDir: string;
  /** Makes a token through `sallyport token create`, as an operator does, and returns its secret. */
  token(name: string, options?: TokenOptions): Promise<string>;
  /** Runs another command of the command line against this gateway's state folder. */
  command(...args: string[]): Promise<CommandResult>;
  /** Every line of the audit file so far, parsed. */
  audit(): AuditLine[];
  /** Resolves with the first audit line that matches; fails after 10 s. */
  audited(matches: (line: AuditLine) => boolean, what: string): Promise<AuditLine>;
  stdout(): string;
  stderr(): string;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  /** SIGTERM, as a service manager does; resolves when the gateway is gone and its folders are removed. */
  stop(): Promise<Exit>;
  /** `kill -9`. The state folder stays if it was given. */
  kill(): Promise<Exit>;
}

/** Starts the compiled gateway and waits until it says it is ready. @throws with its output when it ends before that. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  const stateDir = options.stateDir ?? join(folder, 'state');
  const child = spawn(process.execPath, [CLI, ...argumentsOf(options, folder)], {
    cwd: folder,
    env: { ...baseEnvironment(stateDir), SALLYPORT_READY_FD: '3', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const running = new RunningGateway(child, folder, stateDir);
  try {
    await running.ready(options.startTimeoutMs ?? 20_000);
    return running;
  } catch (error) {
    await running.kill();
    throw error;
  }
}

function argumentsOf(options: GatewayOptions, folder: string): string[] {
  const config = options.configFile ?? (options.config === undefined ? undefined : writeConfig(options.config, folder));
  const named = config === undefined ? [] : ['--config', config];
  const args = options.args ?? [];
  // `--` starts the command form, which has no `serve`; a bare word is another command.
  if (args[0] === '--' || (args[0] !== undefined && !args[0].startsWith('-'))) return [...named, ...args];
  return ['serve', ...named, ...args];
}

/** Writes the configuration with port 0 wherever a port is not given, so that gateways of parallel tests never meet. */
function writeConfig(config: object | string, folder: string): string {
  const settings = (typeof config === 'string' ? parse(config) : structuredClone(config)) as Record<string, object>;
  const free = {
    ...settings,
    server: { host: '127.0.0.1', port: 0, ...settings.server },
    admin: { port: 0, ...settings.admin },
  };
  const file = join(folder, 'sallyport.yaml');
  writeFileSync(file, stringify(free), { mode: 0o600 });
  return file;
}

/** Nothing of the developer's own settings may reach the gateway under test. */
function baseEnvironment(stateDir: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: stateDir, SALLYPORT_STATE_DIR: stateDir };
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command of the compiled command line to its end. Never rejects because of its exit code. */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const running = promisify(execFile)(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, ...env } });
  const { child } = running;
  child.stdin?.end();
  return running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code?: number; stdout?: string; stderr?: string }) => ({
      code: typeof error.code === 'number' ? error.code : -1,
      stdout: error.stdout ?? '',
      stderr: error.stderr ?? String(error),
    }),
  );
}

class RunningGateway implements Gateway {
  url = '';
  adminUrl: string | undefined;
  readonly pid: number;
  readonly stateDir: string;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #stdout = '';
  #stderr = '';

  constructor(child: ChildProcess, folder: string, stateDir: string) {
    this.#child = child;
    this.#folder = folder;
    this.pid = child.pid ?? -1;
    this.stateDir = stateDir;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.exited = once(child, 'close').then(([code, signal]) => ({ code, signal }) as Exit);
  }

  /** The gateway writes one JSON line to descriptor 3: {"url","admin_url","pid","state_dir"}. */
  async ready(timeoutMs: number): Promise<void> {
    const line = firstLine(this.#child.stdio[3] as Readable);
    const ended = this.exited.then(({ code, signal }) => {
      throw new Error(`the gateway ended before it was ready (${code ?? signal}):\n${this.#stdout}${this.#stderr}`);
    });
    ended.catch(() => {}); // once it is ready, its end is no failure
    const said = await within(Promise.race([line, ended]), 'the gateway is ready', timeoutMs);
    const { url, admin_url } = JSON.parse(said) as { url: string; admin_url?: string | null };
    this.url = url;
    this.adminUrl = admin_url ?? undefined;
  }

  async token(name: string, { roles = [], servers = [], expires }: TokenOptions = {}): Promise<string> {
    const flags = [
      ...roles.flatMap((role) => ['--role', role]),
      ...servers.flatMap((server) => ['--server', server]),
      ...(expires === undefined ? [] : ['--expires', expires]),
    ];
    const { code, stdout, stderr } = await this.command('token', 'create', '--name', name, ...flags, '--json');
    if (code !== 0) throw new Error(`token create failed (${code}): ${stderr}${stdout}`);
    return (JSON.parse(stdout) as { secret: string }).secret;
  }

  command(...args: string[]): Promise<CommandResult> {
    return runCli(args, baseEnvironment(this.stateDir));
  }

  audit(): AuditLine[] {
    const file = join(this.stateDir, 'audit', 'audit.jsonl');
    if (!existsSync(file)) return [];
    const text = readFileSync(file, 'utf8');
    // A line without its end is still being written.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as AuditLine);
  }

  audited(matches: (line: AuditLine) => boolean, what: string): Promise<AuditLine> {
    return until(() => this.audit().find(matches), `the audit file has ${what}`);
  }

  stdout(): string {
    return this.#stdout;
  }

  stderr(): string {
    return this.#stderr;
  }

  async stop(): Promise<Exit> {
    return this.#end('SIGTERM', 30_000);
  }

  async kill(): Promise<Exit> {
    return this.#end('SIGKILL', 10_000);
  }

  async #end(signal: NodeJS.Signals, timeoutMs: number): Promise<Exit> {
    this.#child.kill(signal);
    try {
      return await within(this.exited, `the gateway has ended after ${signal}`, timeoutMs);
    } finally {
      this.#child.kill('SIGKILL');
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}

async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'));
  }
  // The descriptor was closed without a line: the process is ending, and its exit says why.
  return new Promise(() => {});
}

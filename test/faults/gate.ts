import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { strictLine } from '../support/log-line.ts';
import { descendants } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { Caller } from './talk.ts';

const TOKENS = { ada: 'a-token-of-ada-0123456789', bob: 'a-token-of-bob-0123456789' } as const;
export type Who = keyof typeof TOKENS;

/** A line of the operator's log. */
export type LogLine = Record<string, unknown> & { readonly message: string };

/** The settings of a stdio server that runs a script of test/support/children. */
export function script(id: string, args: readonly string[], settings: object = {}): object {
  const [name, ...rest] = args;
  const file = fileURLToPath(new URL(`../support/children/${name}`, import.meta.url));
  return { id, transport: 'stdio', command: process.execPath, args: [file, ...rest], ...settings };
}

/** A gateway before servers that misbehave, and two principals who call them. */
export class Gate {
  readonly gateway: Gateway;

  private constructor(gateway: Gateway) {
    this.gateway = gateway;
  }

  static async start(mcps: readonly object[], settings: object = {}): Promise<Gate> {
    const tokens = Object.entries(TOKENS).map(([name, token]) => ({ name, token }));
    const config = { auth: { methods: [{ type: 'token', tokens }] }, ...settings, mcps };
    return new Gate(await startGateway({ config }));
  }

  caller(server: string, who: Who = 'ada'): Caller {
    return new Caller(this.gateway.url, server, TOKENS[who]);
  }

  url(server: string): string {
    return `${this.gateway.url}/mcp/${server}`;
  }

  token(who: Who = 'ada'): string {
    return TOKENS[who];
  }

  /** What the operator reads about one server, so far. */
  log(server: string): LogLine[] {
    const whole = this.gateway.stderr().split('\n').slice(0, -1);
    const lines = whole.filter((line) => line.startsWith('{')).map((line) => strictLine(line) as LogLine);
    return lines.filter((line) => line.server === server);
  }

  /** Lines that tell the operator what to do about one server. */
  remedies(server: string): LogLine[] {
    return this.log(server).filter((line) => line.remedy !== undefined);
  }

  /** What the operator was told to do since there were `before` such lines, once there is one more. */
  async told(server: string, before: number): Promise<unknown[]> {
    await until(() => this.remedies(server).length > before, `the log says what to do about ${server}`);
    return this.remedies(server)
      .slice(before)
      .map((line) => line.remedy);
  }

  /** Descriptors the gateway holds open. */
  descriptors(): number {
    return readdirSync(`/proc/${this.gateway.pid}/fd`).length;
  }

  /** Resolves when the gateway has no child left, not even one it has yet to reap. */
  async childless(timeoutMs = 10_000): Promise<void> {
    await until(() => descendants(this.gateway.pid).length === 0, 'the gateway has no children', timeoutMs);
  }

  /** Fails when a line of the log could not be read by everybody. */
  async stop(): Promise<void> {
    await this.gateway.stop();
    for (const line of this.gateway.stderr().split('\n')) if (line.startsWith('{')) strictLine(line);
  }
}

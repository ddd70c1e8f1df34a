import { fileURLToPath } from 'node:url';
import type { PrincipalId } from '../../../src/identity/principal.ts';
import type { Message } from '../../../src/jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../../../src/jsonrpc/scan.ts';
import type { Problem } from '../../../src/problem/problem.ts';
import type { Era } from '../../../src/protocol/revisions.ts';
import type { Log } from '../../../src/telemetry/log.ts';
import type {
  CallSink,
  Lane,
  LaneListener,
  LeaseRequest,
  OutboundCall,
  Upstream,
  UpstreamHealth,
} from '../../../src/upstream/lane.ts';
import type { StdioSettings } from '../../../src/upstream/settings.ts';
import { createStdioUpstream, type StdioServices } from '../../../src/upstream/stdio-upstream.ts';
import { processes } from '../processes.ts';
import { until, within } from '../wait.ts';

/** The arguments that run a script of this folder. */
export function child(name: string, ...args: readonly string[]): readonly string[] {
  return [fileURLToPath(new URL(name, import.meta.url)), ...args];
}

interface Overrides extends Omit<Partial<StdioSettings>, 'limits' | 'restart'> {
  readonly limits?: Partial<StdioSettings['limits']>;
  readonly restart?: Partial<StdioSettings['restart']>;
}

export function stdioSettings({ limits, restart, ...rest }: Overrides): StdioSettings {
  return {
    id: 'small',
    transport: 'stdio',
    command: process.execPath,
    args: [],
    env: {},
    env_allow: [],
    era: 'auto',
    start_timeout_ms: 5_000,
    ...rest,
    restart: { backoff_ms: 5, backoff_max_ms: 50, crash_loop_after: 3, stable_after_ms: 60_000, ...restart },
    limits: {
      line_bytes: 1024 * 1024,
      stderr_bytes: 4096,
      children: 8,
      spawns_per_minute: 60,
      pending_calls: 64,
      ...limits,
    },
  };
}

/** Keeps every line; `lines` are "level message fields". */
export class MemoryLog implements Log {
  readonly lines: string[] = [];
  #add(level: string, message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  }
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('debug', message, fields);
  }
  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('info', message, fields);
  }
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('warn', message, fields);
  }
  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('error', message, fields);
  }
  child(): Log {
    return this;
  }
  matching(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }
}

export function leaseFor(era: Era, who = 'ada', session = 's1'): LeaseRequest {
  return {
    principal: who as PrincipalId,
    era,
    revision: era === 'modern' ? '2026-07-28' : '2025-11-25',
    session: era === 'modern' ? undefined : session,
  };
}

export function message(value: object): Message {
  return scanned(JSON.stringify({ jsonrpc: '2.0', ...value }));
}

/** A client's message, byte for byte. */
export function scanned(text: string): Message {
  const found = scanMessage(Buffer.from(text));
  if (isScanFailure(found)) throw new Error(found.detail);
  return found;
}

export interface CallOptions {
  readonly id?: string | number;
  readonly meta?: object;
  readonly timeoutMs?: number;
  readonly revision?: OutboundCall['revision'];
}

export function outbound(method: string, params: object, options: CallOptions = {}): OutboundCall {
  const { id = 1, meta, timeoutMs = 20_000, revision = '2025-11-25' } = options;
  const body = meta === undefined ? params : { ...params, _meta: meta };
  return { message: message({ id, method, params: body }), revision, decisionId: 'd', paramHeaders: [], timeoutMs };
}

/** A sink that keeps what it hears and lets a test wait for the end of the call. */
export class Recorder implements CallSink {
  readonly heard: string[] = [];
  readonly messages: unknown[] = [];
  response: Record<string, unknown> | undefined;
  problem: Problem | undefined;
  detail = '';
  unseen: boolean | undefined;
  /** What `message` answers: false is a client that does not keep up. */
  keepsUp = true;
  #over!: () => void;
  readonly over = new Promise<void>((resolve) => {
    this.#over = resolve;
  });

  opened(): void {
    this.heard.push('opened');
  }
  message(received: Message): boolean {
    this.heard.push(received.method ?? '');
    this.messages.push(parsed(received));
    return this.keepsUp;
  }
  settled(response: Message): void {
    this.heard.push('settled');
    this.response = parsed(response);
    this.#over();
  }
  failed(problem: Problem, detail: string, unseen = false): void {
    this.heard.push('failed');
    this.unseen = unseen;
    this.problem = problem;
    this.detail = detail;
    this.#over();
  }
}

export class Listening implements LaneListener {
  readonly messages: Record<string, unknown>[] = [];
  closings: Problem[] = [];
  message(received: Message): boolean {
    this.messages.push(parsed(received));
    return true;
  }
  closed(problem: Problem): void {
    this.closings.push(problem);
  }
  get methods(): unknown[] {
    return this.messages.map((received) => received.method);
  }
}

function parsed(received: Message): Record<string, unknown> {
  return JSON.parse(received.bytes.toString()) as Record<string, unknown>;
}

export async function request(
  lane: Lane,
  method: string,
  params: object = {},
  options: CallOptions = {},
): Promise<Recorder> {
  const sink = new Recorder();
  lane.dispatch(outbound(method, params, options), sink);
  await within(sink.over, `${method} is over`);
  return sink;
}

/** The value a tool of server.mjs returned. @throws with what came instead. */
export async function tool<T>(lane: Lane, name: string, args: unknown = {}, options: CallOptions = {}): Promise<T> {
  return toolValue<T>(await request(lane, 'tools/call', { name, arguments: args }, options));
}

export function toolValue<T>(sink: Recorder): T {
  const result = sink.response?.result as { content?: { text: string }[] } | undefined;
  const text = result?.content?.[0]?.text;
  if (text === undefined) {
    throw new Error(`no result: ${sink.problem?.code} ${sink.detail} ${JSON.stringify(sink.response)}`);
  }
  return JSON.parse(text) as T;
}

export interface Identity {
  readonly pid: number;
  readonly grandchild?: number;
  readonly environment: Record<string, string>;
}

export async function open(lane: Lane, revision: OutboundCall['revision'] = '2025-11-25'): Promise<Recorder> {
  const params = { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const sink = await request(lane, 'initialize', params, { revision });
  if (sink.response?.result !== undefined) await lane.send(message({ method: 'notifications/initialized' }), revision);
  return sink;
}

/** Those of a process group that are more than a zombie some other parent has yet to reap. */
export function groupMembers(group: number): number[] {
  return processes()
    .filter((found) => found.group === group && found.state !== 'Z')
    .map((found) => found.pid);
}

/** Waits until nobody of the group runs, and until the gateway's own child is reaped. */
export async function groupGone(group: number): Promise<void> {
  await until(() => groupMembers(group).length === 0, `process group ${group} is empty`);
  await until(() => !processes().some((found) => found.pid === group), `${group} is reaped`);
}

/** Upstreams of one test file, closed by `closeAll`, with what they logged and said of their state. */
export class Bench {
  readonly log = new MemoryLog();
  readonly states: UpstreamHealth[] = [];
  readonly #open: Upstream[] = [];

  upstream(overrides: Overrides, services: Partial<StdioServices> = {}): Upstream {
    const upstream = createStdioUpstream(stdioSettings(overrides), {
      log: this.log,
      environment: { PATH: '/usr/bin:/bin', SESSION_SECRET: 'of the gateway' },
      onState: (health) => void this.states.push(health),
      timing: { graceMs: 300, drainMs: 300 },
      ...services,
    });
    this.#open.push(upstream);
    return upstream;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((upstream) => upstream.close(AbortSignal.timeout(5_000))));
  }
}

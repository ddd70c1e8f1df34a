import type { PrincipalId } from '../../src/identity/principal.ts';
import type { Message } from '../../src/jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../../src/jsonrpc/scan.ts';
import { writeNotification, writeRequest, writeResult } from '../../src/jsonrpc/write.ts';
import type { Problem } from '../../src/problem/problem.ts';
import { eraOf, type Revision } from '../../src/protocol/revisions.ts';
import type { Log } from '../../src/telemetry/log.ts';
import type { CallHandle, CallSink, Lane, LaneListener, OutboundCall, Upstream } from '../../src/upstream/lane.ts';
import type { HttpSettings, SseSettings } from '../../src/upstream/settings.ts';

export type Heard =
  | { readonly kind: 'opened' }
  | { readonly kind: 'message'; readonly method: string | undefined; readonly message: Message }
  | { readonly kind: 'settled'; readonly message: Message }
  | { readonly kind: 'failed'; readonly problem: Problem; readonly detail: string; readonly unseen: boolean };

/** Writes down everything a lane says about one call. */
export class RecordingSink implements CallSink {
  readonly heard: Heard[] = [];
  /** What `message` says to the lane. */
  keepsUp = true;
  /** Resolves with the last word. */
  readonly end: Promise<Heard>;
  #resolve: (heard: Heard) => void = () => {};
  #waiting: (() => void) | undefined;

  constructor() {
    this.end = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  opened(): void {
    this.#note({ kind: 'opened' });
  }

  message(message: Message): boolean {
    this.#note({ kind: 'message', method: message.method, message });
    return this.keepsUp;
  }

  settled(message: Message): void {
    this.#note({ kind: 'settled', message });
    this.#resolve(this.heard.at(-1) as Heard);
  }

  failed(problem: Problem, detail: string, unseen = false): void {
    this.#note({ kind: 'failed', problem, detail, unseen });
    this.#resolve(this.heard.at(-1) as Heard);
  }

  get kinds(): string[] {
    return this.heard.map((heard) => heard.kind);
  }

  /** Resolves when `count` things were heard. */
  async atLeast(count: number): Promise<void> {
    while (this.heard.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  #note(heard: Heard): void {
    this.heard.push(heard);
    this.#waiting?.();
  }
}

/** Writes down what a lane says outside of calls. */
export class RecordingListener implements LaneListener {
  readonly methods: (string | undefined)[] = [];
  readonly ends: { problem: Problem; detail: string }[] = [];
  #waiting: (() => void) | undefined;

  message(message: Message): boolean {
    this.methods.push(message.method);
    this.#waiting?.();
    return true;
  }

  closed(problem: Problem, detail: string): void {
    this.ends.push({ problem, detail });
    this.#waiting?.();
  }

  /** Resolves when `count` messages and ends were heard. */
  async atLeast(count: number): Promise<void> {
    while (this.methods.length + this.ends.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }
}

function scanned(bytes: Buffer): Message {
  const message = scanMessage(bytes);
  if (isScanFailure(message)) throw new Error(message.detail);
  return message;
}

const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
};

/** A client's request with id 1, as the gateway would hand it to a lane. */
export function outbound(
  method: string,
  params: Record<string, unknown> = {},
  options: { revision?: Revision; timeoutMs?: number; paramHeaders?: string[]; progressToken?: string } = {},
): OutboundCall {
  const { revision = '2026-07-28', timeoutMs = 10_000, paramHeaders = [], progressToken } = options;
  const meta = {
    ...(eraOf(revision) === 'modern' ? MODERN_META : {}),
    ...(progressToken === undefined ? {} : { progressToken }),
  };
  const all = Object.keys(meta).length === 0 ? params : { ...params, _meta: meta };
  return {
    message: scanned(writeRequest(1, method, JSON.stringify(all))),
    revision,
    decisionId: 'test',
    paramHeaders,
    timeoutMs,
  };
}

export function notification(method: string, params?: Record<string, unknown>): Message {
  return scanned(writeNotification(method, params === undefined ? undefined : JSON.stringify(params)));
}

export function response(id: string | number, result: Record<string, unknown>): Message {
  return scanned(writeResult(id, JSON.stringify(result)));
}

export interface Running {
  readonly sink: RecordingSink;
  readonly handle: CallHandle;
}

export function start(lane: Lane, call: OutboundCall, sink = new RecordingSink()): Running {
  return { sink, handle: lane.dispatch(call, sink) };
}

/** Dispatches and waits for the last word. */
export async function ask(lane: Lane, call: OutboundCall): Promise<Heard> {
  return await start(lane, call).sink.end;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log a test can read. */
export function recordingLog(lines: LogLine[], bound: Readonly<Record<string, unknown>> = {}): Log {
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, fields: { ...bound, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordingLog(lines, { ...bound, ...fields }),
  };
}

export function httpSettings(url: string, changes: Partial<HttpSettings> = {}): HttpSettings {
  return {
    id: 'demo',
    transport: 'streamable-http',
    era: 'modern',
    start_timeout_ms: 5_000,
    url,
    limits: { response_bytes: 1_000_000, pending_calls: 8 },
    ...changes,
  };
}

export function sseSettings(url: string, changes: Partial<SseSettings> = {}): SseSettings {
  return {
    id: 'old',
    transport: 'sse',
    start_timeout_ms: 5_000,
    url,
    limits: { response_bytes: 1_000_000, pending_calls: 8 },
    ...changes,
  };
}

const someone = 'token:1' as PrincipalId;

export function leaseModern(upstream: Upstream): Promise<Lane> {
  return upstream.lease({ principal: someone, era: 'modern', revision: '2026-07-28', session: undefined });
}

export function leaseLegacy(upstream: Upstream, revision: Revision = '2025-11-25'): Promise<Lane> {
  return upstream.lease({ principal: someone, era: 'legacy', revision, session: 'client-session' });
}

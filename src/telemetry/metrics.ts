import { collectDefaultMetrics, Registry } from 'prom-client';
import { type Cell, CellFamily, HistogramFamily } from './families.ts';

/**
 * The closed sets labels may come from. A value outside its set is counted under `other`, so nothing a caller
 * sends (a path, a tool name, a made-up method) can become a time series.
 */
export interface Vocabulary {
  readonly routes: Iterable<string>;
  readonly servers: Iterable<string>;
  readonly policies: Iterable<string>;
  readonly reasons: Iterable<string>;
}

export type UpstreamState = 'idle' | 'up' | 'down' | 'crash-loop';

/**
 * What the gateway counts about itself. Every call is synchronous, never throws, and after the first of its kind
 * costs a look-up by one string and an addition. No label ever carries a principal, an address or a secret.
 */
/** `would-deny`: let through because the rule is only reported. */
export type Outcome = 'allow' | 'deny' | 'would-deny';

export interface Metrics {
  /** One HTTP request answered. `statusClass`: `2xx` to `5xx`. */
  requests(route: string, method: string, statusClass: string): void;
  /** One verdict of one policy. */
  verdict(policy: string, reason: string, outcome: Outcome): void;
  /** How long one call to a server took, in seconds. */
  callDuration(server: string, seconds: number): void;
  /** A client-facing stream opened (+1) or ended (-1). */
  streamsOpen(kind: string, change: 1 | -1): void;
  upstreamState(server: string, state: UpstreamState): void;
  /** How many child processes this server has now. */
  children(server: string, count: number): void;
  /** One address banned, or reported where bans are not enforced. */
  bans(outcome: 'made' | 'reported'): void;
  /** Attempts to write the audit record that failed. */
  auditFailures(count?: number): void;
  /** Audit records written. */
  auditRecords(count?: number): void;
  /** Adds to the closed sets (a reload brought a server). Nothing is ever taken out: its series stay as they are. */
  know(words: Partial<Vocabulary>): void;
  /** Prometheus text format 0.0.4. */
  render(): Promise<string>;
  readonly contentType: string;
}

const METHODS = new Set(['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PUT', 'PATCH']);
const STATUS_CLASSES = new Set(['1xx', '2xx', '3xx', '4xx', '5xx']);
const STREAM_KINDS = new Set(['listen', 'response', 'sse', 'upstream']);
const UPSTREAM_STATES: readonly UpstreamState[] = ['idle', 'up', 'down', 'crash-loop'];
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Separates the parts of a key. A part that contains it is in no closed set, so keys cannot be forged. */
const SEPARATOR = '\n';

/** @param options.runtime also Node's own figures: event loop delay, garbage collection, memory, handles (default true) */
export function createMetrics(words: Partial<Vocabulary> = {}, options: { readonly runtime?: boolean } = {}): Metrics {
  const metrics = new PrometheusMetrics(options.runtime ?? true);
  metrics.know(words);
  return metrics;
}

class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #routes = new Set<string>();
  readonly #servers = new Set<string>();
  readonly #policies = new Set<string>();
  readonly #reasons = new Set<string>();
  readonly #requests: CellFamily;
  readonly #verdicts: CellFamily;
  readonly #durations: HistogramFamily;
  readonly #streams: CellFamily;
  readonly #states: CellFamily;
  readonly #children: CellFamily;
  readonly #bans: CellFamily;
  readonly #auditFailures: Cell;
  readonly #auditRecords: Cell;

  constructor(runtime: boolean) {
    const cells = (type: string, name: string, help: string, labels: readonly string[] = []) =>
      new CellFamily(this.#registry, type, `sallyport_${name}`, help, labels);
    this.#requests = cells('counter', 'requests_total', 'HTTP requests answered', ['route', 'method', 'status']);
    this.#verdicts = cells('counter', 'verdicts_total', 'Verdicts by policy and reason', [
      'policy',
      'reason',
      'outcome',
    ]);
    this.#durations = new HistogramFamily(
      this.#registry,
      'sallyport_call_duration_seconds',
      'Duration of calls to servers',
      ['server'],
      SECONDS,
    );
    this.#streams = cells('gauge', 'streams_open', 'Open client-facing streams', ['kind']);
    this.#states = cells('gauge', 'upstream_state', '1 for the state the server is in', ['server', 'state']);
    this.#children = cells('gauge', 'children', 'Running child processes', ['server']);
    this.#bans = cells('counter', 'bans_total', 'Addresses banned, or reported where nothing is enforced', ['outcome']);
    this.#auditFailures = cells('counter', 'audit_failures_total', 'Failed attempts to write the audit record').add(
      '',
      [],
    );
    this.#auditRecords = cells('counter', 'audit_records_total', 'Audit records written').add('', []);
    if (runtime) collectDefaultMetrics({ register: this.#registry, prefix: 'sallyport_' });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  know(words: Partial<Vocabulary>): void {
    for (const word of words.routes ?? []) this.#routes.add(word);
    for (const word of words.servers ?? []) this.#servers.add(word);
    for (const word of words.policies ?? []) this.#policies.add(word);
    for (const word of words.reasons ?? []) this.#reasons.add(word);
  }

  requests(route: string, method: string, statusClass: string): void {
    const key = route + SEPARATOR + method + SEPARATOR + statusClass;
    const cell = this.#requests.find(key) ?? this.#requestCell(route, method, statusClass);
    cell.value += 1;
  }

  verdict(policy: string, reason: string, outcome: Outcome): void {
    const key = policy + SEPARATOR + reason + SEPARATOR + outcome;
    const cell = this.#verdicts.find(key) ?? this.#verdictCell(policy, reason, outcome);
    cell.value += 1;
  }

  callDuration(server: string, seconds: number): void {
    const cell = this.#durations.find(server) ?? one(this.#durations, known(this.#servers, server));
    this.#durations.observe(cell, seconds);
  }

  streamsOpen(kind: string, change: 1 | -1): void {
    const cell = this.#streams.find(kind) ?? one(this.#streams, known(STREAM_KINDS, kind));
    cell.value += change;
  }

  upstreamState(server: string, state: UpstreamState): void {
    const name = known(this.#servers, server);
    for (const possible of UPSTREAM_STATES) {
      const key = name + SEPARATOR + possible;
      const cell = this.#states.find(key) ?? this.#states.add(key, [name, possible]);
      cell.value = possible === state ? 1 : 0;
    }
  }

  children(server: string, count: number): void {
    const cell = this.#children.find(server) ?? one(this.#children, known(this.#servers, server));
    cell.value = count;
  }

  bans(outcome: 'made' | 'reported'): void {
    one(this.#bans, outcome).value += 1;
  }

  auditFailures(count = 1): void {
    this.#auditFailures.value += count;
  }

  auditRecords(count = 1): void {
    this.#auditRecords.value += count;
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #requestCell(route: string, method: string, statusClass: string): Cell {
    return combination(this.#requests, [
      known(this.#routes, route),
      known(METHODS, method),
      known(STATUS_CLASSES, statusClass),
    ]);
  }

  #verdictCell(policy: string, reason: string, outcome: Outcome): Cell {
    return combination(this.#verdicts, [known(this.#policies, policy), known(this.#reasons, reason), outcome]);
  }
}

function known(words: ReadonlySet<string>, word: string): string {
  return words.has(word) ? word : 'other';
}

function combination(family: CellFamily, values: readonly string[]): Cell {
  const key = values.join(SEPARATOR);
  return family.find(key) ?? family.add(key, values);
}

function one<C>(
  family: { find(key: string): C | undefined; add(key: string, values: readonly string[]): C },
  value: string,
): C {
  return family.find(value) ?? family.add(value, [value]);
}

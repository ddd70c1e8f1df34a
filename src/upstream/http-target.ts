import type { Dispatcher, Pool } from 'undici';
import ConnectionPool from 'undici/lib/dispatcher/pool.js';
import { InFlight } from '../in-flight/in-flight.ts';
import type { Log } from '../telemetry/log.ts';
import { DecodedAnswer } from './content-coding.ts';
import type { HttpCall } from './http-call.ts';
import type { Failure } from './http-failure.ts';
import { fixedHeaders } from './http-headers.ts';
import { HttpHealth } from './http-health.ts';
import type { UpstreamHealth } from './lane.ts';
import { LogQuota } from './log-quota.ts';
import type { RemoteSettings } from './settings.ts';
import { tlsConnection } from './tls.ts';

const LONGEST_CONNECT_MS = 10_000;
const LOGGED_A_MINUTE = 5;

/** One server as every lane to it sees it: its connections, its counter of ids, its health, and the calls under way. */
export class HttpTarget {
  readonly id: string;
  readonly log: Log;
  readonly limits: RemoteSettings['limits'];
  readonly health: HttpHealth;
  /** `Accept` for a POST and `Content-Type` included. Never written to: a request adds to a copy. */
  readonly postHeaders: readonly string[];
  /** For GET and DELETE. */
  readonly streamHeaders: readonly string[];
  /** Calls that have no answer yet. */
  readonly calls = new InFlight<HttpCall>();
  /** Lines about what a server sent against the protocol. */
  readonly violations = new LogQuota(LOGGED_A_MINUTE, Date.now);
  readonly #path: string;
  readonly #short: Pool;
  /** Streams that stay open have their own pool: the search for a free connection must not walk past them. */
  readonly #long: Pool;
  #lastId = 0;

  /** @throws TlsFileError when a file of `settings.tls` cannot be used */
  constructor(settings: RemoteSettings, log: Log, onState: (health: UpstreamHealth) => void) {
    const url = new URL(settings.url);
    this.id = settings.id;
    this.log = log.child({ server: settings.id });
    this.limits = settings.limits;
    const fixed = fixedHeaders(settings);
    this.postHeaders = ['accept', 'application/json, text/event-stream', 'content-type', 'application/json', ...fixed];
    this.streamHeaders = ['accept', 'text/event-stream', ...fixed];
    this.#path = url.pathname + url.search;
    const onDoubt = (doubt: string): void => this.log.warn(doubt);
    const options: Pool.Options = {
      pipelining: 1,
      // A call has its own clock, and a stream may be silent for hours.
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout: Math.min(settings.start_timeout_ms, LONGEST_CONNECT_MS),
      ...(url.protocol === 'https:' ? { connect: tlsConnection(settings.tls, settings.id, onDoubt) } : {}),
    };
    this.#short = new ConnectionPool(url.origin, options);
    this.#long = new ConnectionPool(url.origin, options);
    this.health = new HttpHealth(this.log, onState, () => this.connections);
  }

  /** An id for a request, unlike every other on this server, whoever asks. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  get connections(): number {
    return this.#short.stats.connected + this.#long.stats.connected;
  }

  /** `staysOpen`: the answer is a stream that ends only when somebody ends it. */
  post(headers: string[], body: Buffer, handler: Dispatcher.DispatchHandler, staysOpen: boolean): void {
    const pool = staysOpen ? this.#long : this.#short;
    pool.dispatch({ path: this.#path, method: 'POST', headers, body }, new DecodedAnswer(handler));
  }

  /** To another path of the same origin: the endpoint a server of HTTP+SSE names. */
  postTo(path: string, headers: string[], body: Buffer, handler: Dispatcher.DispatchHandler): void {
    this.#short.dispatch({ path, method: 'POST', headers, body }, new DecodedAnswer(handler));
  }

  get(headers: string[], handler: Dispatcher.DispatchHandler): void {
    this.#long.dispatch({ path: this.#path, method: 'GET', headers }, new DecodedAnswer(handler));
  }

  delete(headers: string[], handler: Dispatcher.DispatchHandler): void {
    this.#short.dispatch({ path: this.#path, method: 'DELETE', headers }, new DecodedAnswer(handler));
  }

  /** Notes in the log what a server did against the protocol, a few times a minute at most. */
  violation(what: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.violations.take()) this.log.warn(what, fields);
  }

  /** Fails every call under way. */
  failAll(failure: Failure): void {
    for (const call of this.calls.members()) call.fail(failure);
  }

  /** Closes every connection. Nothing can be sent afterwards. */
  async destroy(): Promise<void> {
    await Promise.all([this.#short.destroy(), this.#long.destroy()]);
  }
}

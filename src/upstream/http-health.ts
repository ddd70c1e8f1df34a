import type { Log } from '../telemetry/log.ts';
import { type Failure, statusFailure } from './http-failure.ts';
import type { UpstreamHealth } from './lane.ts';
import { LogQuota } from './log-quota.ts';

const LOGGED_A_MINUTE = 5;

/**
 * What is known of a server from the calls made to it; nothing is sent to find out.
 * The operator reads of a fault once, not once per call: the same complaint is logged again only after a valid answer.
 */
export class HttpHealth {
  readonly #log: Log;
  readonly #onState: (health: UpstreamHealth) => void;
  readonly #connections: () => number;
  #state: UpstreamHealth['state'] = 'idle';
  #lastError: string | undefined;
  #complaint: string | undefined;
  readonly #quota = new LogQuota(LOGGED_A_MINUTE, Date.now);

  constructor(log: Log, onState: (health: UpstreamHealth) => void, connections: () => number) {
    this.#log = log;
    this.#onState = onState;
    this.#connections = connections;
  }

  read(): UpstreamHealth {
    return { state: this.#state, children: this.#connections(), lastError: this.#lastError };
  }

  /** The server gave a valid answer. One that is also an HTTP server error does not say that the server is well. */
  answered(status = 200): void {
    if (status >= 500) return this.failed(statusFailure(status, {}, 'a JSON-RPC error'), false);
    if (this.#state === 'up' && this.#complaint === undefined) return;
    this.#complaint = undefined;
    this.#become('up', this.#lastError);
  }

  /** `unanswered`: not a byte of an answer came. */
  failed(failure: Failure, unanswered: boolean): void {
    const { code, text } = failure.problem;
    // Our own refusals say nothing about the server.
    if (!code.startsWith('UPSTREAM_') || code === 'UPSTREAM_BUSY') return;
    const complaint = `${code} ${failure.detail}`;
    if (complaint !== this.#complaint && this.#quota.take()) {
      this.#log.warn('the MCP server gave no good answer', {
        problem: code,
        detail: failure.detail,
        ...(failure.remedy === undefined ? {} : { remedy: failure.remedy }),
      });
    }
    this.#complaint = complaint;
    const isDown = unanswered && (code === 'UPSTREAM_REFUSED' || code === 'UPSTREAM_CLOSED');
    this.#become(isDown ? 'down' : this.#state, text);
  }

  #become(state: UpstreamHealth['state'], lastError: string | undefined): void {
    if (state === this.#state && lastError === this.#lastError) return;
    this.#state = state;
    this.#lastError = lastError;
    this.#onState(this.read());
  }
}

import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { Log } from '../telemetry/log.ts';
import { eraMismatch } from './era.ts';
import { EraProbe } from './http-era.ts';
import type { Backoff } from './http-event-stream.ts';
import type { Failure } from './http-failure.ts';
import { HttpLegacyLane } from './http-legacy-lane.ts';
import { HttpModernLane } from './http-modern-lane.ts';
import { HttpTarget } from './http-target.ts';
import type { Lane, LeaseRequest, Upstream, UpstreamHealth } from './lane.ts';
import type { HttpSettings } from './settings.ts';

export interface HttpServices {
  readonly log: Log;
  /** Called on each change of state or last error. */
  onState(health: UpstreamHealth): void;
  /** What the gateway calls itself when it asks a server for its era. */
  readonly version?: string;
  /** Waits before a broken stream of a legacy session is opened again. */
  readonly backoff?: Backoff;
}

const BACKOFF: Backoff = { firstMs: 1_000, longestMs: 30_000 };
const STOPPING: Failure = { problem: PROBLEMS.SHUTTING_DOWN, detail: 'the gateway stops using this server' };

/**
 * An MCP server reached by Streamable HTTP. Nothing connects before the first call.
 * @throws TypeError when `settings.url` is not a URL.
 */
export function createHttpUpstream(settings: HttpSettings, services: HttpServices): Upstream {
  return new HttpUpstream(settings, services);
}

class HttpUpstream implements Upstream {
  readonly id: string;
  readonly #settings: HttpSettings;
  readonly #backoff: Backoff;
  readonly #target: HttpTarget;
  readonly #modern: HttpModernLane;
  readonly #probe: EraProbe;
  readonly #sessions = new Set<HttpLegacyLane>();
  /** Sessions being ended on the server. */
  readonly #farewells = new Set<Promise<void>>();
  #isClosed = false;

  constructor(settings: HttpSettings, services: HttpServices) {
    this.id = settings.id;
    this.#settings = settings;
    this.#backoff = services.backoff ?? BACKOFF;
    this.#target = new HttpTarget(settings, services.log, services.onState);
    this.#modern = new HttpModernLane(this.#target, () => this.#probe.forget());
    this.#probe = new EraProbe(this.#modern, services.version ?? '0', settings.start_timeout_ms);
  }

  async lease(request: LeaseRequest): Promise<Lane> {
    if (this.#isClosed) throw new ProblemError(STOPPING.problem, STOPPING.detail);
    const { era } = this.#settings;
    if (era !== 'auto' && era !== request.era) this.#refuse(request, 'mcps[].era');
    if (request.era === 'legacy') return this.#session();
    if (era === 'auto' && (this.#probe.known() ?? (await this.#probe.ask())) === 'legacy')
      this.#refuse(request, 'server/discover');
    return this.#modern;
  }

  health(): UpstreamHealth {
    return this.#target.health.read();
  }

  async close(deadline: AbortSignal): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      for (const session of [...this.#sessions]) session.end(STOPPING);
      this.#target.failAll(STOPPING);
      this.#modern.end(STOPPING);
    }
    await Promise.race([Promise.all(this.#farewells), aborted(deadline)]);
    await this.#target.destroy();
  }

  #session(): Lane {
    const lane = new HttpLegacyLane(this.#target, this.#backoff, (ended, farewell) => {
      this.#sessions.delete(ended);
      this.#farewells.add(farewell);
      void farewell.then(() => this.#farewells.delete(farewell));
    });
    this.#sessions.add(lane);
    return lane;
  }

  #refuse(request: LeaseRequest, because: string): never {
    throw new ProblemError(eraMismatch(this.id, request.era), `according to ${because}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

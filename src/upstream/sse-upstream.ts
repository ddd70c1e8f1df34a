import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { Log } from '../telemetry/log.ts';
import { eraMismatch } from './era.ts';
import type { Failure } from './http-failure.ts';
import { HttpTarget } from './http-target.ts';
import type { Lane, LeaseRequest, Upstream, UpstreamHealth } from './lane.ts';
import type { SseSettings } from './settings.ts';
import { SseLane } from './sse-lane.ts';

export interface SseServices {
  readonly log: Log;
  /** Called on each change of state or last error. */
  onState(health: UpstreamHealth): void;
}

const STOPPING: Failure = { problem: PROBLEMS.SHUTTING_DOWN, detail: 'the gateway stops using this server' };

/**
 * An MCP server reached by HTTP+SSE, the transport of 2024-11-05. Nothing connects before the first lease; each lease is
 * a connection of its own.
 * @throws TypeError when `settings.url` is not a URL.
 */
export function createSseUpstream(settings: SseSettings, services: SseServices): Upstream {
  return new SseUpstream(settings, services);
}

class SseUpstream implements Upstream {
  readonly id: string;
  readonly #url: URL;
  readonly #startTimeoutMs: number;
  readonly #target: HttpTarget;
  readonly #lanes = new Set<SseLane>();
  #isClosed = false;

  constructor(settings: SseSettings, services: SseServices) {
    this.id = settings.id;
    this.#url = new URL(settings.url);
    this.#startTimeoutMs = settings.start_timeout_ms;
    this.#target = new HttpTarget(settings, services.log, services.onState);
  }

  async lease(request: LeaseRequest): Promise<Lane> {
    if (this.#isClosed) throw new ProblemError(STOPPING.problem, STOPPING.detail);
    if (request.era === 'modern') {
      throw new ProblemError(eraMismatch(this.id, 'modern'), 'mcps[].transport sse belongs to the legacy era');
    }
    const lane = new SseLane(this.#target, this.#url, (ended) => this.#lanes.delete(ended));
    this.#lanes.add(lane);
    await lane.open(this.#startTimeoutMs);
    return lane;
  }

  health(): UpstreamHealth {
    return this.#target.health.read();
  }

  async close(_deadline: AbortSignal): Promise<void> {
    this.#isClosed = true;
    for (const lane of [...this.#lanes]) lane.end(STOPPING);
    await this.#target.destroy();
  }
}

import type { Message } from '../jsonrpc/message.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { Era } from '../protocol/revisions.ts';
import type { Log } from '../telemetry/log.ts';
import type { Environment } from './child-environment.ts';
import { ChildPool, PooledChild } from './child-pool.ts';
import type { ChildTiming } from './child-process.ts';
import { ChildStarter, type StarterClient } from './child-starter.ts';
import { eraMismatch, refusesLegacy } from './era.ts';
import type { Lane, LeaseRequest, Upstream, UpstreamHealth } from './lane.ts';
import type { ChildScope, StdioSettings } from './settings.ts';
import type { StdioConnection } from './stdio-connection.ts';
import { initialize, probe } from './stdio-handshake.ts';
import { ExclusiveLane, type Holders, ModernLane, ModernTraffic } from './stdio-lane.ts';
import { SharedLegacyLane, SharedLegacyTraffic } from './stdio-shared-legacy.ts';

/** Milliseconds. A child that is shared and that nobody holds is stopped when it was not used for `idleMs`. */
export interface StdioTiming extends ChildTiming {
  readonly idleMs: number;
}

const TIMING: StdioTiming = { graceMs: 2_000, drainMs: 1_000, idleMs: 60_000 };

export interface StdioServices {
  readonly log: Log;
  /** The gateway's own environment; the child gets only what `childEnvironment` takes from it. */
  readonly environment: Environment;
  /** Called at each change, never from inside `createStdioUpstream`. */
  onState(health: UpstreamHealth): void;
  /** Milliseconds that never go back. */
  readonly clock?: { now(): number };
  /** What the gateway calls itself when it speaks to a server on its own behalf. */
  readonly version?: string;
  readonly timing?: Partial<StdioTiming>;
}

/** An MCP server that is a program, spoken to over its stdin and stdout. No process is started before the first lease. */
export function createStdioUpstream(settings: StdioSettings, services: StdioServices): Upstream {
  return new StdioUpstream(settings, services);
}

class StdioUpstream implements Upstream, StarterClient {
  readonly id: string;
  readonly #settings: StdioSettings;
  readonly #version: string;
  readonly #starter: ChildStarter;
  readonly #pool: ChildPool;
  readonly #now: () => number;
  /** Starts under way, so that two who would share a child do not start two. */
  readonly #starting = new Map<string, Promise<PooledChild>>();
  /** What the server was found to speak first; undefined until asked, and again after a crash. */
  #verdict: Era | undefined;
  #closed = false;

  constructor(settings: StdioSettings, services: StdioServices) {
    const clock = services.clock ?? performance;
    const timing = { ...TIMING, ...services.timing };
    this.id = settings.id;
    this.#settings = settings;
    this.#version = services.version ?? '0';
    this.#now = () => clock.now();
    this.#pool = new ChildPool(timing.idleMs, this.#now);
    this.#starter = new ChildStarter(
      settings,
      {
        log: services.log.child({ server: settings.id }),
        environment: services.environment,
        onState: (health) => services.onState(health),
        now: this.#now,
        timing,
      },
      this,
    );
  }

  lease(request: LeaseRequest): Promise<Lane> {
    const { era } = request;
    if (this.#closed) return Promise.reject(new ProblemError(PROBLEMS.SHUTTING_DOWN));
    if (!this.#mayServe(era))
      return Promise.reject(this.#mismatch(era, 'known from the settings or from an earlier answer'));
    const scope = this.#scopeFor(era);
    if (scope === 'per_session') return this.#leaseOwn();
    const key = scope === 'shared' ? era : `${era} ${request.principal}`;
    const pooled = this.#pool.get(key);
    return pooled === undefined ? this.#leaseNew(key, era, scope) : Promise.resolve(pooled.lease());
  }

  health(): UpstreamHealth {
    return this.#starter.health;
  }

  async close(deadline: AbortSignal): Promise<void> {
    this.#closed = true;
    await this.#starter.close(deadline);
  }

  spare(): StdioConnection | undefined {
    return this.#pool.takeSpare();
  }

  gone(connection: StdioConnection, crashed: boolean): void {
    this.#pool.forget(connection);
    // What comes up next may be another build of the server.
    if (crashed) this.#verdict = undefined;
  }

  #mayServe(era: Era): boolean {
    if (this.#settings.era !== 'auto') return this.#settings.era === era;
    return era === 'legacy' || this.#verdict !== 'legacy';
  }

  /** The modern era has no sessions, so there `per_session` means as much as can be kept apart: principals. */
  #scopeFor(era: Era): ChildScope {
    const { child } = this.#settings;
    if (era === 'legacy') return child ?? 'per_session';
    return child === 'shared' ? 'shared' : 'per_principal';
  }

  #mismatch(client: Era, detail: string): ProblemError {
    return new ProblemError(eraMismatch(this.id, client), detail);
  }

  async #leaseOwn(): Promise<Lane> {
    const connection = await this.#starter.start({ probing: false });
    return new ExclusiveLane(connection, this.id, () => void connection.stop());
  }

  async #leaseNew(key: string, era: Era, scope: ChildScope): Promise<Lane> {
    let starting = this.#starting.get(key);
    if (starting === undefined) {
      starting = era === 'modern' ? this.#startModern(key, scope) : this.#startLegacy(key);
      this.#starting.set(key, starting);
      const done = (): void => void this.#starting.delete(key);
      starting.then(done, done);
    }
    return (await starting).lease();
  }

  async #startModern(key: string, scope: ChildScope): Promise<PooledChild> {
    const asked = this.#settings.era === 'auto' && this.#verdict === undefined;
    const connection = asked ? await this.#probed() : await this.#starter.start({ probing: false });
    const traffic = new ModernTraffic(connection, scope === 'shared', this.#version);
    return this.#pooled(key, connection, (holders) => new ModernLane(connection, traffic, holders));
  }

  async #startLegacy(key: string): Promise<PooledChild> {
    const connection = await this.#starter.start({ probing: false });
    const opening = await this.#opening(connection);
    if (refusesLegacy(opening)) {
      void connection.stop();
      throw this.#mismatch('legacy', 'the server answered initialize with an error of the modern era');
    }
    if (opening.kind === 'error') {
      void connection.stop();
      throw this.#starter.useless('refused initialize', `initialize was refused: ${opening.error?.string('message')}`);
    }
    connection.notify('notifications/initialized');
    const traffic = new SharedLegacyTraffic(connection, opening);
    return this.#pooled(key, connection, (holders) => new SharedLegacyLane(traffic, holders));
  }

  #pooled(key: string, connection: StdioConnection, makeLane: (holders: Holders) => Lane): PooledChild {
    const child = new PooledChild(key, connection, makeLane, this.#now);
    this.#pool.add(child);
    return child;
  }

  /** The answer to our own `initialize`. The child is stopped when there is none. @throws ProblemError UPSTREAM_START */
  async #opening(connection: StdioConnection): Promise<Message> {
    try {
      return await initialize(connection, this.#version, this.#settings.start_timeout_ms);
    } catch (error) {
      void connection.stop();
      if (!(error instanceof ProblemError)) throw error;
      if (error.problem.code !== 'UPSTREAM_TIMEOUT') throw new ProblemError(PROBLEMS.UPSTREAM_START, error.detail);
      throw this.#starter.useless('did not answer', `no answer to initialize in ${this.#settings.start_timeout_ms} ms`);
    }
  }

  /**
   * A child that was found to be modern. Where the answer is silence or an exit, `initialize` decides between a legacy
   * server and a broken one, so that nobody is told of eras when a package is missing.
   * @throws ProblemError ERA_MISMATCH, remembered from then on; UPSTREAM_START, which is not.
   */
  async #probed(): Promise<StdioConnection> {
    const connection = await this.#starter.start({ probing: true });
    const outcome = await probe(connection, this.#version, this.#settings.start_timeout_ms);
    if (outcome === 'modern') {
      this.#verdict = 'modern';
      return connection;
    }
    if (outcome === 'silent') {
      this.#starter.asked(connection);
      await this.#opening(connection);
    }
    if (outcome === 'exited') {
      const sibling = await this.#starter.start({ probing: false });
      await this.#opening(sibling);
      void sibling.stop();
    }
    void connection.stop();
    this.#verdict = 'legacy';
    throw this.#mismatch('modern', `server/discover: ${outcome}`);
  }
}

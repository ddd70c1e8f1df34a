import { setTimeout as delay } from 'node:timers/promises';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { Log } from '../telemetry/log.ts';
import { childEnvironment, type Environment } from './child-environment.ts';
import type { ChildCommand, ChildExit, ChildTiming } from './child-process.ts';
import { ChildSecrets } from './child-secrets.ts';
import type { UpstreamHealth } from './lane.ts';
import { type Attempt, RestartGate, SpawnRate } from './restart-gate.ts';
import type { StdioSettings } from './settings.ts';
import { StdioConnection } from './stdio-connection.ts';
import type { ConnectionOwner, ConnectionServices } from './stdio-ports.ts';

export interface StarterServices {
  readonly log: Log;
  readonly environment: Environment;
  readonly onState: (health: UpstreamHealth) => void;
  readonly now: () => number;
  readonly timing: ChildTiming;
}

/** Whoever shares the children out. */
export interface StarterClient {
  /** A child that nobody holds, taken out of use so that another can be started; undefined when all are held. */
  spare(): StdioConnection | undefined;
  gone(connection: StdioConnection, crashed: boolean): void;
}

interface Entry {
  readonly attempt: Attempt;
  /** It is being asked for its era, and may leave over the question without that being a crash. Ends with its answer. */
  probing: boolean;
  readonly lasted: NodeJS.Timeout | undefined;
}

/** Starts the children of one server, within its caps and its restart rules, and knows how the server is. */
export class ChildStarter implements ConnectionOwner {
  readonly #settings: StdioSettings;
  readonly #services: StarterServices;
  readonly #client: StarterClient;
  readonly #command: ChildCommand;
  readonly #connectionServices: ConnectionServices;
  readonly #gate: RestartGate;
  readonly #rate: SpawnRate;
  readonly #entries = new Map<StdioConnection, Entry>();
  readonly #closing = new AbortController();
  #lastError: string | undefined;
  #published: UpstreamHealth = { state: 'idle', children: 0, lastError: undefined };

  constructor(settings: StdioSettings, services: StarterServices, client: StarterClient) {
    this.#settings = settings;
    this.#services = services;
    this.#client = client;
    this.#command = {
      command: settings.command,
      args: settings.args,
      cwd: settings.cwd,
      environment: childEnvironment(settings, services.environment),
      lineBytes: settings.limits.line_bytes,
      stderrBytes: settings.limits.stderr_bytes,
      secrets: ChildSecrets.of(settings, services.environment),
    };
    const { log, now, timing } = services;
    this.#connectionServices = { log, now, timing, pendingCalls: settings.limits.pending_calls };
    this.#gate = new RestartGate(settings.restart, now);
    this.#rate = new SpawnRate(settings.limits.spawns_per_minute, now);
  }

  get health(): UpstreamHealth {
    return this.#published;
  }

  /**
   * A new child, running. Waits out a back-off, and for a child that is just leaving.
   * @throws ProblemError UPSTREAM_CRASH_LOOP, UPSTREAM_BUSY, UPSTREAM_START, SHUTTING_DOWN.
   */
  async start(purpose: { readonly probing: boolean }): Promise<StdioConnection> {
    await this.#turn();
    const { spawns_per_minute: perMinute } = this.#settings.limits;
    if (!this.#rate.take()) throw busy(`mcps[].limits.spawns_per_minute (${perMinute}) is reached`);
    const attempt = this.#gate.begin();
    const connection = new StdioConnection(this.#command, this, this.#connectionServices);
    this.#entries.set(connection, { attempt, probing: purpose.probing, lasted: this.#watch() });
    this.#publish();
    if (connection.pid !== undefined) return connection;
    await connection.gone;
    throw new ProblemError(PROBLEMS.UPSTREAM_START, connection.ending?.detail);
  }

  /** It was asked for its era and said nothing: if it leaves now, that is no answer. */
  asked(connection: StdioConnection): void {
    const entry = this.#entries.get(connection);
    if (entry !== undefined) entry.probing = false;
  }

  /** A child ran but was of no use. Says so to the operator and in the health. */
  useless(summary: string, detail: string): ProblemError {
    this.#lastError = summary;
    this.#services.log.error('the server started but cannot be used', {
      cause: detail,
      remedy: 'run the command by hand',
    });
    this.#publish();
    return new ProblemError(PROBLEMS.UPSTREAM_START, detail);
  }

  answered(connection: StdioConnection): void {
    const entry = this.#entries.get(connection);
    if (entry !== undefined) entry.probing = false;
    this.#gate.answered();
    this.#lastError = undefined;
    this.#publish();
  }

  exited(connection: StdioConnection, exit: ChildExit): void {
    const entry = this.#entries.get(connection)!;
    this.#entries.delete(connection);
    clearTimeout(entry.lasted);
    const forgiven = exit.expected || (entry.probing && !exit.neverStarted);
    this.#gate.ended(entry.attempt, forgiven);
    if (!forgiven) {
      this.#lastError = exit.summary;
      this.#report(exit);
    }
    this.#client.gone(connection, !forgiven);
    this.#publish();
  }

  /** Stops every child and starts no other. Resolves when all are gone; `deadline` makes it a kill. */
  async close(deadline: AbortSignal): Promise<void> {
    this.#closing.abort();
    const left = [...this.#entries.keys()].map((connection) => {
      return connection.stop(PROBLEMS.SHUTTING_DOWN, 'the gateway is shutting down');
    });
    const killAll = (): void => {
      for (const connection of this.#entries.keys()) void connection.kill();
    };
    if (deadline.aborted) killAll();
    deadline.addEventListener('abort', killAll, { once: true });
    await Promise.all(left);
    deadline.removeEventListener('abort', killAll);
  }

  /** Returns when a child may be started, and without giving way again: the next statement must start it. */
  async #turn(): Promise<void> {
    for (;;) {
      if (this.#closing.signal.aborted) throw new ProblemError(PROBLEMS.SHUTTING_DOWN);
      if (this.#gate.refuses) throw new ProblemError(PROBLEMS.UPSTREAM_CRASH_LOOP, `last: ${this.#lastError}`);
      const pause = this.#gate.pauseMs;
      if (pause > 0) await delay(pause, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
      else if (this.#entries.size < this.#settings.limits.children) return;
      else await this.#makeRoom();
    }
  }

  async #makeRoom(): Promise<void> {
    const leaving = [...this.#entries.keys()].filter((connection) => !connection.alive);
    if (leaving.length > 0) await Promise.race(leaving.map((connection) => connection.gone));
    else {
      const spare = this.#client.spare();
      if (spare === undefined) throw busy(`mcps[].limits.children (${this.#settings.limits.children}) is reached`);
      await spare.stop();
    }
  }

  #watch(): NodeJS.Timeout | undefined {
    if (!this.#gate.suspicious) return undefined;
    const lasted = (): void => {
      this.#gate.lasted();
      this.#publish();
    };
    return setTimeout(lasted, this.#settings.restart.stable_after_ms).unref();
  }

  #report(exit: ChildExit): void {
    const { log } = this.#services;
    const { id, command } = this.#settings;
    const fields = { command, cause: exit.detail, remedy: exit.remedy };
    if (exit.neverStarted) log.error(`server ${id} could not be started: ${exit.detail}: ${exit.remedy}`, fields);
    else
      log.error(`server ${id} stopped by itself: it ${exit.summary}`, {
        ...fields,
        lived_ms: Math.round(exit.lifetimeMs),
      });
    if (!this.#gate.looping) return;
    log.error(`server ${id} keeps stopping: nothing is sent to it until the next try`, {
      next_try_ms: Math.round(this.#gate.pauseMs),
    });
  }

  #publish(): void {
    const children = this.#entries.size;
    const calm = this.#lastError === undefined ? 'idle' : 'down';
    const state = this.#gate.looping ? 'crash-loop' : children > 0 ? 'up' : calm;
    const { state: before, children: count, lastError } = this.#published;
    if (state === before && children === count && this.#lastError === lastError) return;
    this.#published = { state, children, lastError: this.#lastError };
    this.#services.onState(this.#published);
  }
}

function busy(detail: string): ProblemError {
  return new ProblemError(PROBLEMS.UPSTREAM_BUSY, detail);
}

import type { Audit } from './audit/audit.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import { callComponent, connectionComponent, listenerComponent, recordComponent } from './components.ts';
import { ignoresAllowList } from './config/address-variables.ts';
import type { Loaded } from './config/load.ts';
import type { ServerSettings, Settings } from './config/settings.ts';
import type { ControlServices, GatewayStatus } from './control/command.ts';
import { ControlServer } from './control/server.ts';
import { newEstate } from './estate.ts';
import { compileGeneration } from './generation.ts';
import type { Listener } from './http/listener.ts';
import type { TokenRegistry } from './identity/token-registry.ts';
import { type Component, Lifecycle } from './lifecycle.ts';
import { bindListeners, urlOf } from './listeners.ts';
import { closeParts, openParts, type Parts } from './parts.ts';
import type { AddressBook } from './perimeter/address-book.ts';
import { BanWatch } from './perimeter/bans.ts';
import { type PerimeterSummary, summaryOf } from './perimeter/summary.ts';
import { AddressDoubts } from './policy/address-doubts.ts';
import { banReport } from './proxy/ban-report.ts';
import { Refuser } from './proxy/refuser.ts';
import type { Estate, Generation } from './proxy/services.ts';
import { announceTools, callsOf, endDenied, endUnverified, judgeAgain, noteUnverified } from './reload.ts';
import { restartNeeded } from './restart-needed.ts';
import type { Storage } from './storage/storage.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { Upstream } from './upstream/lane.ts';
import { UpstreamYard } from './upstream-yard.ts';

export interface AppOptions {
  readonly loaded: Loaded;
  readonly version: string;
  readonly log: Log;
}

/** How long calls on a server that was reconfigured may still run on its old processes. */
const RETIRE_MS = 60_000;

/**
 * The composition root: configuration in, running components out. The only place that knows every module.
 *
 * What a configuration decides is a Generation, compiled whole and pinned by each request. What is alive is the Estate:
 * it outlives a reload.
 */
export class App {
  readonly settings: Settings;
  readonly stateDir: string;
  readonly log: Log;
  readonly storage: Storage;
  readonly audit: Audit;
  private readonly options: AppOptions;
  private readonly metrics: Metrics;
  private readonly registry: TokenRegistry;
  private readonly book: AddressBook;
  private readonly estate: Estate;
  private readonly yard: UpstreamYard;
  private readonly doubts: AddressDoubts;
  private readonly lifecycle: Lifecycle;
  private readonly startedAt = new Date();
  private generation!: Generation;
  private control: ControlServer | undefined;
  private readonly certificates: CertificateKeeper;
  private readonly listeners: readonly Listener[];
  private draining = false;
  private loaded: Loaded;
  private reloading: Promise<void> = Promise.resolve();

  private constructor(options: AppOptions, parts: Parts) {
    this.options = options;
    this.loaded = options.loaded;
    this.settings = options.loaded.settings;
    this.log = options.log;
    this.stateDir = parts.stateDir;
    this.storage = parts.storage;
    this.registry = parts.registry;
    this.book = parts.book;
    this.metrics = parts.metrics;
    this.audit = parts.audit;
    this.estate = newEstate(this.settings, {
      audit: parts.audit,
      metrics: parts.metrics,
      log: options.log,
      show: parts.show,
      taskHandles: parts.taskHandles,
      network: () => this.generation.network,
      entries: parts.book,
      bans: new BanWatch(parts.book, banReport({ audit: parts.audit, metrics: parts.metrics, log: options.log })),
    });
    this.doubts = new AddressDoubts({ ...parts, log: options.log, now: () => performance.now() });
    this.yard = new UpstreamYard({ log: options.log, metrics: parts.metrics, version: options.version });
    this.certificates = new CertificateKeeper({ log: options.log, audit: parts.audit }, () =>
      endUnverified(this.estate),
    );
    this.listeners = bindListeners(this.settings, {
      estate: this.estate,
      certificates: this.certificates,
      house: {
        generation: () => this.generation,
        facts: {
          service: () => this.loaded.settings.health.service,
          version: options.version,
          authEnabled: () => this.loaded.settings.auth.enabled,
          notReady: () => (this.draining ? 'stopping' : this.audit.healthy ? undefined : 'audit'),
        },
      },
    });
    this.lifecycle = new Lifecycle(this.components(), options.log);
  }

  /**
   * Opens everything that can fail before a port is bound: state folder, store, tokens, audit file, rules.
   * @throws StorageError, CommandError or Error, each naming the setting and the remedy; nothing is left open then
   */
  static async open(options: AppOptions): Promise<App> {
    const parts = await openParts(options);
    try {
      const app = new App(options, parts);
      await app.compile(1, options.loaded);
      return app;
    } catch (error) {
      await closeParts(parts);
      throw error;
    }
  }

  /** @throws what binding a port or the control socket throws; nothing runs then */
  start(): Promise<void> {
    return this.lifecycle.start();
  }

  /** Ends everything in order: no new calls, streams ended, calls finished or told, children gone, records flushed. */
  stop(): Promise<void> {
    return this.lifecycle.stop(this.loaded.settings.server.limits.shutdown_timeout_ms);
  }

  /** Lets go of what `open` took, when `start` was never reached or failed. Idempotent. */
  async abandon(): Promise<void> {
    await this.lifecycle.stop(1_000);
    const { audit, registry, book, storage } = this;
    await closeParts({ audit, registry, book, storage });
  }

  /** Where each listener can be reached. */
  urls(): readonly { readonly name: string; readonly url: string }[] {
    return this.listeners.map((listener) => ({ name: listener.name, url: urlOf(listener) }));
  }

  /** From where callers may come now. */
  perimeter(): PerimeterSummary {
    return summaryOf(this.generation.data.perimeter, this.generation.admin.perimeter);
  }

  /** What commands of this process work on, and those that come over the control socket. */
  controlServices(): ControlServices {
    return {
      storage: this.storage,
      registry: this.registry,
      perimeter: {
        addresses: this.book,
        endDenied: () => endDenied(this.estate, this.generation),
        isEnforced: () => this.generation.network.gateway.rules.mode === 'enforce',
        hasAllowList: () => this.generation.network.gateway.rules.allow !== undefined,
        explaining: () => ({
          perimeter: this.generation.data.perimeter,
          isListIgnored: ignoresAllowList(this.loaded),
        }),
        reported: () => this.estate.reports.summary(),
      },
      status: () => this.status(),
      serverIds: () => [...this.generation.servers.keys()],
      record: async (event) => {
        await this.audit.write({
          type: 'control',
          rule: event.command,
          reason: event.ids.join(' ') || undefined,
          detail: event.summary,
        });
      },
    };
  }

  /**
   * Takes over another configuration without dropping a request: it is compiled whole first, then swapped in one step. One
   * reload at a time.
   * @throws Error when it cannot be compiled; the old one stays in force
   * @returns the settings that need a restart to change
   */
  reload(loaded: Loaded): Promise<readonly string[]> {
    const turn = this.reloading.then(() => this.takeOver(loaded));
    this.reloading = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  private async takeOver(loaded: Loaded): Promise<readonly string[]> {
    const before = this.generation;
    const useCertificates = this.certificates.prepare(loaded.settings);
    const unused = await this.compile(before.number + 1, loaded);
    const now = this.generation;
    this.loaded = loaded;
    useCertificates();
    this.metrics.know({ servers: [...now.servers.keys()] });
    this.estate.directories.clear();
    judgeAgain(this.estate, now);
    announceTools(this.estate, before, now);
    this.audit.note({ type: 'lifecycle', detail: `configuration reloaded, generation ${now.number}` });
    noteUnverified(this.audit, loaded.settings);
    void this.retire(unused, before.number);
    return restartNeeded(this.options.loaded, loaded);
  }

  /** Calls that were let in before the reload finish on the upstream they were let in for. */
  private async retire(unused: readonly Upstream[], generation: number): Promise<void> {
    if (unused.length === 0) return;
    const deadline = AbortSignal.timeout(RETIRE_MS);
    await callsOf(this.estate, unused, generation, deadline);
    await this.yard.retire(unused, deadline);
  }

  /** Puts the rules of a configuration in force. @returns the upstreams it no longer uses */
  private async compile(number: number, loaded: Loaded): Promise<readonly Upstream[]> {
    const draft = this.yard.draft();
    const refuser = new Refuser(this.estate);
    this.generation = await compileGeneration(number, loaded.settings, {
      headerLines: this.settings.server.limits.header_count,
      audit: this.audit,
      registry: this.registry,
      taskHandles: this.estate.taskHandles,
      addresses: this.doubts.ports(loaded.settings.log),
      entries: this.estate.entries,
      report: (x, step, denial) => refuser.reported(x, step, denial),
      upstream: (server: ServerSettings) => draft.upstreamOf(server, loaded.environment),
      onThrow: (step, error) => this.log.error('a policy step threw', { step, error: describe(error) }),
    });
    const { bans, mode } = loaded.settings.security;
    this.estate.bans.configure(bans, this.generation.data.perimeter.callers, mode === 'enforce');
    return draft.commit();
  }

  private components(): readonly Component[] {
    const { audit, registry, book, storage, estate } = this;
    return [
      recordComponent({ audit, registry, book, storage, version: this.options.version }),
      {
        name: 'upstreams',
        start: async () => noteUnverified(audit, this.settings),
        stop: (deadline) => this.yard.close(deadline),
      },
      connectionComponent(this.listeners),
      callComponent(estate, { registry, book }, this.settings.sessions.idle_timeout_ms, () => this.generation),
      this.controlComponent(),
      this.certificates.component(),
      listenerComponent(this.listeners, () => {
        this.draining = true;
      }),
    ];
  }

  private controlComponent(): Component {
    return {
      name: 'control socket',
      start: async () => {
        const onError = (error: unknown): void => this.log.error('a command failed', { error: describe(error) });
        this.control = await ControlServer.open({ stateDir: this.stateDir, onError }, this.controlServices());
      },
      stop: async () => this.control?.close(),
    };
  }

  private status(): GatewayStatus {
    return {
      pid: process.pid,
      version: this.options.version,
      started_at: this.startedAt.toISOString(),
      state_dir: this.stateDir,
      config_file: this.loaded.file ?? null,
      public_url: this.loaded.settings.server.public_url ?? null,
      listeners: this.urls(),
      servers: [...this.generation.servers.values()].map(({ id, transport, upstream }) => {
        const { state, children, lastError } = upstream.health();
        return { id, transport, state, children, last_error: lastError ?? null };
      }),
      open_streams: this.estate.tickets.size,
      sessions: this.estate.sessions.size,
      audit: { enabled: this.settings.audit.enabled, healthy: this.audit.healthy },
      perimeter: this.perimeter(),
    };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

import { createHash } from 'node:crypto';
import type { ServerSettings } from './config/settings.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { createHttpUpstream } from './upstream/http-upstream.ts';
import type { Upstream, UpstreamHealth } from './upstream/lane.ts';
import { createStdioUpstream } from './upstream/stdio-upstream.ts';

export interface YardServices {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
}

interface Stall {
  readonly fingerprint: string;
  readonly upstream: Upstream;
}

/** How long the children of a server that was reconfigured may take to end. */
const RETIRE_MS = 10_000;

/**
 * The servers that are alive. A reload that does not touch a server's settings keeps its children and connections: they are
 * known by the fingerprint of what they were made from.
 */
export class UpstreamYard {
  private readonly services: YardServices;
  private readonly stalls = new Map<string, Stall>();
  private readonly retired: Upstream[] = [];

  constructor(services: YardServices) {
    this.services = services;
  }

  upstreamOf(server: ServerSettings, environment: Readonly<Record<string, string>>): Upstream {
    const fingerprint = fingerprintOf(server, environment);
    const known = this.stalls.get(server.id);
    if (known?.fingerprint === fingerprint) return known.upstream;
    if (known !== undefined) this.retired.push(known.upstream);
    const upstream = this.create(server, environment);
    this.stalls.set(server.id, { fingerprint, upstream });
    return upstream;
  }

  /** Closes what the configuration in force no longer has. */
  async retire(configured: ReadonlySet<string>): Promise<void> {
    for (const [id, stall] of this.stalls) {
      if (configured.has(id)) continue;
      this.stalls.delete(id);
      this.retired.push(stall.upstream);
    }
    const deadline = AbortSignal.timeout(RETIRE_MS);
    await Promise.all(this.retired.splice(0).map((upstream) => upstream.close(deadline)));
  }

  async close(deadline: AbortSignal): Promise<void> {
    const all = [...this.retired, ...[...this.stalls.values()].map(({ upstream }) => upstream)];
    await Promise.all(all.map((upstream) => upstream.close(deadline)));
  }

  private create(server: ServerSettings, environment: Readonly<Record<string, string>>): Upstream {
    const { metrics, version } = this.services;
    const log = this.services.log.child({ server: server.id });
    const onState = (health: UpstreamHealth): void => {
      metrics.upstreamState(server.id, health.state);
      metrics.children(server.id, health.children);
    };
    metrics.upstreamState(server.id, 'idle');
    return server.transport === 'stdio'
      ? createStdioUpstream(server, { log, environment, onState, version })
      : createHttpUpstream(server, { log, onState, version });
  }
}

/**
 * What the server itself is made from, the secrets among it included; only ever compared. Rules about it (`tools`, `auth`,
 * timeouts of calls) belong to the generation and leave its children alone.
 */
function fingerprintOf(server: ServerSettings, environment: Readonly<Record<string, string>>): string {
  const { tools: _tools, auth: _auth, description: _description, call_timeout_ms: _timeout, ...made } = server;
  const secret = server.transport === 'streamable-http' ? (server.upstream_auth?.token.reveal() ?? '') : '';
  const allowed = server.transport === 'stdio' ? server.env_allow.map((name) => environment[name] ?? null) : [];
  return createHash('sha256')
    .update(JSON.stringify([made, secret, allowed]))
    .digest('hex');
}

import { createHash } from 'node:crypto';
import type { ServerSettings } from './config/settings.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { createHttpUpstream } from './upstream/http-upstream.ts';
import type { Upstream, UpstreamHealth } from './upstream/lane.ts';
import { createSseUpstream } from './upstream/sse-upstream.ts';
import { createStdioUpstream } from './upstream/stdio-upstream.ts';
import { tlsFingerprint } from './upstream/tls.ts';

export interface YardServices {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
}

interface Stall {
  readonly fingerprint: string;
  readonly upstream: Upstream;
}

/** The servers of a configuration that is being compiled. Nothing is alive in it that was not alive before. */
export interface YardDraft {
  /** The upstream of a server: the one in use while nothing it is made from changed, else a new one. */
  upstreamOf(server: ServerSettings, environment: Readonly<Record<string, string>>): Upstream;
  /** Puts the draft in force. @returns the upstreams nothing new will use; the caller closes them when their calls are done */
  commit(): readonly Upstream[];
}

/**
 * The servers that are alive. A reload that does not touch a server's settings keeps its children and connections: they are
 * known by the fingerprint of what they were made from.
 */
export class UpstreamYard {
  private readonly services: YardServices;
  private stalls: ReadonlyMap<string, Stall> = new Map();
  private readonly leaving = new Set<Upstream>();

  constructor(services: YardServices) {
    this.services = services;
  }

  draft(): YardDraft {
    const next = new Map<string, Stall>();
    return {
      upstreamOf: (server, environment) => {
        const fingerprint = fingerprintOf(server, environment);
        const known = this.stalls.get(server.id);
        const kept = known?.fingerprint === fingerprint ? known.upstream : undefined;
        const upstream = kept ?? this.create(server, environment);
        next.set(server.id, { fingerprint, upstream });
        return upstream;
      },
      commit: () => {
        const used = new Set([...next.values()].map(({ upstream }) => upstream));
        const unused = [...this.stalls.values()].map(({ upstream }) => upstream).filter((old) => !used.has(old));
        for (const upstream of unused) this.leaving.add(upstream);
        this.stalls = next;
        return unused;
      },
    };
  }

  /** Closes upstreams a `commit` gave back. */
  async retire(upstreams: readonly Upstream[], deadline: AbortSignal): Promise<void> {
    await Promise.all(upstreams.map((upstream) => upstream.close(deadline)));
    for (const upstream of upstreams) this.leaving.delete(upstream);
  }

  async close(deadline: AbortSignal): Promise<void> {
    const all = [...this.leaving, ...[...this.stalls.values()].map(({ upstream }) => upstream)];
    await Promise.all(all.map((upstream) => upstream.close(deadline)));
  }

  private create(server: ServerSettings, environment: Readonly<Record<string, string>>): Upstream {
    const { log, metrics, version } = this.services;
    const onState = (health: UpstreamHealth): void => {
      metrics.upstreamState(server.id, health.state);
      metrics.children(server.id, health.children);
    };
    metrics.upstreamState(server.id, 'idle');
    switch (server.transport) {
      case 'stdio':
        return createStdioUpstream(server, { log, environment, onState, version });
      case 'streamable-http':
        return createHttpUpstream(server, { log, onState, version });
      case 'sse':
        return createSseUpstream(server, { log, onState });
    }
  }
}

/**
 * What the server itself is made from, the secrets among it included; only ever compared. Rules about it (`tools`, `auth`,
 * extensions, timeouts of calls) belong to the generation and leave its children alone.
 */
function fingerprintOf(server: ServerSettings, environment: Readonly<Record<string, string>>): string {
  const { tools: _tools, auth: _auth, description: _description, call_timeout_ms: _timeout, ...rest } = server;
  const { extensions: _extensions, cache_scope: _scope, security: _security, ...made } = rest;
  const secret = server.transport === 'stdio' ? '' : (server.upstream_auth?.token.reveal() ?? '');
  const tls = server.transport === 'stdio' ? '' : tlsFingerprint(server.tls, server.id);
  const allowed = server.transport === 'stdio' ? server.env_allow.map((name) => environment[name] ?? null) : [];
  return createHash('sha256')
    .update(JSON.stringify([made, secret, allowed, tls]))
    .digest('hex');
}

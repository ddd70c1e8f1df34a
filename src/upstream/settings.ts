import type { Era } from '../protocol/revisions.ts';
import type { UpstreamTlsSettings } from './tls.ts';

/** How client sessions and principals share the children of a stdio server. */
export type ChildScope = 'per_session' | 'per_principal' | 'shared';

interface CommonSettings {
  readonly id: string;
  /** `auto`: found out by asking once. */
  readonly era: 'auto' | Era;
  readonly start_timeout_ms: number;
}

export interface StdioSettings extends CommonSettings {
  readonly transport: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** Variables the child gets, beside the few every program needs. Already expanded. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of the gateway's own variables the child may see. */
  readonly env_allow: readonly string[];
  /** Absent: per session on the legacy era, per principal on the modern one. */
  readonly child?: ChildScope | undefined;
  readonly restart: {
    readonly backoff_ms: number;
    readonly backoff_max_ms: number;
    readonly crash_loop_after: number;
    readonly stable_after_ms: number;
  };
  readonly limits: {
    readonly line_bytes: number;
    readonly stderr_bytes: number;
    readonly children: number;
    readonly spawns_per_minute: number;
    readonly pending_calls: number;
  };
}

/** A server reached over HTTP, whichever of the two transports it speaks. */
export interface RemoteSettings {
  readonly id: string;
  readonly start_timeout_ms: number;
  readonly url: string;
  /** What the gateway presents to the server; never the client's own credential. */
  readonly upstream_auth?:
    | { readonly type: 'token'; readonly token: { reveal(): string }; readonly header: string; readonly prefix: string }
    | undefined;
  /** Absent: the defaults of `mcps[].tls`. */
  readonly tls?: UpstreamTlsSettings | undefined;
  readonly limits: { readonly response_bytes: number; readonly pending_calls: number };
}

export interface HttpSettings extends CommonSettings, RemoteSettings {
  readonly transport: 'streamable-http';
}

/** HTTP+SSE, the transport of 2024-11-05: always the legacy era. */
export interface SseSettings extends RemoteSettings {
  readonly transport: 'sse';
}

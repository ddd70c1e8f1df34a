import { compileRoutes, type Route, type RouteTable } from '../http/routes.ts';

export interface RouteSettings {
  readonly servers: readonly string[];
  /** Bytes of an MCP request body. */
  readonly bodyBytes: number;
  /** `token`: nobody without a credential learns even that the gateway is healthy. */
  readonly healthAuth: 'none' | 'token';
  /** Whether the transport of 2024-11-05 is served. */
  readonly sse: boolean;
}

const mcp = {
  plane: 'data',
  auth: 'required',
  role: 'user',
  rateClass: 'mcp',
  audit: 'call',
  checkHost: true,
  cors: 'listed',
} as const;
const read = {
  ...mcp,
  rateClass: 'read',
  audit: 'refusals',
  bodyBytes: 0,
  server: undefined,
  methods: ['GET'],
} as const;
const probe = {
  plane: 'operations',
  role: undefined,
  server: undefined,
  methods: ['GET', 'HEAD'],
  bodyBytes: 0,
  rateClass: 'probe',
  audit: 'refusals',
  checkHost: false,
  cors: 'listed',
} as const;

const ANY_VERB = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Every path outside the table. Public, because it says nothing; there is nothing behind it. */
export const UNKNOWN: Route = {
  ...read,
  name: 'unknown',
  path: '(unknown)',
  auth: 'none',
  role: undefined,
  methods: ANY_VERB,
};

const MCP_VERBS = ['GET', 'POST', 'DELETE'];

/**
 * Every path under /mcp that names no server. To whoever has no credential it answers as the route of a server does, verb by
 * verb, so that names cannot be tried out.
 */
export const UNKNOWN_MCP: Route = { ...read, name: 'unknown-mcp', path: '/mcp/(unknown)', methods: MCP_VERBS };

/** The main listener's table. */
export function dataRoutes(settings: RouteSettings): RouteTable {
  const { servers, bodyBytes, healthAuth } = settings;
  const methods = MCP_VERBS;
  const only = servers.length === 1 ? servers[0] : undefined;
  return compileRoutes(
    [
      { ...mcp, name: 'mcp', path: '/mcp', methods, server: only, bodyBytes },
      ...servers.map((id): Route => ({ ...mcp, name: 'mcp', path: `/mcp/${id}`, methods, server: id, bodyBytes })),
      ...(settings.sse ? sseRoutes(servers, only, bodyBytes) : []),
      { ...read, name: 'servers', path: '/mcp/servers' },
      { ...read, name: 'servers', path: '/api/v1/mcp/list' },
      { ...read, name: 'client-address', path: '/client-address' },
      { ...probe, name: 'health', path: '/health', auth: healthAuth === 'token' ? 'required' : 'optional' },
      { ...probe, name: 'liveness', path: '/healthz', auth: 'none' },
      { ...probe, name: 'readiness', path: '/readyz', auth: 'none' },
    ],
    UNKNOWN,
    UNKNOWN_MCP,
  );
}

/** 2024-11-05: a stream and a place to POST. All verbs of a server's route reach them, for the reason `UNKNOWN_MCP` gives. */
function sseRoutes(servers: readonly string[], only: string | undefined, bodyBytes: number): Route[] {
  const places = [{ base: '', server: only }, ...servers.map((server) => ({ base: `/mcp/${server}`, server }))];
  return places.flatMap(({ base, server }): Route[] => [
    { ...mcp, name: 'sse', path: `${base}/sse`, methods: MCP_VERBS, server, bodyBytes: 0 },
    { ...mcp, name: 'messages', path: `${base}/messages`, methods: MCP_VERBS, server, bodyBytes },
  ]);
}

/** The table of the plain-HTTP listener: it serves nothing. */
export function redirectRoutes(): RouteTable {
  return compileRoutes([], UNKNOWN);
}

/** The admin listener's table. */
export function adminRoutes(metricsAuth: 'none' | 'token'): RouteTable {
  const guarded = metricsAuth === 'token';
  return compileRoutes(
    [
      {
        ...read,
        name: 'metrics',
        plane: 'admin',
        path: '/metrics',
        auth: guarded ? 'required' : 'none',
        role: guarded ? 'admin' : undefined,
      },
      { ...read, name: 'client-address', plane: 'admin', path: '/client-address', role: 'admin' },
      { ...probe, name: 'liveness', path: '/healthz', auth: 'none' },
      { ...probe, name: 'readiness', path: '/readyz', auth: 'none' },
    ],
    UNKNOWN,
  );
}

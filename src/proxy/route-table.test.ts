import { describe, expect, it } from 'vitest';
import type { Route } from '../http/routes.ts';
import { adminRoutes, dataRoutes, UNKNOWN, UNKNOWN_MCP } from './route-table.ts';

const columns = ({ path, plane, name, methods, server, auth, role, bodyBytes, rateClass, audit, checkHost }: Route) =>
  [
    path,
    plane,
    name,
    methods.join(),
    server,
    auth,
    role,
    bodyBytes,
    rateClass,
    audit,
    checkHost ? 'host' : 'any host',
  ].join(' ');
const listed = (rows: readonly Route[]) => rows.map(columns);

const VERBS = 'GET,POST,DELETE';
const ALL_VERBS = 'GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS';
const settings = { servers: ['crm', 'search'], bodyBytes: 4_096, healthAuth: 'none', sse: true } as const;

describe('the main listener', () => {
  it('serves these routes and no others', () => {
    expect(listed(dataRoutes(settings).rows)).toEqual([
      `/mcp data mcp ${VERBS}  required user 4096 mcp call host`,
      `/mcp/crm data mcp ${VERBS} crm required user 4096 mcp call host`,
      `/mcp/search data mcp ${VERBS} search required user 4096 mcp call host`,
      ...['', 'crm', 'search'].flatMap((id) => {
        const base = id === '' ? '' : `/mcp/${id}`;
        return [
          `${base}/sse data sse ${VERBS} ${id} required user 0 mcp call host`,
          `${base}/messages data messages ${VERBS} ${id} required user 4096 mcp call host`,
        ];
      }),
      '/mcp/servers data servers GET  required user 0 read refusals host',
      '/api/v1/mcp/list data servers GET  required user 0 read refusals host',
      '/client-address data client-address GET  required user 0 read refusals host',
      '/health operations health GET,HEAD  optional  0 probe refusals any host',
      '/healthz operations liveness GET,HEAD  none  0 probe refusals any host',
      '/readyz operations readiness GET,HEAD  none  0 probe refusals any host',
    ]);
  });

  it('serves the transport of 2024-11-05 only while that is wished', () => {
    const without = dataRoutes({ ...settings, sse: false });
    expect(without.rows.filter(({ name }) => name === 'sse' || name === 'messages')).toEqual([]);
    expect(without.find('/sse')).toBe(UNKNOWN);
    expect(without.find('/mcp/crm/sse')).toBe(UNKNOWN_MCP);
  });

  it('asks for a credential on /health where that is wished, and never on the probes of machines', () => {
    const table = dataRoutes({ ...settings, healthAuth: 'token' });
    const auth = (path: string) => table.rows.find((row) => row.path === path)?.auth;
    expect([auth('/health'), auth('/healthz'), auth('/readyz')]).toEqual(['required', 'none', 'none']);
  });

  it('serves the only server at /mcp too', () => {
    const at = (servers: readonly string[]) => dataRoutes({ ...settings, servers }).find('/mcp');
    expect(at(['crm'])).toMatchObject({ server: 'crm' });
    expect(at(['crm', 'search'])).toMatchObject({ server: undefined });
    expect(at([])).toMatchObject({ server: undefined });
  });

  it('has no room for a server named like a route of its own', () => {
    expect(() => dataRoutes({ ...settings, servers: ['servers'] })).toThrow('two routes for /mcp/servers');
  });
});

describe('the admin listener', () => {
  it('serves these routes and no others', () => {
    expect(listed(adminRoutes('token').rows)).toEqual([
      '/metrics admin metrics GET  required admin 0 read refusals host',
      '/client-address admin client-address GET  required admin 0 read refusals host',
      '/healthz operations liveness GET,HEAD  none  0 probe refusals any host',
      '/readyz operations readiness GET,HEAD  none  0 probe refusals any host',
    ]);
    expect(listed(adminRoutes('none').rows)[0]).toBe('/metrics admin metrics GET  none  0 read refusals host');
  });

  it('knows nothing of MCP', () => {
    expect(adminRoutes('none').find('/mcp/crm')).toBe(UNKNOWN);
  });
});

describe('a path outside the table', () => {
  it('is judged before it is not found', () => {
    expect(columns(UNKNOWN)).toBe(`(unknown) data unknown ${ALL_VERBS}  none  0 read refusals host`);
    expect(columns(UNKNOWN_MCP)).toBe(`/mcp/(unknown) data unknown-mcp ${VERBS}  required user 0 read refusals host`);
  });

  it('below /mcp asks for a credential first, and takes the verbs of a server, so that names cannot be tried out', () => {
    const table = dataRoutes(settings);
    const [real, made] = [table.find('/mcp/crm') as Route, table.find('/mcp/nothing') as Route];
    for (const column of ['methods', 'auth', 'role', 'checkHost'] as const) expect(made[column]).toEqual(real[column]);
  });
});

describe('every route', () => {
  const rows = [...dataRoutes(settings).rows, ...adminRoutes('token').rows, UNKNOWN, UNKNOWN_MCP];

  it('that is about a server, or names servers, asks for a user', () => {
    const open = rows.filter((row) => row.path.startsWith('/mcp') || row.path.startsWith('/api'));
    expect(open.every((row) => row.auth === 'required' && row.role === 'user')).toBe(true);
  });

  it('with a role asks for the credential that could have it', () => {
    for (const row of rows) if (row.role !== undefined) expect(row.auth, row.path).toBe('required');
  });

  it('takes a body only where messages come in', () => {
    for (const row of rows) if (row.bodyBytes > 0) expect(['mcp', 'messages']).toContain(row.name);
  });

  it('checks the host but for probes', () => {
    for (const row of rows) expect(row.checkHost, row.path).toBe(row.plane !== 'operations');
  });
});

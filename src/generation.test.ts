import { describe, expect, it, onTestFinished } from 'vitest';
import { folderWith, load } from '../test/fixtures/config/folder.ts';
import { exchangeOf, principalOf } from '../test/support/judged.ts';
import { NO_LIVE_ENTRIES } from '../test/support/live-entries.ts';
import { disabledAudit } from './audit/audit.ts';
import { compileGeneration } from './generation.ts';
import { TokenRegistry } from './identity/token-registry.ts';
import { isStopped } from './policy/engine.ts';
import type { Reporter } from './policy/network.ts';
import type { Plane } from './proxy/services.ts';
import { VOCABULARY } from './proxy/vocabulary.ts';
import { openSqlite } from './storage/sqlite.ts';
import type { Upstream } from './upstream/lane.ts';

const GATEWAY = 'gateway-token-aeTh7eiG';
const SEARCH = 'search-token-aeTh7eiG';
const FILE = `
auth: { methods: [{ type: token, tokens: [{ name: ops, token: ${GATEWAY}, roles: [user] }] }] }
mcps:
  - { id: crm, transport: stdio, command: node }
  - { id: search, transport: stdio, command: node, tools: { deny: [drop_*] }, auth: { type: token, token: ${SEARCH} } }
`;

async function compiled(text = FILE, report: Reporter = () => {}, headerLines = 100) {
  const storage = openSqlite(folderWith({}));
  const registry = await TokenRegistry.open(storage, { onError: () => {} });
  onTestFinished(async () => {
    await registry.close();
    await storage.close();
  });
  const upstream = ({ id }: { id: string }): Upstream => ({
    id,
    lease: () => Promise.reject(new Error('nobody is called here')),
    health: () => ({ state: 'idle', children: 0, lastError: undefined }),
    close: () => Promise.resolve(),
  });
  const services = {
    audit: disabledAudit,
    registry,
    upstream,
    onThrow: () => {},
    taskHandles: { open: () => undefined },
    addresses: { doubts: { doubt: () => {} } },
    entries: NO_LIVE_ENTRIES,
    headerLines,
    report,
  };
  return compileGeneration(1, load(text).settings, services);
}

/** The reason a GET is refused for, or the rule that let it pass. */
async function judged(plane: Plane, path: string, headers: readonly string[]): Promise<string> {
  const found = plane.routes.find(path);
  if ('code' in found) return found.code;
  const result = await plane.admit.run(exchangeOf({ method: 'GET', route: found, headers, peer: '127.0.0.1' }));
  if (!isStopped(result)) return result.pass;
  return 'reason' in result.verdict ? result.verdict.reason : result.verdict.rule;
}
const HERE = ['Host', '127.0.0.1:3000'];
const bearing = (token: string, headers = HERE) => [...headers, 'Authorization', `Bearer ${token}`];

describe('a compiled configuration', () => {
  it('judges every request in one order, on both listeners', async () => {
    const { data, admin, decide } = await compiled();
    const order = [
      'response-headers',
      'request-id',
      'client-address',
      'client-certificate',
      'transport-security',
      'network',
      'cors-headers',
      'routes',
      'host-origin',
      'cors',
      'authenticate',
      'route-access',
      'parse',
    ];
    expect(data.admit.names).toEqual(order);
    expect(admin.admit.names).toEqual(order);
    expect(decide.names).toEqual(['authorize', 'task-access', 'mirrored-parameters', 'audit-intent']);
    for (const name of [...order, ...decide.names]) expect(VOCABULARY.policies).toContain(name);
  });

  it('takes no more header lines than the listeners hand on whole, whatever a reload allows', async () => {
    const many = Array.from({ length: 20 }, (_, n) => [`X-${n}`, 'v']).flat();
    const asked = async (limit: number, headerLines: number) => {
      const { data } = await compiled(`${FILE}server: { limits: { header_count: ${limit} } }`, undefined, headerLines);
      return judged(data, '/healthz', [...HERE, ...many]);
    };
    expect(await asked(50, 50)).not.toBe('headers.too-many');
    expect([await asked(10, 50), await asked(50, 10)]).toEqual(['headers.too-many', 'headers.too-many']);
  });

  it('knows its servers, and which of them hide tools', async () => {
    const { servers, authorizer } = await compiled();
    expect([...servers.keys()]).toEqual(['crm', 'search']);
    expect(authorizer.restricts(principalOf(), 'crm')).toBe(false);
    expect(authorizer.restricts(principalOf(), 'search')).toBe(true);
  });

  it('cannot be changed', async () => {
    expect(Object.isFrozen(await compiled())).toBe(true);
  });
});

describe('the tokens of a route', () => {
  it('are those of the gateway, unless the server has its own', async () => {
    const { data } = await compiled();
    expect(await judged(data, '/mcp/crm', bearing(GATEWAY))).toBe('parse.no-body');
    expect(await judged(data, '/mcp/search', bearing(SEARCH))).toBe('parse.no-body');
    expect(await judged(data, '/mcp/search', bearing(GATEWAY))).toBe('token.unknown');
    expect(await judged(data, '/mcp/crm', bearing(SEARCH))).toBe('token.unknown');
    expect(await judged(data, '/mcp/crm', HERE)).toBe('token.absent');
  });

  it('are asked for before anything is said about paths below /mcp', async () => {
    const { data } = await compiled();
    expect(await judged(data, '/mcp/nothing', HERE)).toBe('token.absent');
    expect(await judged(data, '/mcp/nothing', bearing(GATEWAY))).toBe('route.unknown-server');
  });

  it('open the admin listener to administrators only', async () => {
    const { admin } = await compiled(`admin: { metrics_auth: token }\n${FILE}`);
    expect(await judged(admin, '/metrics', HERE)).toBe('token.absent');
    expect(await judged(admin, '/metrics', bearing(GATEWAY))).toBe('role.missing');
    const open = await compiled();
    expect(await judged(open.admin, '/metrics', HERE)).toBe('parse.no-body');
  });
});

describe('names and origins', () => {
  const at = (host: string) => ['Host', host];

  it('are loopback, the public URL and those written down', async () => {
    const text = `server: { public_url: "https://mcp.example.com/x", allowed_hosts: [mcp.internal] }\n${FILE}`;
    const { data } = await compiled(text);
    for (const host of ['localhost', 'mcp.example.com', 'mcp.internal:3000']) {
      expect(await judged(data, '/mcp/crm', at(host))).toBe('token.absent');
    }
    expect(await judged(data, '/mcp/crm', at('evil.example'))).toBe('host.not-served');
    expect(await judged(data, '/healthz', at('evil.example'))).toBe('parse.no-body');
  });

  it('of pages on loopback pass while the bind is loopback, and not beyond', async () => {
    const page = [...HERE, 'Origin', 'http://localhost:5173'];
    const { data: near } = await compiled();
    const { data: far } = await compiled(`server: { host: 0.0.0.0 }\n${FILE}`);
    expect(await judged(near, '/mcp/crm', page)).toBe('token.absent');
    expect(await judged(far, '/mcp/crm', page)).toBe('origin.not-allowed');
  });

  it('are only reported where that is asked for, and a page is granted nothing by it', async () => {
    const reported: unknown[] = [];
    const text = `security: { mode: report }\nserver: { host: 0.0.0.0 }\n${FILE}`;
    const { data } = await compiled(text, (x, step, { reason }) => reported.push([x.headers.origin, step, reason]));
    const page = [...HERE, 'Origin', 'https://staging.example.com'];
    expect(await judged(data, '/mcp/crm', page)).toBe('token.absent');
    const route = data.routes.find('/mcp/crm');
    if ('code' in route) throw new Error(route.code);
    const headers = [...page, 'Access-Control-Request-Method', 'POST'];
    const result = await data.admit.run(exchangeOf({ method: 'OPTIONS', route, headers, peer: '127.0.0.1' }));
    expect(result).toMatchObject({ step: 'cors', verdict: { answer: { status: 204, headers: [] } } });
    const entry = ['https://staging.example.com', 'host-origin', 'origin.not-allowed'];
    expect(reported).toEqual([entry, entry]);
  });

  it('of the admin listener are its own: no page of the main one may call it', async () => {
    const text = `security: { cors: { allowed_origins: ["https://app.example.com"] } }\n${FILE}`;
    const { data, admin } = await compiled(text);
    const page = [...HERE, 'Origin', 'https://app.example.com'];
    expect(await judged(data, '/mcp/crm', page)).toBe('token.absent');
    expect(await judged(admin, '/metrics', page)).toBe('origin.not-allowed');
  });
});

describe('a caller where authentication is off', () => {
  const OFF = (roles: string) =>
    `auth: { enabled: false, anonymous: { roles: ${roles} } }\nmcps: [{ id: crm, transport: stdio, command: node }]\n`;

  it('may do what is written down for it, and nothing by default', async () => {
    const some = await compiled(OFF('[user]'));
    expect(await judged(some.data, '/mcp/crm', HERE)).toBe('parse.no-body');
    const none = await compiled(OFF('[]'));
    expect(await judged(none.data, '/mcp/crm', HERE)).toBe('role.missing');
  });
});

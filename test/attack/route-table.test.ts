import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from '../../src/http/routes.ts';
import { adminRoutes, dataRoutes, UNKNOWN, UNKNOWN_MCP } from '../../src/proxy/route-table.ts';
import { type RawAnswer, sendRaw } from '../support/raw.ts';
import { Ground, TOKENS } from './ground.ts';
import { bytesOf, get, modernCall, type Request } from './requests.ts';

const BODY = 4_194_304;
const SERVERS = ['open', 'ruled', 'guarded'];
const DATA = dataRoutes({ servers: SERVERS, bodyBytes: BODY, healthAuth: 'none', sse: true });
const ADMIN = adminRoutes('token');

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open({ settings: { admin: { metrics_auth: 'token' } } });
});
afterAll(() => ground.close());

/** plane · verbs · server · credential · role · body cap · rate class · audit class · Host checked */
function line(row: Route): string {
  const { plane, methods, server, auth, role, bodyBytes, rateClass, audit, checkHost } = row;
  return [plane, methods.join(' '), server, auth, role, bodyBytes, rateClass, audit, checkHost].join(' | ');
}

describe('the route table', () => {
  it('of the main listener has these rows and no others', () => {
    expect(Object.fromEntries(DATA.rows.map((row) => [row.path, line(row)]))).toEqual({
      '/mcp': `data | GET POST DELETE |  | required | user | ${BODY} | mcp | call | true`,
      '/mcp/open': `data | GET POST DELETE | open | required | user | ${BODY} | mcp | call | true`,
      '/mcp/ruled': `data | GET POST DELETE | ruled | required | user | ${BODY} | mcp | call | true`,
      '/mcp/guarded': `data | GET POST DELETE | guarded | required | user | ${BODY} | mcp | call | true`,
      ...Object.fromEntries(
        ['', ...SERVERS].flatMap((id) => {
          const base = id === '' ? '' : `/mcp/${id}`;
          const row = (body: number) =>
            `data | GET POST DELETE | ${id} | required | user | ${body} | mcp | call | true`;
          return [
            [`${base}/sse`, row(0)],
            [`${base}/messages`, row(BODY)],
          ];
        }),
      ),
      '/mcp/servers': 'data | GET |  | required | user | 0 | read | refusals | true',
      '/api/v1/mcp/list': 'data | GET |  | required | user | 0 | read | refusals | true',
      '/client-address': 'data | GET |  | required | user | 0 | read | refusals | true',
      '/health': 'operations | GET HEAD |  | optional |  | 0 | probe | refusals | false',
      '/healthz': 'operations | GET HEAD |  | none |  | 0 | probe | refusals | false',
      '/readyz': 'operations | GET HEAD |  | none |  | 0 | probe | refusals | false',
    });
  });

  it('of the admin listener has these rows and no others', () => {
    expect(Object.fromEntries(ADMIN.rows.map((row) => [row.path, line(row)]))).toEqual({
      '/metrics': 'admin | GET |  | required | admin | 0 | read | refusals | true',
      '/client-address': 'admin | GET |  | required | admin | 0 | read | refusals | true',
      '/healthz': 'operations | GET HEAD |  | none |  | 0 | probe | refusals | false',
      '/readyz': 'operations | GET HEAD |  | none |  | 0 | probe | refusals | false',
    });
  });

  it('judges what is in no row by a row of its own', () => {
    expect(line(UNKNOWN)).toBe(
      'data | GET HEAD POST PUT PATCH DELETE OPTIONS |  | none |  | 0 | read | refusals | true',
    );
    expect(line(UNKNOWN_MCP)).toBe('data | GET POST DELETE |  | required | user | 0 | read | refusals | true');
  });

  it('gives the only server to /mcp, and asks for a token at /health where that is configured', () => {
    const alone = dataRoutes({ servers: ['only'], bodyBytes: 1, healthAuth: 'token', sse: true });
    const row = (path: string) => alone.rows.find((each) => each.path === path);
    expect(row('/mcp')?.server).toBe('only');
    expect([row('/sse')?.server, row('/messages')?.server]).toEqual(['only', 'only']);
    expect(row('/health')?.auth).toBe('required');
    expect(adminRoutes('none').rows[0]?.auth).toBe('none');
  });

  it('cannot be changed once it is made', () => {
    expect(Object.isFrozen(DATA)).toBe(true);
    expect(Object.isFrozen(DATA.rows)).toBe(true);
    expect(DATA.rows.every((row) => Object.isFrozen(row))).toBe(true);
  });
});

const PLANES = [
  ['main', DATA.rows, () => ground.gateway.url],
  ['admin', ADMIN.rows, () => ground.gateway.adminUrl as string],
] as const;

/**
 * What a sound request to the row is: a call where the row takes bodies, else GET. A stream has no end, so it is asked for with a
 * query, which is the first thing its terminal refuses.
 */
function sound(row: Route, token: string | undefined): Request {
  if (row.name === 'sse') return get(`${row.path}?x=1`, token);
  return row.bodyBytes > 0 ? modernCall(row.path, token) : get(row.path, token);
}

/** Which of the callers are let in by what the row says. `guarded` accepts its own token in place of the gateway's. */
function admits(row: Route, caller: 'nobody' | 'user' | 'admin' | 'roleless' | 'route' | 'expired'): number {
  if (row.auth === 'none') return 200;
  if (caller === 'nobody') return row.auth === 'optional' ? 200 : 401;
  const known = row.server === 'guarded' ? caller === 'route' : !['route', 'expired'].includes(caller);
  if (!known) return 401;
  const role = caller === 'route' ? 'user' : caller;
  if (row.role !== undefined && row.role !== role) return 403;
  // Several servers: the row of /mcp leads to none of them.
  if (row.server === undefined && row.rateClass === 'mcp') return 404;
  return row.name === 'sse' || row.name === 'messages' ? 400 : 200;
}

const CALLERS = { nobody: undefined, ...TOKENS };

describe.each(PLANES)('on the %s listener', (_, rows, url) => {
  it.each(rows.map((row) => [row.path, row] as const))('%s lets in whom its row says', async (_path, row) => {
    for (const caller of ['nobody', 'user', 'admin', 'roleless', 'route', 'expired'] as const) {
      const answer: RawAnswer = await sendRaw(url(), bytesOf(sound(row, CALLERS[caller])));
      expect(answer.status, `${caller} at ${row.path}`).toBe(admits(row, caller));
    }
  });

  it.each(
    rows.map((row) => [row.path, row] as const),
  )('%s takes the verbs and bodies of its row', async (_path, row) => {
    const token = row.server === 'guarded' ? TOKENS.route : row.role === 'admin' ? TOKENS.admin : TOKENS.user;
    const put = await sendRaw(url(), bytesOf(get(row.path, token, { method: 'PUT' })));
    expect(put.status).toBe(405);
    expect(put.headers.get('allow')).toEqual([row.methods.join(', ')]);

    const verb = row.bodyBytes > 0 ? 'POST' : 'GET';
    const headers = { 'content-length': String(row.bodyBytes + 1), 'content-type': 'application/json', accept: '*/*' };
    const over = await sendRaw(url(), bytesOf(get(row.path, token, { method: verb, headers })));
    expect(over.status, 'a body over the cap').toBe(row.bodyBytes > 0 ? 413 : 400);
  });

  it.each(
    rows.map((row) => [row.path, row] as const),
  )('%s checks Host and Origin as its row says', async (_path, row) => {
    const token = row.server === 'guarded' ? TOKENS.route : row.role === 'admin' ? TOKENS.admin : TOKENS.user;
    const send = async (headers: Request['headers']) => {
      const request = sound(row, token);
      return (await sendRaw(url(), bytesOf({ ...request, headers: { ...request.headers, ...headers } }))).status;
    };
    const usual = await send({});
    expect(await send({ host: 'evil.example' })).toBe(row.checkHost ? 403 : usual);
    expect(await send({ origin: 'https://evil.example' })).toBe(403);
  });

  it('nothing else is served', async () => {
    const answer = await sendRaw(url(), bytesOf(get('/anything', TOKENS.user)));
    expect(answer.status).toBe(404);
  });
});

describe('the planes', () => {
  it('do not serve each other', async () => {
    const { url, adminUrl } = ground.gateway;
    expect((await sendRaw(url, bytesOf(get('/metrics', TOKENS.admin)))).status).toBe(404);
    expect((await sendRaw(adminUrl as string, bytesOf(modernCall('/mcp/open', TOKENS.user)))).status).toBe(404);
    expect((await sendRaw(adminUrl as string, bytesOf(get('/mcp/servers', TOKENS.user)))).status).toBe(404);
  });

  it('record what an administrator is refused on one of them', async () => {
    const mark = await ground.mark();
    await sendRaw(ground.gateway.adminUrl as string, bytesOf(get('/metrics', TOKENS.user)));
    const denied = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(denied).toMatchObject([{ policy: 'route-access', reason: 'role.missing', route: '/metrics', status: 403 }]);
  });
});

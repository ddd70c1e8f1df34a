import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FixtureHttp, startFixtureHttp, stdioFixture } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { get, modern, post } from './requests.ts';

const stdio = stdioFixture();
let http: FixtureHttp;
let gateway: Gateway;
let token: string;
let narrow: string;
let admin: string;
const program = { transport: 'stdio', command: stdio.command, args: stdio.args, env: stdio.env };
beforeAll(async () => {
  http = await startFixtureHttp();
  const mcps = [
    { id: 'one', ...program, description: 'A program' },
    { id: 'two', transport: 'streamable-http', url: http.url },
  ];
  gateway = await startGateway({ config: { mcps } });
  token = await gateway.token('all');
  narrow = await gateway.token('narrow', { servers: ['two'] });
  admin = await gateway.token('operator', { roles: ['admin'] });
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), http?.stop()]);
  stdio.remove();
});

const HEALTH = {
  status: 'healthy',
  service: 'sallyport',
  authEnabled: true,
  ipProtection: false,
  timestamp: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
};

describe('health', () => {
  it('tells the public the documented keys and nothing more', async () => {
    const { status, body, headers } = await get(`${gateway.url}/health`);
    expect([status, body]).toEqual([200, HEALTH]);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toContain('no-store');
  });

  it('tells a caller with a token the version and the servers they may see', async () => {
    const { body } = await get(`${gateway.url}/health`, token);
    expect(body).toEqual({
      ...HEALTH,
      version: '0.1.0',
      servers: { one: expect.any(String), two: expect.any(String) },
    });
    expect(Object.keys((await get(`${gateway.url}/health`, narrow)).body.servers)).toEqual(['two']);
    expect((await get(`${gateway.url}/health`, 'wrong-token-entirely')).status).toBe(401);
  });

  it.each([
    ['/healthz', { status: 'ok' }],
    ['/readyz', { status: 'ready' }],
  ])('answers %s on both listeners without a token', async (path, body) => {
    for (const url of [gateway.url, gateway.adminUrl])
      expect(await get(`${url}${path}`)).toMatchObject({ status: 200, body });
  });

  it('asks for a token where it is told to, and bears the name it is given', async () => {
    const config = { health: { auth: 'token', service: 'crm-gate' }, mcps: [{ id: 'one', ...program }] };
    const guarded = await startGateway({ config });
    onTestFinished(async () => void (await guarded.stop()));
    expect((await get(`${guarded.url}/health`)).status).toBe(401);
    const { status, body } = await get(`${guarded.url}/health`, await guarded.token('monitor'));
    expect([status, body.service]).toEqual([200, 'crm-gate']);
    expect((await get(`${guarded.url}/healthz`)).status).toBe(200);
  });
});

describe('metrics', () => {
  it('are on the admin listener alone, and count what happened', async () => {
    const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: 'a' } });
    expect((await post(`${gateway.url}/mcp/one`, body, token, headers)).status).toBe(200);
    await get(`${gateway.url}/mcp/one`);

    const answer = await get(`${gateway.adminUrl}/metrics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.body).toMatch(/^sallyport_requests_total\{.*\} \d+$/m);
    expect(answer.body).toMatch(/^sallyport_verdicts_total\{.*policy="authenticate".*\} [1-9]\d*$/m);
    expect(answer.body).toMatch(/server="one"/);
    expect(answer.body).not.toContain(token);
    expect((await get(`${gateway.url}/metrics`, admin)).status).toBe(404);
  });

  it('ask for an admin token where they are told to', async () => {
    const config = { admin: { metrics_auth: 'token' }, mcps: [{ id: 'one', ...program }] };
    const guarded = await startGateway({ config });
    onTestFinished(async () => void (await guarded.stop()));
    const asked = async (secret?: string) => (await get(`${guarded.adminUrl}/metrics`, secret)).status;
    const [user, operator] = [await guarded.token('user'), await guarded.token('operator', { roles: ['admin'] })];
    expect([await asked(), await asked(user), await asked(operator)]).toEqual([401, 403, 200]);
  });
});

describe('the list of servers', () => {
  const ONE = {
    id: 'one',
    description: 'A program',
    transport: 'stdio',
    path: '/mcp/one',
    running: expect.any(Boolean),
  };
  const TWO = { id: 'two', transport: 'streamable-http', path: '/mcp/two', running: expect.any(Boolean) };

  it.each(['/mcp/servers', '/api/v1/mcp/list'])('shows at %s what the caller may see', async (path) => {
    expect((await get(`${gateway.url}${path}`, token)).body).toEqual({ servers: [ONE, TWO] });
    expect((await get(`${gateway.url}${path}`, narrow)).body).toEqual({ servers: [TWO] });
    expect((await get(`${gateway.url}${path}`)).status).toBe(401);
  });
});

describe('/mcp', () => {
  const list = modern('tools/list');
  const listAt = (url: string, secret?: string) => post(url, list.body, secret, list.headers);

  it('names the servers of the caller where there are several', async () => {
    const { status, body } = await listAt(`${gateway.url}/mcp`, token);
    expect(status).toBe(404);
    expect(JSON.stringify(body)).toContain('Yours are at: /mcp/one, /mcp/two');
    const seen = JSON.stringify((await listAt(`${gateway.url}/mcp`, narrow)).body);
    expect(seen).toContain('/mcp/two');
    expect(seen).not.toContain('/mcp/one');
  });

  it('tells nobody without a token which servers there are', async () => {
    for (const path of ['/mcp', '/mcp/one', '/mcp/none']) {
      const { status, body, headers } = await listAt(`${gateway.url}${path}`);
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(JSON.stringify(body)).not.toContain('two');
    }
  });

  it('is the only server where there is one', async () => {
    const alone = await startGateway({ config: { mcps: [{ id: 'only', ...program }] } });
    onTestFinished(async () => void (await alone.stop()));
    const secret = await alone.token('one');
    const [short, long] = [await listAt(`${alone.url}/mcp`, secret), await listAt(`${alone.url}/mcp/only`, secret)];
    expect([short.status, short.body]).toEqual([200, long.body]);
    expect(short.body.result.tools.length).toBeGreaterThan(5);
  });
});

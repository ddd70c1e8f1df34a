import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callGateway } from '../../src/control/client.ts';
import type { CommandInput, CommandName, CommandResult } from '../../src/control/commands.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type AuditLine, type Gateway, startGateway } from '../support/gateway.ts';
import { until, within } from '../support/wait.ts';
import { get, legacyStream, modernStream, type OpenStream, slowCall } from './requests.ts';
import { stateFolder } from './state.ts';

const ALLOWED = ['203.0.113.0/24', '198.51.100.0/24', '2001:db8::/32'];

let http: FixtureHttp;
let gateway: Gateway;
let token: string;
const config = (bans: object) => ({
  server: { trust_proxy: ['127.0.0.1'] },
  security: { ip_whitelist: ALLOWED, ip_localhost: 'always', bans },
  mcps: [{ id: 'http', transport: 'streamable-http', url: http.url }],
});
beforeAll(async () => {
  http = await startFixtureHttp();
  gateway = await startGateway({ config: config({ enabled: true, failures: 3 }) });
  token = await gateway.token('ada');
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), http?.stop()]);
});

/** As the proxy on this machine says it of a client. */
const from = (client: string) => ({ 'x-forwarded-for': client });
/** 200 when the address may come, 403 when not. */
const status = async (client: string, credential = token, at = gateway) =>
  (await get(`${at.url}/mcp/servers`, credential, from(client))).status;
const rows = (matches: (row: AuditLine) => boolean) => gateway.audit().filter(matches);

async function cli(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await gateway.command('ip', ...args);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
}

/** The same commands without a process for each. */
async function told<C extends CommandName>(name: C, input: CommandInput<C>): Promise<CommandResult<C>> {
  const answer = await callGateway(gateway.stateDir, name, input);
  if (answer === 'not-running') throw new Error('the gateway is gone');
  return answer;
}

/** A stream of an address that is allowed for a moment, and yet not before a busy machine has opened it. */
async function openBriefly(client: string): Promise<OpenStream> {
  const open = () => legacyStream(`${gateway.url}/mcp/http`, token, from(client));
  await told('ip.allow', { cidr: client, for: '2s' });
  return open().catch(async () => {
    await told('ip.allow', { cidr: client, for: '10s' });
    return open();
  });
}

/** Everything that an address can have open at once: both eras, and a call under way. */
function openAll(client: string): Promise<OpenStream[]> {
  const url = `${gateway.url}/mcp/http`;
  return Promise.all([
    legacyStream(url, token, from(client)),
    modernStream(url, token, from(client)),
    slowCall(url, token, 60_000, 10, from(client)),
  ]);
}

const allOver = (streams: readonly OpenStream[]) =>
  within(Promise.all(streams.map(({ over }) => over)), 'every stream of the address is over');

/** One request after the other on one connection, as far as it lasts. */
function keptAlive(client: string): () => Promise<{ status: number | undefined; port: number | undefined }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { authorization: `Bearer ${token}`, ...from(client) };
  return () =>
    new Promise((resolve, reject) => {
      request(`${gateway.url}/mcp/servers`, { agent, headers }, (answer) => {
        const port = answer.socket.localPort;
        answer.resume().on('end', () => resolve({ status: answer.statusCode, port }));
      })
        .on('error', reject)
        .end();
    });
}

describe('a denial', () => {
  it('ends what the address has open, and no kept connection shields it', async () => {
    const [streams, bystander] = await Promise.all([
      openAll('203.0.113.7'),
      legacyStream(`${gateway.url}/mcp/http`, token, from('203.0.113.8')),
    ]);
    const ask = keptAlive('203.0.113.7');
    const before = await ask();
    expect(before.status).toBe(200);

    const said = await cli('deny', '203.0.113.7', '--for', '2h', '--reason', 'too many questions');
    expect(said).toMatch(/^deny 203\.0\.113\.7 until .*Z, entry [0-9a-f]{8}\n$/);
    expect(await ask()).toEqual({ status: 403, port: before.port });
    expect(await allOver(streams)).toEqual(['ended', 'ended', 'ended']);
    expect(streams[2]?.text()).toContain('This address may no longer come here');
    expect(await Promise.race([bystander.over, status('203.0.113.8')])).toBe(200);

    const ended = await gateway.audited(({ reason }) => reason === 'address-denied', 'the end of the streams');
    expect(ended.client).toBe('203.0.113.7');
    const made = rows(({ rule }) => rule === 'ip.deny');
    expect(made).toMatchObject([{ type: 'control', detail: expect.stringContaining('(too many questions), by cli:') }]);
    const refused = await gateway.audited(
      ({ client, verdict }) => client === '203.0.113.7' && verdict === 'deny',
      'it',
    );
    expect(refused).toMatchObject({ policy: 'network', status: 403 });
    await told('ip.remove', { entry: '203.0.113.7' });
    expect(await status('203.0.113.7')).toBe(200);
  });

  it('of a network beats the allowance of an address in it, in whatever spelling', async () => {
    await told('ip.allow', { cidr: '2001:DB8:5:0::9' });
    await told('ip.deny', { cidr: '2001:db8:5::/48' });
    expect(await Promise.all(['2001:db8:5::9', '2001:db8:6::9'].map((client) => status(client)))).toEqual([403, 200]);
    const listed = await cli('list');
    for (const text of ['deny', '2001:db8:5::/48', 'allow', '2001:db8:5::9']) expect(listed).toContain(text);
  });

  it('of this machine must be meant', async () => {
    const { code, stderr } = await gateway.command('ip', 'deny', '127.0.0.0/8');
    expect([code, stderr]).toEqual([1, expect.stringContaining('--yes')]);
  });
});

describe('an allowance', () => {
  it('lets an address in beside the list, and ends with what came in by it', async () => {
    expect(await status('192.0.2.5')).toBe(403);
    await told('ip.allow', { cidr: '192.0.2.5', for: '8h' });
    expect(await status('192.0.2.5')).toBe(200);
    const streams = await openAll('192.0.2.5');
    await told('ip.remove', { entry: '192.0.2.5' });
    expect(await allOver(streams)).toEqual(['ended', 'ended', 'ended']);
    expect(await status('192.0.2.5')).toBe(403);
  });
});

describe('an entry that was made for a while', () => {
  it('counts for that long: who was denied may come again, and what came in by an allowance ends', async () => {
    await told('ip.deny', { cidr: '203.0.113.20', for: '2s' });
    expect(await status('203.0.113.20')).toBe(403);
    const stream = await openBriefly('192.0.2.6');
    await until(async () => (await status('203.0.113.20')) === 200, 'the address may come again');
    await allOver([stream]);
    expect(await status('192.0.2.6')).toBe(403);
    const { entries } = await told('ip.list', {});
    expect(entries.filter(({ cidr }) => ['203.0.113.20', '192.0.2.6'].includes(cidr))).toEqual([]);
  });
});

describe('a ban', () => {
  it('keeps out who tries tokens, whatever is tried next; ends what is open; is told once; can be lifted', async () => {
    const streams = await openAll('198.51.100.66');
    for (let i = 0; i < 3; i++) expect(await status('198.51.100.66', `sp_guess${i}`)).toBe(401);
    expect(await status('198.51.100.66')).toBe(403);
    expect(await status('198.51.100.67')).toBe(200);
    expect(await allOver(streams)).toEqual(['ended', 'ended', 'ended']);

    const made = await gateway.audited(({ rule }) => rule === 'ip.ban', 'the ban');
    expect(made).toMatchObject({ type: 'control', client: '198.51.100.66', count: 3 });
    expect(made.detail).toMatch(
      /^ban 198\.51\.100\.66 for 900 s: 3 failed requests in 600 s, the last: token\.\w+, ban no\. 1; lift it with: sallyport ip remove [0-9a-f]{8}$/,
    );
    expect(gateway.stderr()).toContain('address banned');
    expect(rows(({ rule }) => rule === 'ip.ban')).toHaveLength(1);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('sallyport_bans_total{outcome="made"} 1');

    expect(await cli('list')).toMatch(/^ban +198\.51\.100\.66 /m);
    await cli('remove', String(made.reason));
    expect(await status('198.51.100.66')).toBe(200);
  });

  it('is of the network an IPv6 caller has', async () => {
    for (let i = 1; i <= 3; i++) await status(`2001:db8:0:7::${i}`, `sp_guess${i}`);
    expect(await Promise.all(['2001:db8:0:7::99', '2001:db8:0:8::1'].map((client) => status(client)))).toEqual([
      403, 200,
    ]);
  });

  it('does not come of what a web page could have its visitors send', async () => {
    const url = `${gateway.url}/mcp/servers`;
    for (let i = 0; i < 5; i++) {
      expect((await get(url, undefined, from('203.0.113.40'))).status).toBe(401);
      expect((await get(url, token, { ...from('203.0.113.40'), origin: 'https://evil.example' })).status).toBe(403);
      expect((await get(`${gateway.url}/nowhere`, token, from('203.0.113.40'))).status).toBe(404);
    }
    expect(await status('203.0.113.40')).toBe(200);
  });

  it('never comes to this machine, nor to the proxy on it', async () => {
    for (let i = 0; i < 5; i++) expect((await get(`${gateway.url}/mcp/servers`, `sp_guess${i}`)).status).toBe(401);
    expect((await get(`${gateway.url}/mcp/servers`, token)).status).toBe(200);
    expect(await status('203.0.113.41')).toBe(200);
  });

  it('never comes to somebody whom an untrusted caller names', async () => {
    const forged = () =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { authorization: 'Bearer sp_guess', ...from('203.0.113.50') };
        request(`${gateway.url}/mcp/servers`, { headers, localAddress: '127.0.0.9' }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode));
        })
          .on('error', reject)
          .end();
      });
    for (let i = 0; i < 5; i++) await forged();
    expect(await status('203.0.113.50')).toBe(200);
  });
});

describe('over a restart', () => {
  it('entries and bans stay as they were, and what was changed while nothing ran counts', async () => {
    const stateDir = stateFolder();
    const start = () => startGateway({ config: config({ enabled: true, failures: 3 }), stateDir });
    const first = await start();
    const own = await first.token('ada');
    await first.command('ip', 'deny', '203.0.113.7', '--for', '1h');
    for (let i = 0; i < 3; i++) await status('198.51.100.66', 'sp_guess', first);
    expect(await status('198.51.100.66', own, first)).toBe(403);
    const before = await first.command('ip', 'list', '--json');
    await first.stop();

    expect((await first.command('ip', 'deny', '203.0.113.8')).stderr).toContain('No gateway is running');
    const second = await start();
    try {
      const clients = ['203.0.113.7', '198.51.100.66', '203.0.113.8', '203.0.113.9'];
      const answers = await Promise.all(clients.map((client) => status(client, own, second)));
      expect(answers).toEqual([403, 403, 403, 200]);
      const after = JSON.parse((await second.command('ip', 'list', '--json')).stdout);
      expect(after.entries).toEqual(expect.arrayContaining(JSON.parse(before.stdout).entries));
    } finally {
      await second.stop();
    }
  });
});

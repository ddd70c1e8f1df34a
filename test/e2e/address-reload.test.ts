import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { callGateway } from '../../src/control/client.ts';
import type { CommandInput, CommandName } from '../../src/control/commands.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { openRaw, type RawConnection } from '../support/raw.ts';
import { until, within } from '../support/wait.ts';
import { get, legacyStream, modern, modernStream, post } from './requests.ts';

let http: FixtureHttp;
let folder: string;
let gateway: Gateway;
let token: string;
let generation = 1;
beforeAll(async () => {
  http = await startFixtureHttp();
  folder = mkdtempSync(join(tmpdir(), 'sallyport-lists-'));
  write({});
  gateway = await startGateway({ configFile: join(folder, 'sallyport.yaml') });
  token = await gateway.token('lists');
});
afterAll(async () => {
  await gateway?.stop();
  await http?.stop();
  rmSync(folder, { recursive: true });
});

function write(security: object, own: object = { ip_blacklist: ['198.51.100.66'] }): void {
  const settings = {
    server: { port: 0, trust_proxy: 'loopback', allowed_hosts: ['mcp.example.com'] },
    admin: { port: 0 },
    audit: { refusals: { per_window: 1000 } },
    security,
    mcps: [{ id: 'one', transport: 'streamable-http', url: http.url, security: own }],
  };
  writeFileSync(join(folder, 'sallyport.yaml'), stringify(settings), { mode: 0o600 });
}

async function reload(security: object, own?: object): Promise<void> {
  write(security, own);
  process.kill(gateway.pid, 'SIGHUP');
  generation += 1;
  const detail = `configuration reloaded, generation ${generation}`;
  await gateway.audited((line) => line.detail === detail, detail);
}

const from = (address: string) => ({ 'x-forwarded-for': address });
const health = (address: string) => get(`${gateway.url}/health`, undefined, from(address));
const status = async (address: string) => (await health(address)).status;

describe('lists that are changed', () => {
  it('end the streams of addresses that may not come any more, and of nobody else', async () => {
    await reload({ ip_whitelist: ['203.0.113.0/24'] });
    const url = `${gateway.url}/mcp/one`;
    const streamsOf = (address: string) =>
      Promise.all([legacyStream(url, token, from(address)), modernStream(url, token, from(address))]);
    const [kept, doomed] = await Promise.all([streamsOf('203.0.113.1'), streamsOf('203.0.113.2')]);
    let keptEnded = false;
    for (const { over } of kept)
      void over.then(() => {
        keptEnded = true;
      });

    await reload({ ip_whitelist: ['203.0.113.1'] });
    await within(Promise.all(doomed.map(({ over }) => over)), 'the streams of the other address are over');
    const row = await gateway.audited(
      (line) => line.type === 'stream_end' && JSON.stringify(line).includes('address-denied'),
      'the end of a stream',
    );
    expect(row).toMatchObject({ client: '203.0.113.2' });
    const { body, headers } = modern('tools/call', { name: 'toggle_extra_tool', arguments: {} });
    expect((await post(url, body, token, { ...headers, ...from('203.0.113.2') })).status).toBe(403);
    expect((await post(url, body, token, { ...headers, ...from('203.0.113.1') })).status).toBe(200);
    await until(() => kept[1]?.text().includes('tools/list_changed'), 'the kept subscription still carries news');
    expect(keptEnded).toBe(false);
  });

  it('count in the health answer at once', async () => {
    await reload({ ip_whitelist: ['203.0.113.1'] });
    expect((await health('203.0.113.1')).body.ipProtection).toBe(true);
    await reload({});
    expect((await health('203.0.113.1')).body.ipProtection).toBe(false);
    expect(await status('203.0.113.2')).toBe(200);
  });

  it('of 100,000 entries are swapped whole under load: nobody is judged by half a list', async () => {
    const file = join(folder, 'office.txt');
    const list = (second: number) => {
      const lines = ['203.0.113.1 # always', `203.0.113.${second}`];
      for (let n = 0; n < 100_000; n++) lines.push(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
      writeFileSync(file, `${lines.join('\n')}\n`);
    };
    list(2);
    await reload({ ip_whitelist: [{ file: 'office.txt' }] });
    expect([await status('203.0.113.2'), await status('203.0.113.3')]).toEqual([200, 403]);

    const seen = new Map<string, number[]>();
    let isOver = false;
    const worker = async (address: string) => {
      const statuses: number[] = [];
      seen.set(address, statuses);
      while (!isOver) statuses.push(await status(address));
    };
    const workers = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4', '10.1.134.159'].map(worker);
    list(3);
    await reload({ ip_whitelist: [{ file: 'office.txt' }] });
    isOver = true;
    await Promise.all(workers);
    const changes = (address: string) => seen.get(address)?.filter((one, index, all) => one !== all[index - 1]);
    expect(changes('203.0.113.1'), 'on both lists').toEqual([200]);
    expect(changes('10.1.134.159'), 'the last of a hundred thousand').toEqual([200]);
    expect(changes('203.0.113.4'), 'on neither').toEqual([403]);
    // The last request may have been judged before or behind the swap, but never went back.
    expect([[200], [200, 403]]).toContainEqual(changes('203.0.113.2'));
    expect([[403], [403, 200]]).toContainEqual(changes('203.0.113.3'));
    expect([await status('203.0.113.2'), await status('203.0.113.3')]).toEqual([403, 200]);
  });

  it('that cannot be read change nothing, and the log says why', async () => {
    const before = generation;
    writeFileSync(join(folder, 'office.txt'), '203.0.113.5\n203.0.113.0/33\n');
    process.kill(gateway.pid, 'SIGHUP');
    const said = () => gateway.stderr() + gateway.stdout();
    await until(() => said().includes('office.txt:2'), 'the bad line is named');
    expect([await status('203.0.113.3'), await status('203.0.113.5')]).toEqual([200, 403]);
    expect(generation).toBe(before);
  });
});

describe('a call whose body is still on its way', () => {
  /** Sends the head, and everything but the end of the body once the gateway has let it in and asks for it. */
  async function begun(address: string) {
    const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: 'late' } });
    const text = JSON.stringify(body);
    const lines = Object.entries({
      ...headers,
      ...from(address),
      host: '127.0.0.1',
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'content-length': String(text.length),
      expect: '100-continue',
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    const connection = await openRaw(gateway.url);
    connection.write(`POST /mcp/one HTTP/1.1\r\n${lines.join('')}\r\n`);
    await until(() => connection.received().toString().startsWith('HTTP/1.1 100 '), 'the gateway asks for the body');
    connection.write(text.slice(0, -1));
    return connection;
  }
  /** Of the answer to the call, and whether the server saw it. */
  async function ended(connection: RawConnection) {
    http.clearHits();
    connection.write('}');
    const { status } = await within(connection.answer(), 'the gateway has answered');
    connection.destroy();
    return [status, http.hits.some(({ rpcMethod }) => rpcMethod === 'tools/call')];
  }
  const command = async <C extends CommandName>(name: C, input: CommandInput<C>) => {
    expect(await callGateway(gateway.stateDir, name, input)).not.toBe('not-running');
  };
  const soon = () => new Date(Date.now() + 1_000).toISOString();

  it('is not made when its address was taken off meanwhile, in whatever way', async () => {
    const both = { ip_whitelist: ['203.0.113.1', '203.0.113.2'] };
    const ways: [way: string, before: object, change: () => Promise<void>][] = [
      ['another allow list', both, () => reload({ ip_whitelist: ['203.0.113.1'] })],
      ['a deny list', {}, () => reload({ ip_blacklist: ['203.0.113.2'] })],
      ["a server's own list", {}, () => reload({}, { ip_whitelist: ['203.0.113.1'] })],
      ['an entry', {}, () => command('ip.deny', { cidr: '203.0.113.2', for: '1h' })],
    ];
    for (const [way, before, change] of ways) {
      await reload(before);
      const [doomed, kept] = await Promise.all([begun('203.0.113.2'), begun('203.0.113.1')]);
      await change();
      expect(await ended(doomed), way).toEqual([403, false]);
      expect(await ended(kept), way).toEqual([200, true]);
    }
    await command('ip.remove', { entry: '203.0.113.2' });
  });

  it('is not made when what let its address in ends meanwhile', async () => {
    await reload({ ip_whitelist: ['203.0.113.1'] });
    await command('ip.allow', { cidr: '203.0.113.2', for: '1h' });
    const allowed = await begun('203.0.113.2');
    await command('ip.remove', { entry: '203.0.113.2' });
    expect(await ended(allowed)).toEqual([403, false]);

    await reload({ ip_whitelist: ['203.0.113.1', { cidr: '203.0.113.2', expires: soon() }] });
    const listed = await begun('203.0.113.2');
    await until(async () => (await status('203.0.113.2')) === 403, 'the entry has ended');
    expect(await ended(listed)).toEqual([403, false]);
    const row = await gateway.audited(
      ({ verdict, principal_name }) => verdict === 'deny' && principal_name === 'lists',
      'the refusal of somebody known',
    );
    expect(row).toMatchObject({ policy: 'network', reason: 'address.not-listed', client: '203.0.113.2', status: 403 });
  });
});

describe('report-only mode', () => {
  it('lets everybody pass, and says whom it would have refused', async () => {
    await reload({ mode: 'report', ip_whitelist: ['203.0.113.1'], ip_blacklist: ['198.51.100.7'] });
    const url = `${gateway.url}/mcp/one`;
    const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: 'hi' } });
    const call = (more: Record<string, string>) => post(url, body, token, { ...headers, ...more });
    expect((await call(from('203.0.113.1'))).status).toBe(200);
    for (let n = 0; n < 3; n++) expect((await call(from('198.51.100.7'))).status).toBe(200);
    expect((await call(from('198.51.100.66'))).status).toBe(200);
    const foreign = { ...from('192.0.2.1'), origin: 'https://evil.example' };
    expect((await call(foreign)).status).toBe(200);
    // Nobody can tell whose this is; it is not the proxy's.
    expect((await call(from('not-an-address'))).status).toBe(200);
    // Nothing else is only reported.
    expect((await post(url, body, 'not-a-token-of-anybody', { ...headers, ...foreign })).status).toBe(401);

    const { stdout } = await gateway.command('ip', 'report', '--json');
    const reported = JSON.parse(stdout).reported.map((row: Record<string, unknown>) => ({
      ...row,
      first: typeof row.first,
      last: typeof row.last,
    }));
    const times = { first: 'string', last: 'string' };
    const ofAddress = (reason: string, place: string, rule: string) => {
      return { policy: 'network', reason: `address.${reason}`, place, rule: `${place}.${rule}`, ...times };
    };
    const denied = ofAddress('denied', 'security', 'ip_blacklist[0] 198.51.100.7');
    const ofServer = ofAddress('denied', 'mcps.one.security', 'ip_blacklist[0] 198.51.100.66');
    const notListed = ofAddress('not-listed', 'security', 'ip_whitelist');
    const unknown = ofAddress('unknown', 'security', 'ip_unknown: block');
    const origin = {
      policy: 'host-origin',
      reason: 'origin.not-allowed',
      place: 'security',
      rule: 'security.cors.allowed_origins',
    };
    expect(reported).toEqual(
      expect.arrayContaining([
        { ...denied, subject: '198.51.100.7', count: 3 },
        { ...ofServer, subject: '198.51.100.66', count: 1 },
        { ...notListed, subject: '192.0.2.1', count: 2 },
        { ...unknown, subject: 'unknown (via 127.0.0.1)', count: 1 },
        { ...origin, subject: 'https://evil.example', count: 2, ...times },
      ]),
    );
    expect(JSON.stringify(reported)).not.toContain('203.0.113.1"');
    const row = await gateway.audited((line) => line.verdict === 'would-deny', 'what would have been refused');
    expect(row).toMatchObject({ policy: 'network', reason: 'address.denied', client: '198.51.100.7' });
    expect((await gateway.command('ip', 'report')).stdout).toMatch(
      /^COUNT +POLICY.*\n3 +network +address\.denied +198\.51\.100\.7 /,
    );

    const open = await health('192.0.2.1');
    expect(open.body).toMatchObject({ ipProtection: false });
    expect(open.body).not.toHaveProperty('reportOnly');
    expect((await get(`${gateway.url}/health`, token, from('192.0.2.1'))).body).toMatchObject({ reportOnly: true });
    await until(() => (gateway.stderr() + gateway.stdout()).includes('nobody is refused'), 'the log says so too');
    const lists =
      'security.ip_whitelist (1 entry), security.ip_blacklist (1 entry), mcps.one.security.ip_blacklist (1 entry)';
    expect(gateway.stderr()).toContain(`"lists":"${lists}","mode":"report"`);
    expect((await gateway.command('status')).stdout).toMatch(/^mode +REPORT/m);
  });

  it('ends when it is told to', async () => {
    await reload({ mode: 'enforce', ip_whitelist: ['203.0.113.1'] });
    expect([await status('203.0.113.1'), await status('198.51.100.7')]).toEqual([200, 403]);
  });
});

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Explained } from '../../src/control/address-explain.ts';
import { callGateway } from '../../src/control/client.ts';
import type { CommandInput, CommandName, CommandResult } from '../../src/control/commands.ts';
import { type Gateway, runCli, startGateway } from '../support/gateway.ts';
import { get } from './requests.ts';
import { testFolder } from './state.ts';

/** One gateway, behind a proxy on this machine. */
let gateway: Gateway;
const token = 'ada-0123456789abcdefghijklmnopqrstuv';
const admin = 'ops-0123456789abcdefghijklmnopqrstuv';
beforeAll(async () => {
  gateway = await startGateway({
    env: { AUTH_TOKEN: token, MCP_ADMIN_TOKEN: admin },
    config: {
      server: { trust_proxy: ['127.0.0.1'] },
      security: { ip_whitelist: ['127.0.0.0/8', { cidr: '203.0.113.0/24', note: 'Berlin office' }, '2001:db8::/32'] },
    },
  });
});
afterAll(() => gateway.stop());

/** What `--json` prints, without a process for each. */
async function told<C extends CommandName>(name: C, input: CommandInput<C>): Promise<CommandResult<C>> {
  const answer = await callGateway(gateway.stateDir, name, input);
  if (answer === 'not-running') throw new Error('the gateway is gone');
  return answer;
}
const echo = (headers: Record<string, string>, secret = token, url = gateway.url) =>
  get(`${url}/client-address`, secret, headers);

describe('sallyport ip explain', () => {
  it('answers from the running gateway, with the words of its record', async () => {
    await told('ip.deny', { cidr: '203.0.113.66', for: '1h', reason: 'too loud' });
    expect((await echo({ 'x-forwarded-for': '203.0.113.66' })).status).toBe(403);
    const row = await gateway.audited(({ reason }) => reason === 'address.denied', 'the refusal');
    const asked = ['ip', 'explain', '203.0.113.66', '--peer', '127.0.0.1'];
    const [{ stdout, stderr }, json] = await Promise.all([
      gateway.command(...asked),
      gateway.command(...asked, '--json'),
    ]);
    const { address } = JSON.parse(json.stdout) as Explained;
    expect(address).toMatchObject({ verdict: 'deny', client: row.client, reason: row.reason, rule: row.rule });
    expect(stderr).toMatch(/^Answered by the running gateway/);
    expect(stdout).toMatch(/^WALK\n +HOP +ADDRESS +TRUST\n +connects +127\.0\.0\.1 +trusted by 127\.0\.0\.1\n/);
    expect(stdout).toContain('VERDICT  deny, address.denied: entry');
    expect(stdout).toContain('(too loud)');
  });

  it('shows a network with both its ends', async () => {
    const { code, stdout } = await gateway.command('ip', 'explain', '203.0.113.0/24');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^203\.0\.113\.0\/24\n {2}first {2}203\.0\.113\.0\n {2}last {3}203\.0\.113\.255\n {2}count {2}256\n/,
    );
    expect(stdout).toMatch(/allow +same +203\.0\.113\.0\/24 +security\.ip_whitelist\[1\] +never +Berlin office/);
  });

  it('answers from the configuration while no gateway runs, and makes nothing', async () => {
    const env = { HOME: testFolder(), SALLYPORT_STATE_DIR: `${testFolder()}/none`, IP_ALLOWLIST: '10.0.0.0/8' };
    const [off, on, bad] = await Promise.all([
      runCli(['ip', 'explain', '203.0.113.9'], env),
      runCli(['ip', 'explain', '203.0.113.9'], { ...env, IP_PROTECTION_ENABLED: 'true' }),
      runCli(['ip', 'explain', '203.0.113.999'], env),
    ]);
    expect([off.code, off.stderr]).toEqual([0, expect.stringMatching(/^No gateway runs on /)]);
    expect(off.stdout).toMatch(/VERDICT {2}allow\n\nHINTS\n {2}- IP_ALLOWLIST is set but counts for nothing/);
    expect(on.stdout).toContain('VERDICT  deny, address.not-listed: security.ip_whitelist');
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('"203.0.113.999" is no address')]);
    expect(existsSync(env.SALLYPORT_STATE_DIR)).toBe(false);
  });

  it('knows the entries of this very moment', async () => {
    const before = await told('ip.explain', { address: '198.51.100.7' });
    expect(before.address).toMatchObject({ verdict: 'deny' });
    await told('ip.allow', { cidr: '198.51.100.7', for: '1h' });
    const after = await told('ip.explain', { address: '198.51.100.7' });
    expect(after.address).toMatchObject({ verdict: 'allow' });
    await told('ip.remove', { entry: '198.51.100.7' });
  });
});

describe('GET /client-address', () => {
  it('tells the caller who it was taken for and why, as the command would', async () => {
    const { status, body } = await echo({ 'x-forwarded-for': '1.1.1.1, 203.0.113.9', 'x-forwarded-proto': 'https' });
    expect([status, body]).toEqual([
      200,
      {
        peer: '127.0.0.1',
        client: '203.0.113.9',
        ips: ['203.0.113.9'],
        localhost: false,
        secure: true,
        walk: [
          { from: 'socket', address: '127.0.0.1', text: '127.0.0.1', trusted: true, by: '127.0.0.1' },
          { from: 'x-forwarded-for', address: '203.0.113.9', text: '203.0.113.9', trusted: false, by: null },
        ],
        end: 'untrusted-hop',
        rule: { place: 'security.ip_whitelist[1]', cidr: '203.0.113.0/24' },
        limit_key: '203.0.113.9',
        hints: [],
      },
    ]);
    const { address } = await told('ip.explain', { peer: '127.0.0.1', xff: '1.1.1.1, 203.0.113.9' });
    const { walk, client, ips, limit_key } = body as Record<string, unknown>;
    expect(address).toMatchObject({ walk, client, ips, limit_key });
  });

  it('tells of the caller alone: no note of a list, no other entry', async () => {
    const text = JSON.stringify((await echo({ 'x-forwarded-for': '203.0.113.9' })).body);
    expect(text).not.toMatch(/Berlin|too loud|2001:db8/);
    expect((await echo({})).body).toMatchObject({
      client: '127.0.0.1',
      localhost: true,
      rule: { cidr: '127.0.0.0/8' },
    });
    const v6 = await echo({ 'x-forwarded-for': '2001:DB8:0:7::9' });
    expect(v6.body).toMatchObject({ client: '2001:db8:0:7::9', limit_key: '2001:db8:0:7::/64' });
  });

  it('asks for a credential and for an address that may come', async () => {
    expect((await get(`${gateway.url}/client-address`)).status).toBe(401);
    expect((await echo({ 'x-forwarded-for': '198.51.100.1' })).status).toBe(403);
  });

  it('is there for operators on the admin listener, by whose own rules they were judged', async () => {
    expect((await echo({}, token, gateway.adminUrl)).status).toBe(403);
    const { status, body } = await echo({}, admin, gateway.adminUrl);
    expect([status, body]).toEqual([200, expect.objectContaining({ client: '127.0.0.1', rule: null })]);
  });
});

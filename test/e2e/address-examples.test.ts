import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load, refusal } from '../fixtures/config/folder.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { within } from '../support/wait.ts';

/** Configurations as people write them down for gateways like this one. Each is loaded as it stands, started and called. */
const FIXTURES = fileURLToPath(new URL('../fixtures/addresses/', import.meta.url));
const text = (name: string) => readFileSync(join(FIXTURES, name), 'utf8');

/** The proxy every test runs for itself: clients of other addresses come through it. */
const PROXY = '127.0.0.2';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A request from an address: this machine's own directly, any other through the proxy; undefined: one nobody can read. */
function ask(url: string, path: string, address: string | undefined): Promise<Answer> {
  const isLocal = address?.startsWith('127.') ?? false;
  const headers = isLocal ? {} : { 'X-Forwarded-For': address ?? 'unknown' };
  const localAddress = isLocal ? (address as string) : PROXY;
  return within(
    new Promise<Answer>((resolve, reject) => {
      request(`${url}${path}`, { localAddress, headers, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(body) }));
      })
        .on('error', reject)
        .end();
    }),
    `an answer for ${address}`,
  );
}

/** One gateway, which is given each example in turn and reads it on SIGHUP. */
let folder: string;
let gateway: Gateway;
let generation = 1;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-examples-'));
  write('basic.env');
  gateway = await startGateway({ configFile: join(folder, 'sallyport.yaml') });
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true });
});

/** As it stands, but that the proxy of these tests is trusted too. */
function write(name: string): void {
  const isYaml = name.endsWith('.yaml');
  const server = 'server: { port: 0 }\nadmin: { enabled: false }\n';
  writeFileSync(join(folder, 'sallyport.yaml'), isYaml ? `${server}${text(name)}` : server, { mode: 0o600 });
  const variables = isYaml ? '' : text(name);
  const trusted = /^TRUSTED_PROXIES=.*$/m.test(variables)
    ? variables.replace(/^(TRUSTED_PROXIES=.*)$/m, `$1,${PROXY}`)
    : `${variables}TRUSTED_PROXIES=${PROXY}\n`;
  writeFileSync(join(folder, '.env'), trusted, { mode: 0o600 });
}

async function use(name: string): Promise<void> {
  write(name);
  process.kill(gateway.pid, 'SIGHUP');
  generation += 1;
  const detail = `configuration reloaded, generation ${generation}`;
  await gateway.audited((line) => line.detail === detail, detail);
}

interface Example {
  readonly name: string;
  readonly path?: string;
  /** Of requests that pass. */
  readonly status?: number;
  readonly passes: readonly (string | undefined)[];
  readonly refused: readonly (string | undefined)[];
  readonly health?: Readonly<Record<string, unknown>>;
}

const ON = { ipProtection: true };
const UNKNOWN = undefined;
const EXAMPLES: readonly Example[] = [
  {
    name: 'basic.env',
    passes: ['192.168.1.0', '192.168.1.255', '10.9.9.9', '203.0.113.100', '127.0.0.1'],
    refused: ['192.168.2.1', '203.0.113.101', '11.0.0.1', '2001:db8::1', UNKNOWN],
    health: ON,
  },
  { name: 'reverse-proxy.env', passes: ['192.168.1.7', '10.0.0.2'], refused: ['203.0.113.1', UNKNOWN], health: ON },
  { name: 'ipv4-address.env', passes: ['192.168.1.100', '127.0.0.1'], refused: ['192.168.1.101'] },
  {
    name: 'ipv4-several.env',
    passes: ['192.168.1.1', '10.0.0.100', '172.31.255.255'],
    refused: ['10.0.0.101', '172.32.0.0'],
  },
  { name: 'ipv6-address.env', passes: ['2001:db8::1', '2001:0DB8:0::0001'], refused: ['2001:db8::2'] },
  { name: 'ipv6-range.env', passes: ['2001:db8:ffff::1'], refused: ['2001:db9::1', '32.1.13.184'] },
  { name: 'mixed.env', passes: ['192.168.1.9', '2001:db8::9', '127.0.0.1'], refused: ['192.168.0.9', '2001:db7::9'] },
  {
    name: 'corporate.env',
    passes: ['10.1.2.3', '172.16.0.1'],
    refused: ['172.15.255.255', '192.168.1.1', UNKNOWN],
    health: ON,
  },
  { name: 'vpn.env', passes: ['192.168.100.77', '127.0.0.1'], refused: ['192.168.101.1', UNKNOWN] },
  {
    name: 'cloudflare.env',
    passes: ['203.0.113.5', '203.0.113.5, 173.245.48.9'],
    refused: ['203.0.114.5', '198.51.100.1, 173.245.48.9'],
  },
  {
    name: 'development.env',
    passes: ['192.168.1.100', '192.168.1.102', UNKNOWN],
    refused: ['192.168.1.103'],
    health: ON,
  },
  {
    name: 'with-authentication.env',
    passes: ['127.0.0.1'],
    refused: ['192.168.1.1', '10.0.0.1'],
    health: { status: 'healthy', authEnabled: true, ipProtection: true },
  },
  { name: 'without-switch.env', passes: ['192.168.1.1', '203.0.113.1'], refused: [], health: { ipProtection: false } },
  {
    name: 'local-only.env',
    passes: ['127.0.0.1'],
    refused: ['127.0.0.9', '192.168.1.1', UNKNOWN],
    health: { ipProtection: true },
  },
  {
    name: 'specific.env',
    passes: ['127.0.0.1', '192.168.1.100', '203.0.113.1'],
    refused: ['127.0.0.9', '203.0.113.2'],
  },
  {
    name: 'everybody.env',
    passes: ['127.0.0.1', '203.0.113.1', '2001:db8::1'],
    refused: [UNKNOWN],
    health: { ipProtection: false },
  },
  {
    name: 'server-lists.yaml',
    path: '/mcp/production_mcp',
    status: 401,
    passes: ['127.0.0.1', '192.168.7.7', '10.0.0.51', '172.20.0.1', '203.0.113.9', '198.51.100.9'],
    refused: ['192.168.1.100', '10.0.0.50', '192.0.2.1', '127.0.0.9'],
  },
  { name: 'server-lists.yaml', passes: ['192.0.2.1', '192.168.1.100'], refused: [], health: { ipProtection: false } },
  {
    name: 'production.yaml',
    path: '/mcp/production_mcp',
    status: 401,
    passes: ['10.0.0.50', '192.168.1.1'],
    refused: ['203.0.113.1', '127.0.0.1'],
  },
];

describe('an example configuration', () => {
  it.each(
    EXAMPLES.map((example) => [`${example.name} on ${example.path ?? '/health'}`, example] as const),
  )('%s lets in and keeps out whom it says', async (_, {
    name,
    path = '/health',
    status = 200,
    passes,
    refused,
    health,
  }) => {
    await use(name);
    for (const address of passes) {
      const answer = await ask(gateway.url, path, address);
      expect([address, answer.status]).toEqual([address, status]);
      if (health !== undefined) expect(answer.body).toMatchObject(health);
    }
    for (const address of refused) {
      const answer = await ask(gateway.url, path, address);
      const said = address === undefined ? 'Unable to determine client IP address' : 'Access denied for IP: ';
      expect([address, answer.status, answer.body.error]).toEqual([address, 403, 'forbidden']);
      expect(answer.body.error_description).toContain(said);
    }
  });

  it('gives the service the name its clients know, as long as it is in force', async () => {
    const service = async () => (await ask(gateway.url, '/health', '127.0.0.1')).body.service;
    await use('with-authentication.env');
    expect(await service()).toBe('twenty-mcp-server');
    await use('server-lists.yaml');
    expect(await service()).toBe('sallyport');
  });

  it('that is copied from the one we ship starts, as it stands and with every line switched on', () => {
    const ours = readFileSync(fileURLToPath(new URL('../../.env.example', import.meta.url)), 'utf8');
    expect(load(undefined, { dotenv: ours }).settings.security.ip_whitelist).toBeUndefined();
    const [first, inOtherWords = '', further = ''] = ours.split(/^# --- (?:The same|Further).*$/m);
    const on = (part = '') => part.replaceAll(/^# ([A-Z][A-Z_]+=)(?=.)/gm, '$1');
    const { security, admin } = load(undefined, { dotenv: on(first) + on(further) }).settings;
    expect([security.ip_whitelist, security.ip_blacklist, admin.ip_whitelist]).toEqual([
      ['192.168.1.0/24', '10.0.0.0/8', '2001:db8::/32'],
      ['10.0.0.50'],
      ['127.0.0.1', '::1'],
    ]);
    const others = load(undefined, { dotenv: on(inOtherWords) });
    expect([others.settings.security.ip_whitelist, others.settings.server.trust_proxy]).toEqual([
      ['127.0.0.1', '::1', '192.168.1.100'],
      'loopback',
    ]);
    expect(others.warnings).toEqual([]);
  });

  it('with a placeholder in its list is refused, naming it', () => {
    const { faults } = refusal(() => load(undefined, { dotenv: text('placeholder.env') }));
    expect(faults).toMatchObject([
      { path: 'security.ip_whitelist[1]', value: '"your-ip-here"', problem: expect.stringContaining('is no address') },
    ]);
  });

  it('that lets everybody in is refused in production', () => {
    const dotenv = text('everybody.env');
    expect(refusal(() => load(undefined, { dotenv, env: { NODE_ENV: 'production' } })).faults).toHaveLength(1);
    expect(load(undefined, { dotenv }).warnings).toHaveLength(1);
  });
});

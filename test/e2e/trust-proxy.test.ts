import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Gateway, runCli, startGateway } from '../support/gateway.ts';
import { sendRaw } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { testFolder } from './state.ts';

const CHAIN = 'X-Forwarded-For: 203.0.113.1, 192.168.1.100\r\n';

interface Trust {
  readonly trust_proxy?: unknown;
  readonly trust_proxy_sets?: object;
  readonly forwarded_header?: string;
}

/** A JSON file, as the systems whose values these are keep it. */
function written(server: Trust): string {
  const refusals = { per_window: 1_000, window_ms: 3_600_000 };
  return JSON.stringify({ server: { port: 0, ...server }, admin: { enabled: false }, audit: { refusals } });
}

let asked = 0;

/** Whom the record takes a request from, which comes from an address with these header lines. */
async function client(gateway: Gateway, from: string, lines: string): Promise<unknown> {
  asked += 1;
  const id = `asked-${asked}`;
  const head = `GET /mcp/servers HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: ${id}\r\n${lines}\r\n`;
  expect((await sendRaw(gateway.url, head, undefined, from)).status).toBe(401);
  return (await gateway.audited(({ request_id }) => request_id === id, id)).client;
}

const trustLines = (gateway: Gateway): readonly { readonly message: string; readonly because: string }[] =>
  gateway
    .stderr()
    .split('\n')
    .filter((line) => line.includes('forwarding headers are believed'))
    .map((line) => JSON.parse(line));

describe('server.trust_proxy', () => {
  it('is in force as written, from one reload to the next', async () => {
    const folder = testFolder();
    const file = join(folder, 'sallyport.json');
    writeFileSync(join(folder, 'edge.txt'), '127.0.7.0/24 # edge\n');
    writeFileSync(file, written({}), { mode: 0o600 });
    const gateway = await startGateway({ configFile: file });
    onTestFinished(async () => void (await gateway.stop()));
    expect(trustLines(gateway)).toMatchObject([
      {
        message: 'forwarding headers are believed from: loopback',
        because: expect.stringContaining('no setting goes by addresses'),
      },
    ]);
    expect(await client(gateway, '127.0.0.1', CHAIN)).toBe('192.168.1.100');

    const table: readonly [server: Trust, from: string, lines: string, client: string][] = [
      [{ trust_proxy: false }, '127.0.0.1', CHAIN, '127.0.0.1'],
      [{ trust_proxy: true }, '127.0.0.1', CHAIN, '203.0.113.1'],
      [{ trust_proxy: 'loopback' }, '127.0.0.7', CHAIN, '192.168.1.100'],
      [{ trust_proxy: '192.168.1.100' }, '127.0.0.1', CHAIN, '127.0.0.1'],
      [{ trust_proxy: '127.0.0.1' }, '127.0.0.2', CHAIN, '127.0.0.2'],
      [{ trust_proxy: 'uniquelocal, 127.0.0.0/8' }, '127.0.0.2', CHAIN, '203.0.113.1'],
      [{ trust_proxy: '1' }, '127.0.0.2', CHAIN, '192.168.1.100'],
      [{ trust_proxy: 2 }, '127.0.0.2', CHAIN, '203.0.113.1'],
      [{ trust_proxy: ['edge'], trust_proxy_sets: { edge: './edge.txt' } }, '127.0.7.7', CHAIN, '192.168.1.100'],
      [{ forwarded_header: 'forwarded' }, '127.0.0.1', `${CHAIN}Forwarded: for="[2001:db8::7]:99"\r\n`, '2001:db8::7'],
      [{ forwarded_header: 'none' }, '127.0.0.1', CHAIN, '127.0.0.1'],
    ];
    for (const [index, [server, from, lines, expected]] of table.entries()) {
      writeFileSync(file, written(server));
      process.kill(gateway.pid, 'SIGHUP');
      await until(
        () => gateway.stderr().split('configuration reloaded').length === index + 2,
        `reload ${index + 1} is done`,
      );
      expect(await client(gateway, from, lines), JSON.stringify(server)).toBe(expected);
    }
    writeFileSync(file, JSON.stringify({ ...JSON.parse(written({})), security: { ip_blacklist: ['198.51.100.7'] } }));
    process.kill(gateway.pid, 'SIGHUP');
    await until(() => trustLines(gateway).length === 2 + table.length, 'the list is in force');
    expect(trustLines(gateway).at(-1)).toMatchObject({ message: 'forwarding headers are believed from nobody' });
    expect(await client(gateway, '127.0.0.1', CHAIN)).toBe('127.0.0.1');
    const hops = trustLines(gateway).flatMap(({ message }) => /believed from: (\d hops?)$/.exec(message)?.[1] ?? []);
    expect(hops).toEqual(['1 hop', '2 hops']);
    // None of them needs a restart.
    expect(gateway.stderr()).not.toContain('needs_restart');
  });

  it('that cannot be used is told before anything listens', async () => {
    const file = join(testFolder(), 'sallyport.json');
    const faulty = { auth: { trustProxy: 'loopback' }, server: { trust_proxy: 'loopback, 10.0.0.0/33' } };
    writeFileSync(file, JSON.stringify(faulty), { mode: 0o600 });
    const { code, stderr } = await runCli(['check', '--config', file]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('auth.trustProxy: is not a setting; did you mean "server.trust_proxy"?');
    expect(stderr).toMatch(
      /server\.trust_proxy = "loopback, 10\.0\.0\.0\/33": "10\.0\.0\.0\/33" has a prefix beyond \/32/,
    );
  });
});

describe('audit.addresses', () => {
  it.each([
    ['truncated', /^203\.0\.113\.0\/24$/],
    ['hashed', /^h:[\w-]{16}$/],
  ])('%s keeps whole addresses out of the record and the log', async (addresses, shown) => {
    const settings = {
      audit: { addresses },
      security: { ip_blacklist: ['203.0.113.0/24'] },
      admin: { enabled: false },
    };
    const gateway = await startGateway({ config: { server: { trust_proxy: '127.0.0.2' }, ...settings } });
    onTestFinished(async () => void (await gateway.stop()));
    const ask = (from: string, by: string) =>
      sendRaw(
        gateway.url,
        `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: ${by}\r\n\r\n`,
        undefined,
        from,
      );
    // The caller itself is told its address whole: it knows it.
    expect((await ask('127.0.0.2', '203.0.113.9')).body.toString()).toContain('203.0.113.9');
    expect((await ask('127.0.0.77', '198.51.100.9')).status).toBe(200);
    const row = await gateway.audited(({ verdict }) => verdict === 'deny', 'the refusal');
    expect(row.client).toMatch(shown);
    await gateway.audited(({ type }) => type === 'notice', 'the notice');
    const written = JSON.stringify(gateway.audit()) + gateway.stderr();
    for (const whole of ['203.0.113.9', '127.0.0.77', '198.51.100.9']) expect(written).not.toContain(whole);
    expect(gateway.stderr()).toContain('Access denied for IP: ');
  });
});

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FixtureHttp, startFixtureHttp, stdioFixture } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { within } from '../support/wait.ts';
import { get, legacyStream, modernStream, type OpenStream, slowCall } from './requests.ts';
import { stateFolder } from './state.ts';

const stdio = stdioFixture();
let http: FixtureHttp;
let gateway: Gateway;
let url: string;
beforeAll(async () => {
  http = await startFixtureHttp();
  const mcps = [
    { id: 'stdio', transport: 'stdio', command: stdio.command, args: stdio.args, env: stdio.env },
    { id: 'http', transport: 'streamable-http', url: http.url },
  ];
  gateway = await startGateway({ config: { mcps } });
  url = gateway.url;
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), http?.stop()]);
  stdio.remove();
});

/** 200 or 401: whether the token opens anything now. */
const status = async (token?: string, at = url) => (await get(`${at}/mcp/servers`, token)).status;

async function cli(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await gateway.command(...args);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
}

/** Everything that can be open at once for one token: both eras, both transports, a call under way. */
async function openAll(token: string): Promise<OpenStream[]> {
  const streams = ['stdio', 'http'].flatMap((id) => [
    legacyStream(`${url}/mcp/${id}`, token),
    modernStream(`${url}/mcp/${id}`, token),
    slowCall(`${url}/mcp/${id}`, token, 60_000, 10),
  ]);
  return Promise.all(streams);
}

/** As above with a token that expires soon, and yet not before a busy machine has opened everything. */
async function openBriefly() {
  for (const seconds of [2, 8]) {
    const token = await gateway.token(`brief-${seconds}`, { expires: `${seconds}s` });
    const streams = await openAll(token).catch(() => undefined);
    if (streams !== undefined) return { token, streams };
  }
  const token = await gateway.token('brief-15', { expires: '15s' });
  return { token, streams: await openAll(token) };
}

const allOver = (streams: readonly OpenStream[]) =>
  within(Promise.all(streams.map(({ over }) => over)), 'every stream of the token is over', 20_000);

describe('a token', () => {
  it('counts on the running gateway as soon as it is made', async () => {
    expect(await status()).toBe(401);
    expect(await status(await gateway.token('made'))).toBe(200);
  });

  it('opens nothing once it is revoked, and its streams are ended', async () => {
    const [token, other] = [await gateway.token('leaked'), await gateway.token('bystander')];
    const [streams, kept] = await Promise.all([openAll(token), legacyStream(`${url}/mcp/http`, other)]);
    expect(await status(token)).toBe(200);

    await cli('token', 'revoke', 'leaked');
    expect(await status(token)).toBe(401);
    expect(new Set(await allOver(streams))).toEqual(new Set(['ended']));
    for (const call of [streams[2], streams[5]]) expect(call?.text()).toContain('"code":40305');

    expect(await Promise.race([kept.over, status(other)])).toBe(200);
    const ended = await gateway.audited(({ reason }) => reason === 'token-revoked', 'the end of the streams');
    expect(ended.principal).toMatch(/^token:/);
  });

  it('is accepted beside its successor for the grace it was given', async () => {
    const old = await gateway.token('graceful');
    const next = (await cli('token', 'rotate', 'graceful', '--grace', '1h')).trim();
    expect(next).not.toBe(old);
    expect([await status(old), await status(next)]).toEqual([200, 200]);
  });

  it('ends with its grace', async () => {
    const old = await gateway.token('short');
    const stream = await legacyStream(`${url}/mcp/http`, old);
    const next = (await cli('token', 'rotate', 'short', '--grace', '1s')).trim();
    await allOver([stream]);
    expect([await status(old), await status(next)]).toEqual([401, 200]);
  });

  it('is refused at once when it is replaced without grace', async () => {
    const old = await gateway.token('abrupt');
    const next = (await cli('token', 'rotate', 'abrupt')).trim();
    expect([await status(old), await status(next)]).toEqual([401, 200]);
  });

  it('takes its streams with it when it expires', async () => {
    const { token, streams } = await openBriefly();
    expect(new Set(await allOver(streams))).toEqual(new Set(['ended']));
    expect(await status(token)).toBe(401);
    await gateway.audited(({ reason }) => reason === 'token-expired', 'the end of the streams');
  });

  it('opens the servers it was made for', async () => {
    const token = await gateway.token('narrow', { servers: ['http'] });
    const { body } = await get(`${url}/mcp/servers`, token);
    expect(body.servers.map(({ id }: { id: string }) => id)).toEqual(['http']);
  });
});

describe('tokens of a gateway that does not run', () => {
  it('are kept over a restart, and changed in the store meanwhile', async () => {
    const stateDir = stateFolder();
    const config = { mcps: [{ id: 'http', transport: 'streamable-http', url: http.url }] };
    const first = await startGateway({ config, stateDir });
    const [kept, revoked] = [await first.token('kept'), await first.token('revoked')];
    await first.stop();

    expect((await first.command('token', 'revoke', 'revoked')).code).toBe(0);
    const made = (await first.command('token', 'create', '--name', 'made')).stdout.trim();

    const second = await startGateway({ config, stateDir });
    onTestFinished(async () => void (await second.stop()));
    const found = await Promise.all([kept, revoked, made].map((token) => status(token, second.url)));
    expect(found).toEqual([200, 401, 200]);
  });
});

import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, fetch as fetchWith } from 'undici';
import { expect, it } from 'vitest';
import { modernCall } from '../attack/requests.ts';
import { connectV1, connectV2 } from '../support/clients.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type AuditLine, type Gateway, startGateway } from '../support/gateway.ts';
import { answer, ScriptedHttp } from '../support/scripted-http.ts';
import { until, within } from '../support/wait.ts';

/** Two clients of this machine. Neither is a trusted proxy, unlike 127.0.0.1. */
export const CLIENT = '127.0.0.9';
export const OTHER = '127.0.0.8';
/** What clients claim to be, and are not. */
const FORGED = '203.0.113.66';

/** One gateway with two servers behind it: `honest`, and `paced`, which says the next thing when the test says so. */
export class ProxyGround {
  readonly token = randomBytes(24).toString('base64url');
  gateway!: Gateway;
  private fixture!: FixtureHttp;
  readonly paced: ScriptedHttp;
  private readonly agents: Agent[] = [];
  private ca: string | undefined;

  private constructor(paced: ScriptedHttp) {
    this.paced = paced;
  }

  /** @param server settings of the listener; `env` of the gateway */
  static async open(server: object, env: Readonly<Record<string, string>> = {}): Promise<ProxyGround> {
    const ground = new ProxyGround(await ScriptedHttp.start());
    ground.fixture = await startFixtureHttp();
    const tokens = [{ name: 'user', token: ground.token }];
    const mcps = [
      { id: 'honest', transport: 'streamable-http', url: ground.fixture.url },
      { id: 'paced', transport: 'streamable-http', url: ground.paced.url, era: 'modern' },
    ];
    try {
      // The log then says of each request by which scheme it came.
      const log = { level: 'debug', format: 'json' };
      const config = { server, log, auth: { methods: [{ type: 'token', tokens }] }, mcps };
      ground.gateway = await startGateway({ config, env });
    } catch (error) {
      await ground.stopServers();
      throw error;
    }
    return ground;
  }

  get port(): string {
    return new URL(this.gateway.url).port;
  }

  /** Clients trust this authority from now on. */
  trust(ca: string): void {
    this.ca = ca;
  }

  /** A `fetch` that comes from this address of the loopback network. */
  from(localAddress: string): typeof fetch {
    const agent = new Agent({ localAddress, ...(this.ca === undefined ? {} : { connect: { ca: this.ca } }) });
    this.agents.push(agent);
    return ((url: string, init: object) => fetchWith(url, { ...init, dispatcher: agent })) as never;
  }

  async close(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.destroy()));
    await this.gateway.stop();
    await this.stopServers();
  }

  private async stopServers(): Promise<void> {
    await this.fixture.stop();
    await this.paced.stop();
  }

  /** One call, with every header a client could claim another address with. Resolves with its row in the record. */
  async call(url: string, ask: typeof fetch): Promise<AuditLine> {
    const id = randomUUID();
    const { headers, body } = modernCall('/mcp/honest', this.token);
    const { host: _, ...own } = headers as Record<string, string>;
    const forged = {
      'x-forwarded-for': FORGED,
      'x-real-ip': FORGED,
      forwarded: `for=${FORGED};proto=https`,
      'cf-connecting-ip': FORGED,
    };
    const init = { method: 'POST', headers: { ...own, ...forged, 'x-request-id': id }, body: body as string };
    const response = await ask(`${url}/mcp/honest`, init);
    expect(await response.text()).toContain('"resultType":"complete"');
    expect(response.status).toBe(200);
    return this.gateway.audited((row) => row.request_id === id && row.type === 'decision', `the call ${id}`);
  }
}

/** What must hold through every proxy. `place` is asked when the tests run. */
export function holdsThrough(place: () => { readonly ground: ProxyGround; readonly url: string }): void {
  it.each([
    ['SDK v1', connectV1],
    ['SDK v2 pinned to 2026-07-28', (url: string, options: object) => connectV2(url, 'pinned', options)],
  ] as const)('serves the official client %s', async (_, connect) => {
    const { ground, url } = place();
    const client = await connect(`${url}/mcp/honest`, { token: ground.token, fetch: ground.from(CLIENT) });
    expect((await client.listTools()).map(({ name }) => name)).toContain('echo');
    const answered = await client.callTool('echo', { text: 'through' });
    expect(answered.content).toEqual([{ type: 'text', text: 'through' }]);
    await client.close();
  });

  it('tells the gateway who asks, on connections that are used again, and nobody who claims to be another', async () => {
    const { ground, url } = place();
    const [first, second] = [ground.from(CLIENT), ground.from(OTHER)];
    for (let round = 0; round < 3; round++) {
      const rows = await Promise.all([ground.call(url, first), ground.call(url, second)]);
      expect(rows.map(({ client }) => client)).toEqual([CLIENT, OTHER]);
    }
  });

  it('tells the gateway the scheme', async () => {
    const { ground, url } = place();
    const { decision_id: id } = await ground.call(url, ground.from(CLIENT));
    const lines = (): string[] => ground.gateway.stderr().split('\n').slice(0, -1);
    const line = await until(
      () => lines().find((text) => text.includes('where a request comes from') && text.includes(String(id))),
      'the log says where the request came from',
    );
    expect(JSON.parse(line)).toMatchObject({ ip: CLIENT, secure: url.startsWith('https:') });
  });

  it('keeps a stream open on which the server speaks when it has something to say', async () => {
    const { ground, url } = place();
    const options = { token: ground.token, fetch: ground.from(CLIENT) };
    const client = await connectV2(`${url}/mcp/honest`, 'pinned', options);
    const changed = new Promise<void>((resolve) => {
      client.sdk.setNotificationHandler('notifications/tools/list_changed', () => resolve());
    });
    await client.sdk.listen({ toolsListChanged: true });
    await client.callTool('toggle_extra_tool');
    await within(changed, 'the change is heard on the stream');
    await client.close();
  });

  it('passes each event on when it comes', async () => {
    const { ground, url } = place();
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    ground.paced.otherwise = async (request, response) => {
      const progressToken = (request.rpc.params?._meta as { progressToken?: unknown } | undefined)?.progressToken;
      if (request.rpc.method !== 'tools/call') {
        response.writeHead(200, { 'content-type': 'application/json' }).end(answer(request, TOOLS));
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const progress = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } };
      response.write(`data: ${JSON.stringify(progress)}\n\n`);
      await Promise.race([gate, once(response, 'close')]);
      response.end(`data: ${answer(request, { resultType: 'complete', content: [] })}\n\n`);
    };
    const options = { token: ground.token, fetch: ground.from(CLIENT) };
    const client = await connectV2(`${url}/mcp/paced`, 'pinned', options);
    // The server says the last thing when the first has arrived: behind a proxy that holds it back, never.
    const called = client.callTool('slow', {}, () => open());
    await within(called, 'the answer has come after its first event');
    await client.close();
  });
}

const TOOLS = {
  resultType: 'complete',
  ttlMs: 60_000,
  cacheScope: 'private',
  tools: [{ name: 'slow', inputSchema: { type: 'object' } }],
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  serverInfo: { name: 'paced', version: '1' },
};

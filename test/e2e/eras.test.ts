import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV1, connectV2 } from '../support/clients.ts';
import { EVERYTHING_STDIO, type RunningServer, startEverything } from '../support/everything.ts';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { INITIALIZE, modern, post } from './requests.ts';

let server: RunningServer;
let fixture: FixtureHttp;
let gateway: Gateway;
let token: string;
beforeAll(async () => {
  [server, fixture] = await Promise.all([startEverything(), startFixtureHttp()]);
  const mcps = [
    { id: 'legacy-stdio', transport: 'stdio', ...EVERYTHING_STDIO },
    { id: 'legacy-http', transport: 'streamable-http', url: server.url },
    { id: 'modern-http', transport: 'streamable-http', url: fixture.url, era: 'modern' },
    { id: 'both', transport: 'streamable-http', url: fixture.url },
  ];
  gateway = await startGateway({ config: { mcps } });
  token = await gateway.token('eras');
});
afterAll(() => Promise.all([gateway?.stop(), server?.stop(), fixture?.stop()]));

const at = (id: string) => `${gateway.url}/mcp/${id}`;

describe('a modern client and a legacy server', () => {
  it.each(['legacy-stdio', 'legacy-http'])('are told apart by a 400 with our own code (%s)', async (id) => {
    const request = modern('tools/list');
    const { status, body } = await post(at(id), request.body, token, request.headers);
    expect(status).toBe(400);
    const message = `client speaks 2026-07-28; server ${id} speaks 2025-11-25 and earlier`;
    expect(body).toMatchObject({ jsonrpc: '2.0', id: 'q', error: { code: 40001, message } });
  });

  it.each(['legacy-stdio', 'legacy-http'])('meet on the legacy era when the client may choose (%s)', async (id) => {
    const client = await connectV2(at(id), 'auto', { token });
    expect(client.era).toBe('legacy');
    expect((await client.callTool('echo', { message: 'hi' })).content).toEqual([{ type: 'text', text: 'Echo: hi' }]);
    await client.close();
  });

  it.each(['legacy-stdio', 'legacy-http'])('part when the client insists (%s)', async (id) => {
    const refused = connectV2(at(id), 'pinned', { token });
    await expect(refused).rejects.toThrow('did not offer pinned protocol version 2026-07-28');
  });

  it('are recorded', async () => {
    const line = await gateway.audited((record) => record.rpc_code === 40001, 'the refusal');
    expect(line).toMatchObject({ type: 'outcome', principal: expect.any(String), status: 400 });
  });
});

describe('a legacy client and a modern server', () => {
  it('are told apart by a 400 with our own code', async () => {
    const { status, body } = await post(at('modern-http'), INITIALIZE, token);
    expect(status).toBe(400);
    const message = 'client speaks 2025-11-25 and earlier; server modern-http speaks 2026-07-28';
    expect(body).toMatchObject({ jsonrpc: '2.0', id: 'hello', error: { code: 40001, message } });
    await expect(connectV1(at('modern-http'), { token })).rejects.toThrow(message);
  });

  it('meet where the server speaks both', async () => {
    const client = await connectV1(at('both'), { token });
    expect((await client.callTool('echo', { text: 'hi' })).content).toEqual([{ type: 'text', text: 'hi' }]);
    await client.close();
  });
});

describe('a client that asks for the era', () => {
  it.each(['modern-http', 'both'])('gets the modern one where the server has it (%s)', async (id) => {
    const client = await connectV2(at(id), 'auto', { token });
    expect(client.era).toBe('modern');
    expect((await client.callTool('add', { a: 1, b: 2 })).structuredContent).toEqual({ sum: 3 });
    await client.close();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVERYTHING_STDIO } from '../support/everything.ts';
import { type FixtureHttp, type FixtureSse, startFixtureHttp, startFixtureSse } from '../support/fixture-server.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { sendRaw } from '../support/raw.ts';
import { post } from './requests.ts';

interface Caller {
  readonly gateway: Gateway;
  readonly token: string;
}

let http: FixtureHttp;
let sse: FixtureSse;
let strict: Caller;
let lenient: Caller;
beforeAll(async () => {
  [http, sse] = await Promise.all([startFixtureHttp(), startFixtureSse()]);
  [strict, lenient] = await Promise.all([gatewayWith({}), gatewayWith({ lenient_initialize: true })]);
});
afterAll(() => Promise.all([strict, lenient].map((caller) => caller?.gateway.stop())));
afterAll(() => Promise.all([http?.stop(), sse?.stop()]));

async function gatewayWith(compat: object): Promise<Caller> {
  const mcps = [
    { id: 'stdio', transport: 'stdio', ...EVERYTHING_STDIO },
    { id: 'http', transport: 'streamable-http', url: http.url },
    { id: 'sse', transport: 'sse', url: sse.url },
  ];
  const gateway = await startGateway({ config: { mcps, compat } });
  return { gateway, token: await gateway.token('old') };
}

const PRINTED = '{"jsonrpc":"2.0","method":"initialize","params":{},"id":1}';

/** By default with the two headers of the printed request and no other but those HTTP demands. */
async function printed({ gateway, token }: Caller, id: string, accept = '') {
  const head = [
    `POST /mcp/${id} HTTP/1.1`,
    `Host: ${new URL(gateway.url).host}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${PRINTED.length}`,
    ...(accept === '' ? [] : [`Accept: ${accept}`]),
  ];
  const answer = await sendRaw(gateway.url, `${head.join('\r\n')}\r\n\r\n${PRINTED}`);
  return { status: answer.status, session: answer.headers.get('mcp-session-id')?.[0], text: answer.body.toString() };
}

describe('the incomplete initialize that instructions print', () => {
  it.each(['stdio', 'http', 'sse'])('opens a session with compat.lenient_initialize (%s)', async (id) => {
    const { status, session, text } = await printed(lenient, id);
    expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-03-26' } });
    expect([status, session]).toEqual([200, expect.any(String)]);
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
    const { url } = lenient.gateway;
    const headers = { 'mcp-session-id': session as string };
    const { status: listed, body } = await post(`${url}/mcp/${id}`, list, lenient.token, headers);
    expect([listed, JSON.stringify(body)]).toEqual([200, expect.stringContaining('echo')]);
  });

  it.each(['stdio', 'http', 'sse'])('is for the server to refuse without it (%s)', async (id) => {
    expect((await printed(strict, id)).status).toBe(406);
    const { session, text } = await printed(strict, id, '*/*');
    expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', id: 1, error: { message: expect.any(String) } });
    expect(session).toBeUndefined();
  });
});

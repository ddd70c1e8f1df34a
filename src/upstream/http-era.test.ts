import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, httpSettings, leaseLegacy, leaseModern, outbound, recordingLog } from '../../test/support/lane-calls.ts';
import { json, rpcError, type Script, ScriptedHttp } from '../../test/support/scripted-http.ts';
import { createHttpUpstream } from './http-upstream.ts';
import type { Upstream } from './lane.ts';
import type { HttpSettings } from './settings.ts';

let server: ScriptedHttp;
const open: Upstream[] = [];

beforeEach(async () => {
  server = await ScriptedHttp.start();
});

afterEach(async () => {
  for (const upstream of open.splice(0)) await upstream.close(AbortSignal.timeout(2_000));
  await server.stop();
});

function upstreamOf(era: HttpSettings['era'] = 'auto', url = server.url): Upstream {
  const upstream = createHttpUpstream(httpSettings(url, { era }), { log: recordingLog([]), onState: () => {} });
  open.push(upstream);
  return upstream;
}

const probes = () => server.of('server/discover').length;
const status =
  (code: number): Script =>
  (_, response) =>
    response.writeHead(code, { 'content-type': 'text/plain' }).end('no');
const nullId = (code: number) => () => ({ jsonrpc: '2.0', id: null, error: { code, message: 'no' } });

describe('the era of a server that is not told', () => {
  it.each<[string, Script]>([
    [
      'server/discover answered',
      json(200, ({ rpc }) => ({ jsonrpc: '2.0', id: rpc.id, result: { supportedVersions: [] } })),
    ],
    ['a header mismatch', json(400, rpcError(-32020))],
    ['a missing capability', json(400, rpcError(-32021))],
    ['another modern revision', json(400, rpcError(-32022))],
    ['another modern revision, id unread', json(400, nullId(-32022))],
    ['an unknown method under 404', json(404, rpcError(-32601))],
  ])('is modern after %s', async (_, script) => {
    const upstream = upstreamOf();
    server.next(script);
    const lane = await leaseModern(upstream);
    expect(await ask(lane, outbound('tools/list'))).toMatchObject({ kind: 'settled' });
    await leaseModern(upstream);
    expect(probes()).toBe(1);
  });

  it.each<[string, Script]>([
    ['a bare 400', status(400)],
    ['a bare 404', status(404)],
    ['a bare 405', status(405)],
    ['a missing session', json(400, nullId(-32000))],
    ['an unknown method under 200', json(200, rpcError(-32601))],
    ['invalid params under 200', json(200, rpcError(-32602))],
  ])('is legacy only after %s', async (_, script) => {
    const upstream = upstreamOf();
    server.next(script);
    const refused = {
      problem: { code: 'ERA_MISMATCH', text: 'client speaks 2026-07-28; server demo speaks 2025-11-25 and earlier' },
    };
    await expect(leaseModern(upstream)).rejects.toMatchObject(refused);
    await expect(leaseModern(upstream)).rejects.toMatchObject(refused);
    expect(probes()).toBe(1);
    expect(upstream.health().lastError).toBeUndefined();
    await expect(leaseLegacy(upstream)).resolves.toMatchObject({ era: 'legacy' });
  });

  it.each<[string, Script, string]>([
    ['401', status(401), 'UPSTREAM_STATUS'],
    ['403', status(403), 'UPSTREAM_STATUS'],
    ['503', status(503), 'UPSTREAM_STATUS'],
    ['429 with an error', json(429, nullId(-32000)), 'UPSTREAM_STATUS'],
    ['a closed connection', (_, response) => response.destroy(), 'UPSTREAM_CLOSED'],
    ['HTML', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('x'), 'UPSTREAM_INVALID'],
  ])('is not known after %s, and asked again', async (_, script, code) => {
    const upstream = upstreamOf();
    server.next(script);
    await expect(leaseModern(upstream)).rejects.toMatchObject({ problem: { code } });
    await expect(leaseModern(upstream)).resolves.toMatchObject({ era: 'modern' });
    expect(probes()).toBe(2);
  });

  it('is asked once for all who wait', async () => {
    const upstream = upstreamOf();
    const lanes = await Promise.all([leaseModern(upstream), leaseModern(upstream), leaseModern(upstream)]);
    expect(new Set(lanes).size).toBe(1);
    expect(probes()).toBe(1);
    expect(server.received[0]?.headers).toMatchObject({ 'mcp-method': 'server/discover' });
    expect(server.received[0]?.rpc.params).toMatchObject({
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'sallyport' },
      },
    });
  });

  it('is asked again when a modern server stops answering as one', async () => {
    const upstream = upstreamOf();
    const lane = await leaseModern(upstream);
    server.next(status(404), status(404));
    await ask(lane, outbound('tools/list'));
    await expect(leaseModern(upstream)).rejects.toMatchObject({ problem: { code: 'ERA_MISMATCH' } });
    expect(probes()).toBe(2);
  });

  it('is asked again when a modern server cannot read a request any more, whose sender gets its error', async () => {
    const upstream = upstreamOf();
    const lane = await leaseModern(upstream);
    server.next(json(400, nullId(-32000)), json(400, nullId(-32000)));
    expect(await ask(lane, outbound('tools/list'))).toMatchObject({ kind: 'settled', message: { kind: 'error' } });
    await expect(leaseModern(upstream)).rejects.toMatchObject({ problem: { code: 'ERA_MISMATCH' } });
    expect(probes()).toBe(2);
  });
});

describe('the era of a server that is told', () => {
  it('is not asked for', async () => {
    await expect(leaseModern(upstreamOf('modern'))).resolves.toMatchObject({ era: 'modern', shared: true });
    await expect(leaseLegacy(upstreamOf('legacy'))).resolves.toMatchObject({ era: 'legacy', shared: false });
    expect(server.received).toHaveLength(0);
  });

  it('refuses a client of the other', async () => {
    await expect(leaseLegacy(upstreamOf('modern'))).rejects.toMatchObject({
      problem: { code: 'ERA_MISMATCH', text: 'client speaks 2025-11-25 and earlier; server demo speaks 2026-07-28' },
    });
    await expect(leaseModern(upstreamOf('legacy'))).rejects.toMatchObject({ problem: { code: 'ERA_MISMATCH' } });
  });
});

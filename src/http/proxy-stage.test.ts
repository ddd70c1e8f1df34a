import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LISTENER_LIMITS } from '../../test/support/listener-limits.ts';
import { openRaw } from '../../test/support/raw.ts';
import { connectionOf } from './connection.ts';
import { Listener, type ListenerSettings } from './listener.ts';
import { proxyStage } from './proxy-stage.ts';

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const LINE = 'PROXY TCP4 203.0.113.9 10.0.0.1 54321 8080\r\n';
const LOCAL = '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0';

async function behindProxies(limits: Partial<ListenerSettings['limits']> = {}, mayAnnounce = () => true) {
  const turned: string[] = [];
  const listener = new Listener(
    'main',
    { host: '127.0.0.1', port: 0, limits: { ...LISTENER_LIMITS, ...limits } },
    {
      request: ({ socket }, response) => {
        const { peer, isAnnounced, announced } = connectionOf(socket);
        response.end(`${peer?.text} ${isAnnounced} ${announced?.text}`);
      },
      refused: () => '',
      turnedAway: (reason, detail) => {
        turned.push(`${reason}: ${detail}`);
        return '';
      },
      headers: () => [],
    },
    [proxyStage(mayAnnounce)],
  );
  await listener.start();
  onTestFinished(() => listener.stop(AbortSignal.abort()));
  return { url: `http://127.0.0.1:${listener.address.port}`, turned };
}

describe('the PROXY header', () => {
  it.each([
    ['an address', LINE, '127.0.0.1 true 203.0.113.9'],
    ['nobody', 'PROXY UNKNOWN\r\n', '127.0.0.1 true undefined'],
    ['the proxy itself', LOCAL, '127.0.0.1 true undefined'],
  ])('that names %s is on every request of the connection', async (_, header, expected) => {
    const { url, turned } = await behindProxies();
    const connection = await openRaw(url);
    connection.write(header + GET);
    expect(String((await connection.answer()).body)).toBe(expected);
    connection.write(GET);
    expect(String((await connection.answer()).body)).toBe(expected);
    connection.destroy();
    expect(turned).toEqual([]);
  });

  it('may come byte by byte', async () => {
    const { url } = await behindProxies();
    const connection = await openRaw(url);
    for (const byte of LINE + GET) {
      connection.write(byte);
      await new Promise(setImmediate);
    }
    expect(String((await connection.answer()).body)).toContain('203.0.113.9');
    connection.destroy();
  });

  it('counts once: a second one is no HTTP', async () => {
    const { url } = await behindProxies();
    const connection = await openRaw(url);
    connection.write(LINE + LINE + GET);
    expect((await connection.answer()).status).toBe(400);
  });

  it.each([
    ['is missing', GET, 'proxy-protocol.malformed: the first bytes are no PROXY header'],
    ['is malformed', LINE.replace('9 1', '9  1') + GET, expect.stringContaining('proxy-protocol.malformed: a line')],
  ])('ends the connection without an answer where it %s', async (_, bytes, expected) => {
    const { url, turned } = await behindProxies();
    const connection = await openRaw(url);
    connection.write(bytes);
    await connection.closed;
    expect(connection.received()).toHaveLength(0);
    expect(turned).toEqual([expected]);
  });

  it('ends the connection where the client ends it in the middle, and tells nothing where it said nothing', async () => {
    const { url, turned } = await behindProxies();
    for (const bytes of ['', LINE.slice(0, 20)]) {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname);
      socket.end(bytes);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(turned).toEqual(['proxy-protocol.malformed: it ends in its header']);
  });

  it('has as long as a head has', async () => {
    const { url, turned } = await behindProxies({ header_timeout_ms: 20 });
    const connection = await openRaw(url);
    connection.write('PROXY ');
    await connection.closed;
    expect(turned).toEqual(['connection.timeout: PROXY header']);
  });

  it('is believed from nobody who may not say it', async () => {
    const { url, turned } = await behindProxies({}, () => false);
    const connection = await openRaw(url);
    connection.write(LINE + GET);
    await connection.closed;
    expect(connection.received()).toHaveLength(0);
    expect(turned).toEqual(['proxy-protocol.untrusted-peer: the peer is not in server.trust_proxy']);
  });
});

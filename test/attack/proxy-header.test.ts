import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { within } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';
import { bytesOf, get, type Headers, modernCall } from './requests.ts';

const PROXY = 'PROXY TCP4 203.0.113.9 10.0.0.1 54321 3000\r\n';
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const LOCAL = `${SIGNATURE}\x20\0\0\0`;
/** TCP over IPv4, 203.0.113.9, and a TLV that says the client came over TLS. */
const BINARY = `${SIGNATURE}\x21\x11\0\x14\xcb\0\x71\x09\x0a\0\0\x01\xd4\x31\x0b\xb8\x20\0\x05\x01\0\0\0\0`;

/** A proxy that passes bytes on, its header and the client's first bytes in one write. */
async function tcpProxy(target: number): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((client) => {
    const onward = connect(target, '127.0.0.1');
    client.once('data', (first) => {
      onward.write(Buffer.concat([Buffer.from(BINARY, 'latin1'), first]));
      client.pipe(onward);
    });
    onward.pipe(client);
    for (const socket of [client, onward]) socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

const call = (headers: Headers = {}): Buffer => bytesOf(modernCall('/mcp/open', TOKENS.user, { headers }));

describe('a listener where a PROXY header is required', () => {
  let ground: Ground;
  beforeAll(async () => {
    const server = {
      proxy_protocol: 'required',
      trust_proxy: '127.0.0.1',
      limits: { header_timeout_ms: 500 },
      public_url: 'https://mcp.example.com',
      redirect: { port: 0 },
    };
    ground = await Ground.open({ settings: { server }, preamble: PROXY, servers: { open: {} } });
  });
  afterAll(() => ground.close());

  /** Sends, and resolves with all that came back when the gateway has closed the connection. */
  async function sendFrom(
    localAddress: string,
    bytes: string | Buffer,
    end = false,
    url = ground.gateway.url,
  ): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress });
    const received: Buffer[] = [];
    socket.on('data', (piece) => received.push(piece)).on('error', () => {});
    // A connection ended before all was read is reset, which is an end as good as any.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    if (end) socket.end(all);
    else socket.write(all);
    await within(closed, 'the gateway has closed the connection');
    return Buffer.concat(received).toString('latin1');
  }

  it.each([
    ['none', '', 'proxy-protocol.malformed', false],
    ['one in lower case', PROXY.toLowerCase(), 'proxy-protocol.malformed', false],
    ['an octal address', PROXY.replace('203', '0203'), 'proxy-protocol.malformed', false],
    ['a line without an end', `PROXY UNKNOWN ${'x'.repeat(120)}`, 'proxy-protocol.malformed', false],
    ['a Unix address', `${SIGNATURE}\x21\x31\0\xd8${'x'.repeat(216)}`, 'proxy-protocol.malformed', false],
    ['version 3', BINARY.replace('\x21', '\x31'), 'proxy-protocol.malformed', false],
    ['half of one, and then nothing', PROXY.slice(0, 20), 'connection.timeout', false],
    ['half of one, and then the end', PROXY.slice(0, 20), 'proxy-protocol.malformed', true],
  ])('ends a connection that begins with %s, answers nothing and records it', async (_, header, reason, isShort) => {
    const whole = reason !== 'connection.timeout' && !isShort;
    const mark = await ground.mark();
    const bytes = whole ? Buffer.concat([Buffer.from(header, 'latin1'), call()]) : header;
    expect(await sendFrom('127.0.0.1', bytes, isShort)).toBe('');
    expect(ground.hits()).toEqual([]);
    expect((await ground.send(call())).status, 'the twin').toBe(200);
    expect(ground.hits()).toHaveLength(1);
    const denials = (await ground.control(mark)).filter(({ verdict }) => verdict === 'deny');
    expect(denials).toMatchObject([
      { type: 'decision', policy: 'listener', reason, peer: '127.0.0.1', outcome: 'refused' },
    ]);
  });

  it('wants one on the listener that leads to https as well, and believes it there', async () => {
    const { stdout } = await ground.gateway.command('status', '--json');
    const { listeners } = JSON.parse(stdout) as { listeners: { name: string; url: string }[] };
    const url = listeners.find(({ name }) => name === 'redirect')?.url;
    const api = 'POST /mcp HTTP/1.1\r\nHost: mcp.example.com\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
    const mark = await ground.mark();
    expect(await sendFrom('127.0.0.1', api, false, url)).toBe('');
    expect(await sendFrom('127.0.0.9', `${PROXY}${api}`, false, url)).toBe('');
    expect(await sendFrom('127.0.0.1', `${PROXY}${api}`, false, url)).toMatch(/^HTTP\/1\.1 426 /);
    expect((await ground.control(mark)).filter(({ verdict }) => verdict === 'deny')).toMatchObject([
      { policy: 'listener', reason: 'proxy-protocol.malformed', peer: '127.0.0.1' },
      { policy: 'listener', reason: 'proxy-protocol.untrusted-peer', peer: '127.0.0.9' },
      { policy: 'redirect', reason: 'redirect.api', client: '203.0.113.9' },
    ]);
  });

  it('ends the connection of a peer that is no proxy, before it can claim anything', async () => {
    const mark = await ground.mark();
    expect(await sendFrom('127.0.0.9', Buffer.concat([Buffer.from(PROXY), call()]))).toBe('');
    expect(ground.hits()).toEqual([]);
    expect((await ground.send(call())).status, 'the twin').toBe(200);
    const denials = (await ground.control(mark)).filter(({ verdict }) => verdict === 'deny');
    expect(denials).toMatchObject([{ reason: 'proxy-protocol.untrusted-peer', peer: '127.0.0.9' }]);
  });

  it.each<[string, string, Headers, string]>([
    ['the source of version 1', PROXY, {}, '203.0.113.9'],
    ['the source of version 2', BINARY, {}, '203.0.113.9'],
    ['the source, whatever headers the client adds', PROXY, { 'x-forwarded-for': '198.51.100.1' }, '203.0.113.9'],
    [
      'what a trusted source forwards',
      PROXY.replace('203.0.113.9', '127.0.0.1'),
      { 'x-forwarded-for': '198.51.100.1' },
      '198.51.100.1',
    ],
    [
      'the peer, where the header names nobody',
      'PROXY UNKNOWN\r\n',
      { 'x-forwarded-for': '198.51.100.1' },
      '127.0.0.1',
    ],
    ['the peer, where it speaks for itself', LOCAL, { 'x-forwarded-for': '198.51.100.1' }, '127.0.0.1'],
  ])('takes for the client %s', async (_, header, headers, client) => {
    const mark = await ground.mark();
    const request = call({ ...headers, connection: 'close' });
    const answered = await sendFrom('127.0.0.1', Buffer.concat([Buffer.from(header, 'latin1'), request]));
    expect(answered).toMatch(/^HTTP\/1\.1 200 /);
    const rows = (await ground.control(mark)).filter(({ type }) => type === 'decision');
    expect(rows).toMatchObject([{ client, peer: '127.0.0.1', verdict: 'allow' }]);
  });

  it('records nothing of a load balancer that looks whether anybody listens', async () => {
    const mark = await ground.mark();
    expect(await sendFrom('127.0.0.1', '', true)).toBe('');
    expect(await ground.control(mark)).toEqual([]);
  });
});

describe('a listener where TLS comes behind the PROXY header', () => {
  const authority = createAuthority();
  const { certFile, keyFile } = authority.issue();
  let ground: Ground | undefined;
  afterAll(async () => {
    authority.remove();
    await ground?.gateway.stop();
    await ground?.fixture.stop();
  });

  it('reads both, and knows the client', async () => {
    const tls = { cert_file: certFile, key_file: keyFile };
    const server = { proxy_protocol: 'required', trust_proxy: '127.0.0.1', tls };
    ground = await Ground.open({ settings: { server }, servers: { open: { era: 'modern' } } });
    const proxy = await tcpProxy(Number(new URL(ground.gateway.url).port));
    const secure = connectTls({ port: proxy.port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost' });
    await once(secure, 'secureConnect');
    secure.write(bytesOf(get('/mcp', undefined, { headers: { connection: 'close' } })));
    const received: Buffer[] = [];
    secure.on('data', (piece: Buffer) => received.push(piece));
    await within(once(secure, 'close'), 'the answer has ended');
    expect(Buffer.concat(received).toString()).toMatch(/^HTTP\/1\.1 401 /);
    const row = await ground.gateway.audited(({ policy }) => policy === 'authenticate', 'the refusal');
    expect(row).toMatchObject({ client: '203.0.113.9', peer: '127.0.0.1' });
    proxy.close();
  });
});

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Authority, type Certificate, createAuthority } from '../../test/support/certificates.ts';
import { LISTENER_LIMITS } from '../../test/support/listener-limits.ts';
import { ask, handshake, handshakeFault, openTls } from '../../test/support/tls-client.ts';
import { until, within } from '../../test/support/wait.ts';
import { connectionOf } from './connection.ts';
import type { Stage } from './entrance.ts';
import { Listener } from './listener.ts';
import { proxyStage } from './proxy-stage.ts';
import { compileTls, type ListenerTlsSettings } from './tls-acceptor.ts';
import { TlsStage } from './tls-stage.ts';

let authority: Authority;
let own: Certificate;
beforeAll(() => {
  authority = createAuthority();
  own = authority.issue();
});
afterAll(() => authority?.remove());

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const LINE = 'PROXY TCP4 203.0.113.9 10.0.0.1 54321 8443\r\n';

const settingsOf = (more: Partial<ListenerTlsSettings> = {}): ListenerTlsSettings => ({
  cert_file: own.certFile,
  key_file: own.keyFile,
  certificates: [],
  client_certificates: 'none',
  min_version: '1.2',
  max_version: '1.3',
  cipher_suites: [],
  watch: false,
  ...more,
});

/** A listener that answers what it knows of the connection. */
async function listening(settings: Partial<ListenerTlsSettings> = {}, before: readonly Stage[] = []) {
  const stage = new TlsStage(compileTls(settingsOf(settings), 'server.tls'));
  const turned: string[] = [];
  const listener = new Listener(
    'main',
    { host: '127.0.0.1', port: 0, limits: LISTENER_LIMITS },
    {
      request: ({ socket }, response) => {
        const connection = connectionOf(socket);
        const fault = connection.shown?.fault(connection);
        const { isEncrypted, announced, certificate } = connection;
        const text = JSON.stringify({ isEncrypted, announced: announced?.text, certificate, fault });
        response.writeHead(200, { 'content-length': text.length }).end(text);
      },
      headers: () => [],
      refused: () => '',
      turnedAway: (reason, detail) => {
        turned.push(`${reason}: ${detail}`);
        return '';
      },
    },
    [...before, stage],
  );
  await listener.start();
  onTestFinished(async () => {
    stage.stop();
    await listener.stop(AbortSignal.abort());
  });
  return { stage, turned, url: `https://127.0.0.1:${listener.address.port}` };
}

const trusting = (more: ConnectionOptions = {}): ConnectionOptions => ({ ca: authority.cert, ...more });

describe('a connection', () => {
  it('is known as encrypted behind the handshake, and as its announced source behind a PROXY header', async () => {
    const { url } = await listening({}, [proxyStage(() => true)]);
    const raw = connectTcp(Number(new URL(url).port), '127.0.0.1');
    await once(raw, 'connect');
    raw.write(LINE);
    const socket = connect({ socket: raw, servername: 'localhost', ca: authority.cert });
    await within(once(socket, 'secureConnect'), 'the handshake is done');
    const { body } = await ask(socket, GET);
    expect(JSON.parse(body)).toEqual({ isEncrypted: true, announced: '203.0.113.9' });
    socket.destroy();
  });

  it('without the PROXY header that is required gets no handshake', async () => {
    const { url, turned } = await listening({}, [proxyStage(() => true)]);
    expect(await handshakeFault(url, trusting())).not.toBe('connected');
    expect(turned).toEqual([expect.stringContaining('proxy-protocol.malformed')]);
  });

  it.each([
    ['plain HTTP', 'G', 'ET / HTTP/1.1\r\n\r\n', 'tls.expected: plain HTTP', 'HTTP/1.1 400 '],
    ['something else', 'GX', '\0\0', 'tls.expected: first byte 71', ''],
  ])('that begins with half a word of %s is judged when the word is over', async (_, half, rest, row, answer) => {
    let inside: Socket | undefined;
    const look: Stage = {
      name: 'look',
      enter: async (socket) => {
        inside = socket;
        return socket;
      },
    };
    const { url, turned } = await listening({}, [look]);
    const raw = connectTcp(Number(new URL(url).port), '127.0.0.1');
    let received = '';
    raw.on('data', (piece) => {
      received += piece.toString('latin1');
    });
    const closed = once(raw, 'close');
    raw.write(half);
    await until(() => inside?.bytesRead === half.length && inside.readableLength === 0, 'the half has been looked at');
    expect(turned).toEqual([]);
    raw.write(rest);
    await within(closed, 'the connection is closed');
    expect(turned).toEqual([row]);
    expect(received.slice(0, 13)).toBe(answer);
  });

  it('carries who the client is, once its certificate is verified', async () => {
    const { url } = await listening({ client_certificates: 'request', ca_file: authority.certFile });
    const client = authority.issue({ names: ['agent.example.com'], usage: 'clientAuth' });
    const socket = await openTls(url, trusting({ cert: client.cert, key: client.key }));
    expect(JSON.parse((await ask(socket, GET)).body).certificate).toEqual({
      subject: 'CN=agent.example.com',
      names: 'DNS:agent.example.com',
      fingerprint: client.x509.fingerprint256.replaceAll(':', '').toLowerCase(),
      issuer: 'CN=Sallyport test authority',
      serial: client.x509.serialNumber,
    });
    socket.destroy();
    const nobody = await openTls(url, trusting());
    expect(JSON.parse((await ask(nobody, GET)).body)).toEqual({ isEncrypted: true });
    nobody.destroy();
  });

  it('of a client whose certificate was taken back goes no further', async () => {
    const [good, revoked] = [0, 1].map(() => authority.issue({ usage: 'clientAuth' })) as [Certificate, Certificate];
    const crl_file = authority.revoke(revoked);
    const { url, turned } = await listening({ client_certificates: 'require', ca_file: authority.certFile, crl_file });
    const status = async ({ cert, key }: Certificate) => {
      const socket = await openTls(url, trusting({ cert, key }));
      const answer = await ask(socket, GET);
      socket.destroy();
      return answer.status;
    };
    expect([await status(good), await status(revoked)]).toEqual([200, 403]);
    expect(turned).toEqual(['tls.client-certificate: CERT_REVOKED']);
  });
});

describe('a connection that is open while the terms change', () => {
  const use = (stage: TlsStage, more: Partial<ListenerTlsSettings>) =>
    stage.use(compileTls(settingsOf(more), 'server.tls'));

  /** One connection that shows a certificate; says its common name and what is wrong with it now. */
  async function open(url: string, { cert, key }: Certificate) {
    const socket = await openTls(url, trusting({ cert, key }));
    onTestFinished(() => void socket.destroy());
    return async () => {
      const { certificate, fault } = JSON.parse((await ask(socket, GET)).body);
      return [certificate?.subject, fault];
    };
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is judged by the lists in force, one by one (%s)', async (max_version) => {
    const clients = createAuthority('Clients');
    onTestFinished(() => clients.remove());
    const [good, taken] = ['good', 'taken'].map((name) => clients.issue({ names: [name], usage: 'clientAuth' }));
    const terms = {
      client_certificates: 'require',
      ca_file: clients.certFile,
      crl_file: clients.revoke(),
      max_version: max_version === 'TLSv1.2' ? '1.2' : '1.3',
    } as const;
    const { url, stage } = await listening(terms);
    const [first, second] = await Promise.all([open(url, good as Certificate), open(url, taken as Certificate)]);
    expect(await second()).toEqual(['CN=taken', undefined]);
    const renewed = own;
    own = authority.issue();
    use(stage, terms);
    expect(await second()).toEqual(['CN=taken', undefined]);
    own = renewed;
    clients.revoke(taken as Certificate);
    use(stage, terms);
    expect([await first(), await second()]).toEqual([
      ['CN=good', undefined],
      [undefined, 'revoked'],
    ]);
    use(stage, { ...terms, client_certificates: 'request' });
    expect([await first(), await second()]).toEqual([
      ['CN=good', undefined],
      [undefined, undefined],
    ]);
  });

  it('is judged by the authorities in force, and by whether one is required', async () => {
    const strangers = createAuthority('Strangers');
    onTestFinished(() => strangers.remove());
    const asks = { client_certificates: 'request', ca_file: authority.certFile } as const;
    const { url, stage } = await listening(asks);
    const shows = await open(url, authority.issue({ names: ['agent'], usage: 'clientAuth' }));
    const stranger = await open(url, strangers.issue({ usage: 'clientAuth' }));
    expect([await shows(), await stranger()]).toEqual([
      ['CN=agent', undefined],
      [undefined, undefined],
    ]);
    use(stage, { ...asks, client_certificates: 'require' });
    expect([await shows(), await stranger()]).toEqual([
      ['CN=agent', undefined],
      [undefined, 'none was verified'],
    ]);
    use(stage, { ...asks, ca_file: strangers.certFile });
    expect([await shows(), await stranger()]).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
    use(stage, { client_certificates: 'require', ca_file: strangers.certFile });
    expect(await shows()).toEqual([undefined, 'its authority is not trusted any more']);
    use(stage, asks);
    expect(await shows()).toEqual(['CN=agent', undefined]);
    use(stage, {});
    expect(await shows()).toEqual([undefined, undefined]);
  });
});

describe('what is written down', () => {
  it('is spoken, also when it is TLS 1.0', async () => {
    const { url } = await listening({ min_version: '1.0' });
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    expect((await handshake(url, trusting(old))).protocol).toBe('TLSv1');
    expect((await handshake(url, trusting())).protocol).toBe('TLSv1.3');
  });

  it('narrows versions and suites', async () => {
    const { url, turned } = await listening({ cipher_suites: ['TLS_CHACHA20_POLY1305_SHA256'] });
    expect((await handshake(url, trusting())).cipher).toBe('TLS_CHACHA20_POLY1305_SHA256');
    expect(await handshakeFault(url, trusting({ maxVersion: 'TLSv1.2' }))).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect(turned).toEqual(['tls.handshake: ERR_SSL_UNSUPPORTED_PROTOCOL']);
  });

  it('opens an encrypted key', async () => {
    const { certFile, keyFile } = authority.issue({ passphrase: 'open sesame' });
    const key_passphrase_file = `${keyFile}.passphrase`;
    writeFileSync(key_passphrase_file, 'open sesame\n', { mode: 0o600 });
    const { url } = await listening({ cert_file: certFile, key_file: keyFile, key_passphrase_file });
    expect((await handshake(url, trusting())).protocol).toBe('TLSv1.3');
  });

  it('must name a certificate', () => {
    const none = { cert_file: undefined, key_file: undefined };
    expect(() => compileTls(settingsOf(none), 'server.tls')).toThrow('server.tls names no certificate');
  });

  it('tells which certificate a name that two have belongs to', () => {
    const { certFile: cert_file, keyFile: key_file } = own;
    const { doubts } = compileTls(settingsOf({ certificates: [{ cert_file, key_file }] }), 'server.tls');
    expect(doubts).toEqual(['server.tls.certificates[0]: localhost already belongs to an earlier certificate']);
  });

  it('can be exchanged between two handshakes', async () => {
    const { url, stage } = await listening();
    const before = stage.digest;
    const next = authority.issue();
    stage.use(compileTls(settingsOf({ cert_file: next.certFile, key_file: next.keyFile }), 'server.tls'));
    expect(stage.digest).not.toBe(before);
    expect((await handshake(url, trusting())).certificate.serialNumber).toBe(next.x509.serialNumber);
  });
});

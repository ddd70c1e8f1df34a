import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createAuthority } from '../../test/support/certificates.ts';
import { LISTENER_LIMITS } from '../../test/support/listener-limits.ts';
import { openRaw, sendRaw } from '../../test/support/raw.ts';
import { type Connection, connectionOf } from './connection.ts';
import type { Stage } from './entrance.ts';
import { Listener, type ListenerSettings } from './listener.ts';

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

async function behind(stages: readonly Stage[], limits: Partial<ListenerSettings['limits']> = {}) {
  const turned: { reason: string; detail: string; peer: string | undefined }[] = [];
  const connections: Connection[] = [];
  const request = (message: IncomingMessage, response: ServerResponse): void => {
    connections.push(connectionOf(message.socket));
    let bytes = 0;
    message.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    message.on('end', () => response.end(`read ${bytes}`));
  };
  const listener = new Listener(
    'main',
    { host: '127.0.0.1', port: 0, limits: { ...LISTENER_LIMITS, ...limits } },
    {
      request,
      refused: () => '',
      turnedAway: (reason, detail, socket) => {
        turned.push({ reason, detail, peer: connectionOf(socket).peer?.text });
        return '';
      },
      headers: () => [],
    },
    stages,
  );
  await listener.start();
  onTestFinished(() => listener.stop(AbortSignal.abort()));
  return { listener, turned, connections, url: `http://127.0.0.1:${listener.address.port}` };
}

/** Takes the first four bytes, which must be PASS, and gives back the others. */
const password: Stage = {
  name: 'password',
  enter: (socket) =>
    new Promise((resolve) => {
      const read = (): void => {
        const bytes = socket.read() as Buffer | null;
        if (bytes === null) return;
        socket.off('readable', read);
        if (bytes.length > 4) socket.unshift(bytes.subarray(4));
        const isRight = bytes.toString('latin1', 0, 4) === 'PASS';
        resolve(isRight ? socket : { reason: 'test.password', detail: 'a wrong word' });
      };
      socket.on('readable', read);
    }),
};

const tls = (): Stage => {
  const authority = createAuthority();
  onTestFinished(() => authority.remove());
  const { cert, key } = authority.issue();
  const secureContext = createSecureContext({ cert, key });
  return {
    name: 'tls',
    enter: (raw, connection) =>
      new Promise((resolve) => {
        const socket = new TLSSocket(raw, { isServer: true, secureContext });
        socket.on('secure', () => {
          connection.isEncrypted = true;
          resolve(socket);
        });
        socket.on('error', () => resolve({ reason: 'test.handshake', detail: 'failed' }));
      }),
  };
};

describe('a connection that passes a stage first', () => {
  it('is served what stands behind the bytes of the stage, in the same segment or a later one', async () => {
    const { url, turned } = await behind([password]);
    expect(String((await sendRaw(url, `PASS${GET}`)).body)).toBe('read 0');
    const connection = await openRaw(url);
    connection.write('PASS');
    connection.write(GET);
    expect((await connection.answer()).status).toBe(200);
    connection.write(GET.repeat(3));
    for (let i = 0; i < 3; i++) expect((await connection.answer()).status).toBe(200);
    connection.destroy();
    expect(turned).toEqual([]);
  });

  it('reads a long body whole, wherever it was cut', async () => {
    const { url } = await behind([password]);
    const connection = await openRaw(url);
    const body = 'x'.repeat(3_000_000);
    connection.write(
      `PASSPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 70_000)}`,
    );
    connection.write(body.slice(70_000));
    expect(String((await connection.answer()).body)).toBe(`read ${body.length}`);
    connection.destroy();
  });

  it('is ended, and told once for the record, when it does not pass; nothing is answered', async () => {
    const { url, turned, connections } = await behind([password]);
    const connection = await openRaw(url);
    connection.write(`FAIL${GET}`);
    await connection.closed;
    expect(connection.received()).toHaveLength(0);
    expect(turned).toEqual([{ reason: 'test.password', detail: 'a wrong word', peer: '127.0.0.1' }]);
    expect(connections).toEqual([]);
  });

  it('is ended when it says nothing in time', async () => {
    const { url, turned } = await behind([password], { header_timeout_ms: 20 });
    const connection = await openRaw(url);
    await connection.closed;
    expect(turned).toEqual([{ reason: 'connection.timeout', detail: 'password', peer: '127.0.0.1' }]);
  });

  it('outlives clients that reset in the middle of a stage', async () => {
    const { url, turned } = await behind([password, tls()]);
    for (const bytes of ['', 'PASS', 'PASS\x16\x03\x01']) {
      const connection = await openRaw(url);
      connection.write(bytes);
      connection.reset();
      await connection.closed;
    }
    const late = await openRaw(url);
    late.write('FAIL');
    await late.closed;
    expect(turned.at(-1)).toMatchObject({ reason: 'test.password' });
  });

  it('keeps its facts when a stage goes on with another socket, and gets the bytes behind the stage before', async () => {
    const { listener, connections } = await behind([password, tls()]);
    const raw = connect(listener.address.port, '127.0.0.1');
    await once(raw, 'connect');
    raw.write('PASS');
    const client = connectTls({ socket: raw, rejectUnauthorized: false, servername: 'localhost' });
    await once(client, 'secureConnect');
    const received: string[] = [];
    client.setEncoding('utf8').on('data', (piece: string) => received.push(piece));
    client.write(GET);
    await vi.waitFor(() => expect(received.join('')).toContain('read 0'));
    expect(connections).toMatchObject([{ peer: { text: '127.0.0.1' }, isEncrypted: true }]);
    client.destroy();
  });

  it('counts against the limit of connections', async () => {
    const { url } = await behind([password], { connections: 1 });
    const first = await openRaw(url);
    const second = await openRaw(url);
    await second.closed;
    first.write(`PASS${GET}`);
    expect((await first.answer()).status).toBe(200);
    first.destroy();
  });
});

describe('a listener with stages that stops', () => {
  it('lets go of connections that are still in a stage, or asked nothing since', async () => {
    const stages: Stage[] = [];
    const passed = new Promise<void>((resolve) => {
      const last = async (socket: Socket): Promise<Socket> => {
        resolve();
        return socket;
      };
      stages.push(password, { name: 'last', enter: last });
    });
    const { listener, url, turned } = await behind(stages);
    const before = await openRaw(url);
    const through = await openRaw(url);
    through.write('PASS');
    await passed;
    await listener.stop(new AbortController().signal);
    await Promise.all([before.closed, through.closed]);
    expect(turned).toEqual([]);
  });
});

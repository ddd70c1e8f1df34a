import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { openRaw, type RawConnection } from './raw.ts';

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** A real request whose answer is the test's to write, and the connection it came over. */
export async function answering(): Promise<{ response: ServerResponse; connection: RawConnection }> {
  const { url, asked } = await server();
  const connection = await openRaw(url);
  onTestFinished(() => connection.destroy());
  connection.write(GET);
  return { response: await asked, connection };
}

/** The same from a client that never reads a byte of its answer, until `socket.resume()`. */
export async function unread(): Promise<{ response: ServerResponse; socket: Socket }> {
  const { url, asked } = await server();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  // To be cut is what such a client has to expect.
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(GET);
  return { response: await asked, socket };
}

async function server() {
  let take = (_: ServerResponse): void => {};
  const asked = new Promise<ServerResponse>((resolve) => {
    take = resolve;
  });
  const listening = createServer((_, response) => take(response));
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, asked };
}

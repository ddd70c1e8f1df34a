import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type Server, type TlsOptions } from 'node:tls';

/** Takes TLS off and hands on to a server that speaks plainly, as a reverse proxy in front of it would. */
export class TlsFront {
  /** Connections whose handshake came about. */
  handshakes = 0;
  readonly #server: Server;
  readonly #path: string;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  static async before(url: string, tls: TlsOptions): Promise<TlsFront> {
    const { hostname, port, pathname } = new URL(url);
    const server = createServer(tls);
    const front = new TlsFront(server, pathname);
    server.on('secureConnection', (outside) => {
      front.handshakes += 1;
      const inside = connect(Number(port), hostname);
      for (const [socket, other] of [
        [outside, inside],
        [inside, outside],
      ] as const) {
        front.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          front.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return front;
  }

  /** The address of the server behind, as it is reached through here. */
  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#path}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }
}

import type { Socket } from 'node:net';
import { readProxyHeader } from '../net/proxy-protocol.ts';
import type { Connection } from './connection.ts';
import type { Stage, TurnedAway } from './entrance.ts';

/**
 * Takes the PROXY header off every connection and writes its source on it. A connection whose peer may not send one ends
 * before a byte is read; so does one that does not begin with one, or the client could write it itself.
 *
 * @param mayAnnounce whether the peer is believed about whom it speaks for; asked once for a connection
 */
export function proxyStage(mayAnnounce: (connection: Connection) => boolean): Stage {
  return {
    name: 'PROXY header',
    enter: (socket, connection) =>
      mayAnnounce(connection) ? new HeaderReader(socket, connection).result : Promise.resolve(UNTRUSTED),
  };
}

const UNTRUSTED: TurnedAway = {
  reason: 'proxy-protocol.untrusted-peer',
  detail: 'the peer is not in server.trust_proxy',
};

/** Reads no more than it must: what is behind the header goes back to the socket. */
class HeaderReader {
  readonly result: Promise<Socket | TurnedAway | undefined>;
  private readonly socket: Socket;
  private readonly connection: Connection;
  private held: Buffer = Buffer.alloc(0);
  private resolve!: (end: Socket | TurnedAway | undefined) => void;

  constructor(socket: Socket, connection: Connection) {
    this.socket = socket;
    this.connection = connection;
    this.result = new Promise((resolve) => {
      this.resolve = resolve;
    });
    socket.on('readable', this.onReadable);
    socket.once('end', this.onEnd);
  }

  private readonly onReadable = (): void => {
    const piece = this.socket.read() as Buffer | null;
    if (piece === null) return;
    this.held = this.held.length === 0 ? piece : Buffer.concat([this.held, piece]);
    const header = readProxyHeader(this.held);
    if (header.kind === 'incomplete') return;
    if (header.kind === 'malformed') return this.done({ reason: 'proxy-protocol.malformed', detail: header.fault });
    this.connection.isAnnounced = true;
    this.connection.announced = header.source;
    this.connection.isAnnouncedSecure = header.isEncrypted;
    this.socket.off('readable', this.onReadable);
    if (this.held.length > header.length) this.socket.unshift(this.held.subarray(header.length));
    this.done(this.socket);
  };

  /** Load balancers open connections and close them again to see whether anybody listens: that is no fault of anybody. */
  private readonly onEnd = (): void => {
    this.done(
      this.held.length === 0 ? undefined : { reason: 'proxy-protocol.malformed', detail: 'it ends in its header' },
    );
  };

  private done(end: Socket | TurnedAway | undefined): void {
    this.socket.off('readable', this.onReadable);
    this.socket.off('end', this.onEnd);
    this.resolve(end);
  }
}

import type { Socket } from 'node:net';
import type { IpAddress } from '../net/ip-address.ts';
import { socketAddress } from '../net/socket-address.ts';

/**
 * What is known of a connection before the first request on it. Made once; a request that comes on it only reads it.
 */
export class Connection {
  /** The socket peer: of TCP alone, whatever a header says. Undefined for a Unix socket, and when the system names none. */
  readonly peer: IpAddress | undefined;
  /** TLS ends here. */
  readonly isEncrypted: boolean;

  constructor(peer: IpAddress | undefined, isEncrypted: boolean) {
    this.peer = peer;
    this.isEncrypted = isEncrypted;
  }
}

const connections = new WeakMap<Socket, Connection>();

/** The connection a socket stands for. */
export function connectionOf(socket: Socket): Connection {
  let connection = connections.get(socket);
  if (connection === undefined) {
    connection = new Connection(socketAddress(socket.remoteAddress), 'encrypted' in socket);
    connections.set(socket, connection);
  }
  return connection;
}

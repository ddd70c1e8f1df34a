import type { Socket } from 'node:net';
import type { IpAddress } from '../net/ip-address.ts';
import { socketAddress } from '../net/socket-address.ts';
import type { ClientCertificate } from './client-certificate.ts';
import type { ShownCertificate } from './shown-certificate.ts';

/** That the peer itself was let in, and for how long nobody has to ask again. */
export interface PeerVerdict {
  /** The rules that said so: others have to be asked themselves. */
  readonly rules: object;
  /** Of the live entries. */
  readonly epoch: number;
  readonly server: string | undefined;
  readonly isLocalhost: boolean;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * What is known of a connection before the first request on it. Stages (`entrance.ts`) fill it in; a request that comes on it
 * only reads it.
 */
export class Connection {
  /** The socket peer: of TCP alone, whatever a header says. Undefined for a Unix socket, and when the system names none. */
  readonly peer: IpAddress | undefined;
  /** It came over a Unix socket: the peer has no address, and is never taken for 127.0.0.1. */
  readonly isUnix: boolean;
  /** TLS ends here. */
  isEncrypted: boolean;
  /** The client's own certificate, where one was asked for, shown and verified. */
  certificate: ClientCertificate | undefined = undefined;
  /** To judge that again. Undefined where TLS does not end. */
  shown: ShownCertificate | undefined = undefined;
  /**
   * A PROXY header came first. Then the peer is not the client's own machine, and where the header named nobody (LOCAL,
   * UNKNOWN) forwarding headers are worth nothing either: whoever sent it passes bytes on without looking into them.
   */
  isAnnounced = false;
  /** The source that PROXY header named: the hop before the peer. Undefined when it named nobody. */
  announced: IpAddress | undefined = undefined;
  /** That PROXY header said that the client came over TLS. */
  isAnnouncedSecure = false;
  /** The last verdict on the peer as the client, when it was let in. The network step keeps it here. */
  passed: PeerVerdict | undefined = undefined;

  constructor(peer: IpAddress | undefined, isEncrypted = false, isUnix = false) {
    this.peer = peer;
    this.isEncrypted = isEncrypted;
    this.isUnix = isUnix;
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

/** Makes the connection of a socket that came over a Unix socket: nothing about the socket itself says so. */
export function unixConnection(socket: Socket): void {
  connections.set(socket, new Connection(undefined, false, true));
}

/** From here on `wrapped` stands for the connection as well: a request on it finds the same facts. */
export function alsoStandsFor(wrapped: Socket, connection: Connection): void {
  connections.set(wrapped, connection);
}

import { once } from 'node:events';
import { type ConnectionOptions, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { within } from './wait.ts';

/** What came of a handshake, as the client saw it. */
export interface Handshake {
  readonly protocol: string | null;
  readonly cipher: string;
  readonly alpn: string | false | null;
  readonly resumed: boolean;
  readonly certificate: DetailedPeerCertificate;
}

/** The port of a URL, on 127.0.0.1 whatever its name: names of certificates are asked for with `servername`. */
function place(url: string): { host: string; port: number } {
  return { host: '127.0.0.1', port: Number(new URL(url).port) };
}

/** Opens a TLS connection. @throws the client's error when the handshake fails */
export async function openTls(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ servername: 'localhost', ...place(url), ...options });
  await within(once(socket, 'secureConnect'), 'the handshake is done');
  socket.on('error', () => {});
  return socket;
}

/** A handshake, and nothing after it. @throws the client's error when it fails */
export async function handshake(url: string, options: ConnectionOptions = {}): Promise<Handshake> {
  const socket = await openTls(url, options);
  const seen = {
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().standardName,
    alpn: socket.alpnProtocol,
    resumed: socket.isSessionReused(),
    certificate: socket.getPeerCertificate(true),
  };
  socket.destroy();
  return seen;
}

/** The code of what a client says when its handshake, or what it sends first behind it, fails; `connected` when nothing does. */
export async function handshakeFault(url: string, options: ConnectionOptions = {}): Promise<string> {
  const socket = connect({ servername: 'localhost', ...place(url), ...options });
  const fault = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
    // In TLS 1.3 the server judges the client's certificate when the client has finished already.
    socket.on('secureConnect', () => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    socket.on('data', () => resolve('connected'));
  });
  const said = await within(fault, 'the handshake has succeeded or failed');
  socket.destroy();
  return said;
}

/** Sends a request on an open connection. Resolves with the status and the body of the answer, which must have a length. */
export async function ask(socket: TLSSocket, request: string): Promise<{ status: number; body: string }> {
  const answer = new Promise<string>((resolve, reject) => {
    let text = '';
    const read = (piece: Buffer): void => {
      text += piece.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = /^content-length: *(\d+)/im.exec(text.slice(0, Math.max(head, 0)))?.[1];
      if (head === -1 || text.length < head + 4 + Number(length)) return;
      socket.off('data', read).off('close', gone);
      resolve(text);
    };
    const gone = (): void => reject(new Error(`closed without a whole answer: ${text.slice(0, 200)}`));
    socket.on('data', read).on('close', gone);
  });
  socket.write(request);
  const text = await within(answer, 'the gateway has answered');
  return { status: Number(text.split(' ')[1]), body: text.slice(text.indexOf('\r\n\r\n') + 4) };
}

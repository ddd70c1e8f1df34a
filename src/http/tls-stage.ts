import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Connection } from './connection.ts';
import type { Stage, TurnedAway } from './entrance.ts';
import { type ClientTerms, ShownCertificate } from './shown-certificate.ts';
import type { TlsAcceptor } from './tls-acceptor.ts';

/** RFC 8446, section 5.1: the first byte of a handshake record. */
const HANDSHAKE = 0x16;
/** Whoever gets hold of a ticket key reads every TLS 1.2 session it sealed, so none lives long (RFC 5077, section 5.5). */
const TICKET_KEY_MS = 3_600_000;
const TICKET_KEY_BYTES = 48;

type Outcome = TLSSocket | TurnedAway | undefined;

/**
 * The TLS handshake of a listener. The certificates in force may be exchanged at any time: handshakes under way finish with
 * the old ones. Connections that are through do not notice, but that their client's certificate is judged again.
 */
export class TlsStage implements Stage {
  readonly name = 'tls';
  private readonly waiting = new WeakMap<Socket, (outcome: Outcome) => void>();
  private readonly rotation: NodeJS.Timeout;
  private acceptor: TlsAcceptor;
  /** What clients must show now. */
  terms: ClientTerms;

  constructor(acceptor: TlsAcceptor) {
    this.acceptor = acceptor;
    this.terms = acceptor.clients;
    this.hear(acceptor.server);
    this.rotation = setInterval(() => this.rotate(), TICKET_KEY_MS).unref();
  }

  /** Changes with every certificate put in force. */
  get digest(): string {
    return this.acceptor.digest;
  }

  /** From the next handshake on. A session begun before cannot be resumed: its ticket was sealed with another key. */
  use(acceptor: TlsAcceptor): void {
    this.hear(acceptor.server);
    this.acceptor = acceptor;
    if (acceptor.clients.digest !== this.terms.digest) this.terms = acceptor.clients;
  }

  stop(): void {
    clearInterval(this.rotation);
  }

  async enter(raw: Socket, connection: Connection): Promise<Outcome> {
    try {
      return await this.judged(raw, connection);
    } catch (error) {
      // Nothing a client sends may end the process, whatever it makes OpenSSL or Node throw.
      return { reason: 'tls.handshake', detail: (error as NodeJS.ErrnoException).code ?? 'failed' };
    }
  }

  private async judged(raw: Socket, connection: Connection): Promise<Outcome> {
    let first = await firstBytes(raw);
    // The client's first bytes may come one by one, and what is a verb shows with its end.
    while (first !== undefined && /^[A-Za-z]{1,15}$/.test(first.toString('latin1'))) {
      const more = await firstBytes(raw);
      if (more === undefined) break;
      first = Buffer.concat([first, more]);
    }
    if (first === undefined) return undefined;
    if (first[0] !== HANDSHAKE) return notTls(first);
    raw.unshift(first);
    // Node's HTTP server accepts halves. A client that closes its half is gone: TLS has no use for the other.
    raw.allowHalfOpen = false;
    const { acceptor, terms } = this;
    const outcome = await this.handshake(raw, acceptor);
    if (outcome === undefined || 'reason' in outcome) return outcome;
    const shown = new ShownCertificate(outcome, terms, this);
    if (terms.mode === 'require' && shown.verified === undefined) return unverified(outcome);
    connection.isEncrypted = true;
    connection.certificate = shown.verified;
    connection.shown = shown;
    return outcome;
  }

  private handshake(raw: Socket, acceptor: TlsAcceptor): Promise<Outcome> {
    return new Promise((resolve) => {
      // Its handle is the TLS socket's now; an error nobody hears would end the process.
      raw.on('error', () => raw.destroy());
      this.waiting.set(raw, resolve);
      acceptor.server.emit('connection', raw);
    });
  }

  private hear(server: Server): void {
    server.on('secureConnection', (socket) => {
      const done = this.waiting.get(rawOf(socket));
      // Nobody waits for it: a connection nobody judged must never be served.
      if (done === undefined) socket.destroy();
      else done(socket);
    });
    server.on('tlsClientError', (error, socket) => {
      this.waiting.get(rawOf(socket))?.(failureOf(error));
      socket.destroy();
    });
  }

  private rotate(): void {
    this.acceptor.server.setTicketKeys(randomBytes(TICKET_KEY_BYTES));
  }
}

/** The socket a TLS socket was put around. Node keeps it there, and tells it in no other way. */
function rawOf(socket: TLSSocket): Socket {
  return (socket as unknown as { readonly _parent: Socket })._parent;
}

/** What the client says first; undefined when it goes without a word. */
function firstBytes(raw: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const look = (): void => {
      const bytes = raw.read() as Buffer | null;
      if (bytes === null && !raw.readableEnded && !raw.destroyed) return;
      raw.off('readable', look).off('end', look).off('close', look);
      resolve(bytes ?? undefined);
    };
    raw.on('readable', look).on('end', look).on('close', look);
    look();
  });
}

function notTls(first: Buffer): TurnedAway {
  const isText = /^[A-Za-z]+ /.test(first.toString('latin1', 0, 16));
  const detail = isText ? 'plain HTTP' : `first byte ${first[0]}`;
  return { reason: 'tls.expected', detail, ...(isText ? { answer: PROBLEMS.TLS_EXPECTED } : {}) };
}

/** The handshake is done, and the client may be told over it. No byte of its request is read. */
function unverified(socket: TLSSocket): TurnedAway {
  socket.on('error', () => socket.destroy());
  // A resumed session has no error of its own.
  const shown = socket.getPeerX509Certificate() !== undefined;
  const detail = shown ? String(socket.authorizationError ?? 'not verified') : 'none was shown';
  return { reason: 'tls.client-certificate', detail, answer: PROBLEMS.CLIENT_CERTIFICATE_REQUIRED, through: socket };
}

function failureOf(error: NodeJS.ErrnoException): TurnedAway | undefined {
  // The client went away in the middle.
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return undefined;
  return { reason: 'tls.handshake', detail: error.code ?? 'failed' };
}

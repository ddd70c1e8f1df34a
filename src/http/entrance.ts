import type { Socket } from 'node:net';
import type { Problem } from '../problem/problem.ts';
import { alsoStandsFor, type Connection, connectionOf } from './connection.ts';
import { refuseRaw } from './raw-refusal.ts';

/** Why a connection ends before HTTP is spoken on it. */
export interface TurnedAway {
  /** One of the vocabulary: `proxy-protocol.malformed`. */
  readonly reason: string;
  /** For the record. */
  readonly detail: string;
  /** What the client is told, as an answer to a request nobody reads. Absent: the connection is closed without a word. */
  readonly answer?: Problem;
  /** The socket the answer goes out on. Default: the one the stage was given. */
  readonly through?: Socket;
}

/**
 * One thing a connection passes before HTTP is spoken on it: a PROXY header, a TLS handshake. It may take bytes off the
 * socket and must give back those behind its own (`unshift`); what it learns it writes on the connection.
 */
export interface Stage {
  readonly name: string;
  /**
   * Resolves with the socket to go on with, which may be one around the socket it was given; with why the connection ends;
   * or with undefined when the client went without having said anything. The socket is ended by the entrance, not by the
   * stage. Must never reject. May stay unresolved once the socket is closed.
   */
  enter(socket: Socket, connection: Connection): Promise<Socket | TurnedAway | undefined>;
}

export interface EntranceHandlers {
  /** Every stage is passed. `socket` stands for the connection (`connectionOf`). */
  entered(socket: Socket): void;
  /** For the record. Called once for a connection, before its socket is closed. Returns the decision id. */
  turnedAway(reason: string, detail: string, socket: Socket, answer?: Problem): string;
  /** What every answer on this connection carries. Name, value pairs. */
  headers(socket: Socket): readonly string[];
}

/** The way from an accepted socket to HTTP. All stages together have one time limit. */
export class Entrance {
  private readonly stages: readonly Stage[];
  private readonly timeoutMs: number;
  private readonly handlers: EntranceHandlers;
  private readonly inside = new Set<Socket>();

  constructor(stages: readonly Stage[], timeoutMs: number, handlers: EntranceHandlers) {
    this.stages = stages;
    this.timeoutMs = timeoutMs;
    this.handlers = handlers;
  }

  arrive(raw: Socket): void {
    const connection = connectionOf(raw);
    this.inside.add(raw);
    let at = '';
    const timer = setTimeout(() => {
      if (this.inside.delete(raw)) this.handlers.turnedAway('connection.timeout', at, raw);
      raw.destroy();
    }, this.timeoutMs);
    const gone = (): void => {
      clearTimeout(timer);
      this.inside.delete(raw);
    };
    raw.on('error', ignore);
    raw.once('close', gone);
    void this.walk(raw, connection, (name) => {
      at = name;
    }).then((end) => {
      // It ran out of time, or its client went, while a stage was still at work.
      if (!this.inside.has(raw)) return;
      raw.off('close', gone);
      gone();
      if (end !== undefined && !('reason' in end)) {
        raw.off('error', ignore);
        this.handlers.entered(end);
        return;
      }
      if (end === undefined) return void raw.destroy();
      const id = this.handlers.turnedAway(end.reason, end.detail, raw, end.answer);
      if (end.answer === undefined) raw.destroy();
      else refuseRaw(end.through ?? raw, end.answer, { headers: this.handlers.headers(raw), id });
    });
  }

  /** Ends every connection that is not through yet: nothing was asked on it. */
  close(): void {
    for (const socket of this.inside) socket.destroy();
  }

  private async walk(
    raw: Socket,
    connection: Connection,
    at: (stage: string) => void,
  ): Promise<Socket | TurnedAway | undefined> {
    let socket = raw;
    for (const stage of this.stages) {
      at(stage.name);
      const end = await stage.enter(socket, connection);
      if (end === undefined || 'reason' in end) return end;
      if (end !== socket) alsoStandsFor(end, connection);
      socket = end;
    }
    return socket;
  }
}

/** The end of a socket is heard by its `close`; an error nobody hears would end the process. */
function ignore(): void {}

import type { Message } from '../jsonrpc/message.ts';
import type { Problem } from '../problem/problem.ts';
import { META_LOG_LEVEL } from '../protocol/classify.ts';
import { LISTEN } from '../protocol/methods.ts';
import type { Revision } from '../protocol/revisions.ts';
import { discoverParams, eraMismatch, refusesLegacy } from './era.ts';
import type { CallHandle, CallSink, Lane, LaneIdentity, LaneListener, OutboundCall } from './lane.ts';
import type { PendingCall } from './pending-call.ts';
import type { StdioConnection } from './stdio-connection.ts';
import { PING, type Question, type Unassigned } from './stdio-ports.ts';

/**
 * Whether a client's message may go down a pipe as it is. Its `notifications/cancelled` may not: it names the client's
 * id, which on the pipe is another call's, perhaps another client's. Cancelling is `CallHandle.cancel`.
 */
function mayPass(message: Message): boolean {
  return message.method !== 'notifications/cancelled';
}

/**
 * A legacy session with a child to itself. The client's own `initialize` opens it, and all the server says is the client's:
 * a server request goes out on the oldest waiting call's stream, or to the listener when no call waits.
 */
export class ExclusiveLane implements Lane, Unassigned {
  readonly era = 'legacy';
  readonly shared = false;
  takesBatches = false;
  readonly signOfLife = PING;
  readonly #connection: StdioConnection;
  readonly #server: string;
  readonly #onRelease: () => void;
  #listener: LaneListener | undefined;
  #released = false;

  constructor(connection: StdioConnection, server: string, onRelease: () => void) {
    this.#connection = connection;
    this.#server = server;
    this.#onRelease = onRelease;
    connection.exclusive = true;
    connection.unassigned = this;
  }

  dispatch(call: OutboundCall, sink: CallSink): CallHandle {
    const opening = call.message.method === 'initialize';
    this.takesBatches = call.revision === '2025-03-26';
    return this.#connection.dispatch(call, opening ? new OpeningSink(sink, this.#server) : sink);
  }

  send(message: Message, revision: Revision): Promise<void> {
    this.takesBatches = revision === '2025-03-26';
    return mayPass(message) ? this.#connection.send(message.bytes) : Promise.resolve();
  }

  listen(listener: LaneListener): () => void {
    this.#listener = listener;
    const ended = this.#connection.ending;
    if (ended !== undefined) queueMicrotask(() => this.closed(ended.problem, ended.detail));
    return () => {
      if (this.#listener === listener) this.#listener = undefined;
    };
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#listener = undefined;
    this.#onRelease();
  }

  notification(message: Message): void {
    this.#listener?.message(message);
  }

  request(message: Message): void {
    const call = oldest(this.#connection.calls);
    if (call !== undefined) this.#connection.deliver(call, message);
    else if (this.#listener !== undefined) this.#listener.message(message);
    else this.#connection.decline(message);
  }

  closed(problem: Problem, detail: string): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed(problem, detail);
  }
}

/** The oldest call of a client's: the gateway's own can be asked nothing. */
function oldest(calls: Iterable<PendingCall>): PendingCall | undefined {
  for (const call of calls) if (call.message !== undefined) return call;
  return undefined;
}

/** Turns a server's "I do not know `initialize`" into ERA_MISMATCH; everything else passes as it is. */
class OpeningSink implements CallSink {
  readonly #sink: CallSink;
  readonly #server: string;

  constructor(sink: CallSink, server: string) {
    this.#sink = sink;
    this.#server = server;
  }

  opened(): void {
    this.#sink.opened();
  }

  message(message: Message): boolean {
    return this.#sink.message(message);
  }

  settled(response: Message): void {
    if (!refusesLegacy(response)) this.#sink.settled(response);
    else
      this.failed(
        eraMismatch(this.#server, 'legacy'),
        'the server answered initialize with an error of the modern era',
      );
  }

  failed(problem: Problem, detail: string, unseen?: boolean): void {
    this.#sink.failed(problem, detail, unseen);
  }
}

/** What a modern child says outside calls and subscriptions: almost nothing may be said there. */
export class ModernTraffic implements Unassigned, LaneIdentity {
  readonly ordered = true;
  readonly takesBatches = false;
  readonly signOfLife: Question;
  readonly listeners = new Set<LaneListener>();
  readonly #connection: StdioConnection;
  readonly #manyPrincipals: boolean;

  /** @param version of the gateway, which it tells a server that it asks for a sign of life */
  constructor(connection: StdioConnection, manyPrincipals: boolean, version: string) {
    this.#connection = connection;
    this.signOfLife = { method: 'server/discover', rawParams: discoverParams(version) };
    this.#manyPrincipals = manyPrincipals;
    connection.unassigned = this;
  }

  /**
   * A log line names no call. Where all calls are one principal's it goes to the one that asked for log lines. Where more than
   * one did, or the calls are several principals', it goes to nobody: it may speak of another call.
   */
  notification(message: Message): void {
    if (message.method !== 'notifications/message' || this.#manyPrincipals) return;
    const call = onlyLogged(this.#connection.calls);
    if (call !== undefined) this.#connection.deliver(call, message);
  }

  request(message: Message): void {
    this.#connection.complain('the server sent a request, which this era does not have; it was refused', {
      method: message.method?.slice(0, 100),
    });
    this.#connection.decline(message);
  }

  closed(problem: Problem, detail: string): void {
    const listeners = [...this.listeners];
    this.listeners.clear();
    for (const listener of listeners) listener.closed(problem, detail);
  }
}

/** The one call that asked for log lines. A subscription hears of changes alone, whatever it asked for. */
function onlyLogged(calls: Iterable<PendingCall>): PendingCall | undefined {
  let only: PendingCall | undefined;
  for (const call of calls) {
    if (call.method === LISTEN || call.message?.meta?.has(META_LOG_LEVEL) !== true) continue;
    if (only !== undefined) return undefined;
    only = call;
  }
  return only;
}

/** One holder's hand on a modern child. Leased for each request, so it is no more than a few words of memory. */
export class ModernLane implements Lane {
  readonly era = 'modern';
  readonly shared = true;
  readonly #connection: StdioConnection;
  readonly #traffic: ModernTraffic;
  readonly #holders: Holders;
  #listener: LaneListener | undefined;
  #released = false;

  constructor(connection: StdioConnection, traffic: ModernTraffic, holders: Holders) {
    this.#connection = connection;
    this.#traffic = traffic;
    this.#holders = holders;
  }

  /** The child: who shares it is one client to it. */
  get identity(): LaneIdentity {
    return this.#traffic;
  }

  dispatch(call: OutboundCall, sink: CallSink): CallHandle {
    return this.#connection.dispatch(call, sink);
  }

  send(message: Message, _revision: Revision): Promise<void> {
    return mayPass(message) ? this.#connection.send(message.bytes) : Promise.resolve();
  }

  listen(listener: LaneListener): () => void {
    const ended = this.#connection.ending;
    if (ended !== undefined) queueMicrotask(() => listener.closed(ended.problem, ended.detail));
    else this.#traffic.listeners.add(listener);
    this.#listener = listener;
    return () => void this.#traffic.listeners.delete(listener);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#listener !== undefined) this.#traffic.listeners.delete(this.#listener);
    this.#holders.left();
  }
}

/** Counts who holds a pooled child. */
export interface Holders {
  left(): void;
}

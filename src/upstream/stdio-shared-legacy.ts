import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanUpstream } from '../jsonrpc/scan.ts';
import { jsonString, writeError, writeResult } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import type { Revision } from '../protocol/revisions.ts';
import { enclosingResources } from '../protocol/sub-resources.ts';
import type { CallHandle, CallSink, Lane, LaneListener, OutboundCall } from './lane.ts';
import { PendingCall } from './pending-call.ts';
import type { StdioConnection } from './stdio-connection.ts';
import { ask } from './stdio-handshake.ts';
import type { Holders } from './stdio-lane.ts';
import { PING, type Unassigned } from './stdio-ports.ts';

const CHANGES: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
]);
const UNSUBSCRIBE_TIMEOUT_MS = 10_000;

/**
 * One legacy child under several sessions. The gateway itself is the child's only client: it initialised it without any
 * capability, so the server has nobody to ask, and what the server says to no call reaches a session only where it
 * can be no other session's secret: list changes go to all, a resource update to who subscribed to that resource here, or
 * to one it lies in, log lines to nobody.
 */
export class SharedLegacyTraffic implements Unassigned {
  readonly connection: StdioConnection;
  /** The child's answer to the gateway's `initialize`. */
  readonly opening: Message;
  readonly lanes = new Set<SharedLegacyLane>();
  readonly takesBatches: boolean;
  readonly signOfLife = PING;
  readonly #subscribers = new Map<string, Set<SharedLegacyLane>>();

  constructor(connection: StdioConnection, opening: Message) {
    this.connection = connection;
    this.opening = opening;
    this.takesBatches = opening.result?.string('protocolVersion') === '2025-03-26';
    connection.unassigned = this;
  }

  notification(message: Message): void {
    const method = message.method ?? '';
    if (CHANGES.has(method)) {
      for (const lane of this.lanes) lane.hear(message);
    } else if (method === 'notifications/resources/updated') {
      for (const lane of this.#subscribersTo(message.params?.string('uri'))) lane.hear(message);
    }
  }

  request(message: Message): void {
    this.connection.decline(message);
  }

  closed(problem: Problem, detail: string): void {
    for (const lane of [...this.lanes]) lane.lost(problem, detail);
    this.lanes.clear();
    this.#subscribers.clear();
  }

  subscribe(lane: SharedLegacyLane, uri: string): void {
    const holders = this.#subscribers.get(uri);
    if (holders === undefined) this.#subscribers.set(uri, new Set([lane]));
    else holders.add(lane);
  }

  /** Each once, also where it asked for several of the resources this one lies in. */
  #subscribersTo(uri: string | undefined): Iterable<SharedLegacyLane> {
    if (uri === undefined) return [];
    const lanes = new Set(this.#subscribers.get(uri));
    for (const wider of enclosingResources(uri)) {
      for (const lane of this.#subscribers.get(wider) ?? []) lanes.add(lane);
    }
    return lanes;
  }

  /** True when that lane was the last on this resource, so that the server may forget it. */
  unsubscribe(lane: SharedLegacyLane, uri: string): boolean {
    const holders = this.#subscribers.get(uri);
    if (holders === undefined || !holders.delete(lane) || holders.size > 0) return false;
    this.#subscribers.delete(uri);
    return true;
  }

  /** The session is over: what only it had asked for is cancelled. */
  leave(lane: SharedLegacyLane): void {
    this.lanes.delete(lane);
    for (const uri of [...this.#subscribers.keys()]) {
      if (!this.unsubscribe(lane, uri) || !this.connection.alive) continue;
      const params = `{"uri":${jsonString(uri)}}`;
      ask(this.connection, 'resources/unsubscribe', params, UNSUBSCRIBE_TIMEOUT_MS).catch(() => {});
    }
  }
}

/** One session's hand on a legacy child it shares. */
export class SharedLegacyLane implements Lane {
  readonly era = 'legacy';
  readonly shared = true;
  readonly #traffic: SharedLegacyTraffic;
  readonly #connection: StdioConnection;
  readonly #holders: Holders;
  #listener: LaneListener | undefined;
  #released = false;

  constructor(traffic: SharedLegacyTraffic, holders: Holders) {
    this.#traffic = traffic;
    this.#connection = traffic.connection;
    this.#holders = holders;
    traffic.lanes.add(this);
  }

  dispatch(call: OutboundCall, sink: CallSink): CallHandle {
    switch (call.message.method) {
      case 'initialize':
        return this.#answer(call, sink, this.#openingFor(call));
      case 'logging/setLevel':
        // The level would be everybody's, and log lines reach nobody here.
        return this.#refuse(call, sink, 'Log lines are not available on a server that several sessions share');
      case 'resources/subscribe':
        return this.#subscribe(call, sink);
      case 'resources/unsubscribe':
        return this.#unsubscribe(call, sink);
      default:
        return usesTasks(call.message) ? this.#refuseTask(call, sink) : this.#connection.dispatch(call, sink);
    }
  }

  /**
   * Takes every message and passes none on: the gateway is the child's client, has already said `initialized`, has asked
   * for no roots, and the server can have asked nothing that a session could answer.
   */
  send(_message: Message, _revision: Revision): Promise<void> {
    return Promise.resolve();
  }

  listen(listener: LaneListener): () => void {
    this.#listener = listener;
    const ended = this.#connection.ending;
    if (ended !== undefined) queueMicrotask(() => this.lost(ended.problem, ended.detail));
    return () => {
      if (this.#listener === listener) this.#listener = undefined;
    };
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#listener = undefined;
    this.#traffic.leave(this);
    this.#holders.left();
  }

  hear(message: Message): void {
    this.#listener?.message(message);
  }

  lost(problem: Problem, detail: string): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed(problem, detail);
  }

  #subscribe(call: OutboundCall, sink: CallSink): CallHandle {
    const uri = call.message.params?.string('uri');
    if (uri === undefined) return this.#connection.dispatch(call, sink);
    this.#traffic.subscribe(this, uri);
    return this.#connection.dispatch(call, new SubscribingSink(sink, () => void this.#traffic.unsubscribe(this, uri)));
  }

  #unsubscribe(call: OutboundCall, sink: CallSink): CallHandle {
    const uri = call.message.params?.string('uri');
    if (uri === undefined || this.#traffic.unsubscribe(this, uri)) return this.#connection.dispatch(call, sink);
    return this.#answer(call, sink, '{}');
  }

  /** The child's own words, under the revision this session asked for when that is older than the child's. */
  #openingFor(call: OutboundCall): string {
    const { opening } = this.#traffic;
    const result = opening.result!;
    const own = result.string('protocolVersion');
    const { start, end } = result.span;
    const edits = new Edits(opening.bytes);
    const capabilities = result.object('capabilities');
    for (const unavailable of ['tasks', 'logging']) {
      if (capabilities?.has(unavailable)) edits.removeMember(capabilities, unavailable);
    }
    // Revisions are dates: text order is their order.
    if (own !== undefined && own > call.revision) {
      edits.replace(result.spanOf('protocolVersion')!, jsonString(call.revision));
    }
    const edited = edits.toBuffer();
    const moved = edited.length - opening.bytes.length;
    return edited.toString('utf8', start, end + moved);
  }

  /** The child keeps one list of tasks for its one client, the gateway: whoever rode on it could read all of them. */
  #refuseTask(call: OutboundCall, sink: CallSink): CallHandle {
    return this.#refuse(call, sink, 'Tasks are not available on a server that several sessions share');
  }

  #refuse(call: OutboundCall, sink: CallSink, text: string): CallHandle {
    return this.#settle(call, sink, (id) => writeError(id, { rpcCode: PROBLEMS.METHOD_NOT_FOUND.rpcCode, text }));
  }

  #answer(call: OutboundCall, sink: CallSink, rawResult: string): CallHandle {
    return this.#settle(call, sink, (id) => writeResult(id, rawResult));
  }

  #settle(call: OutboundCall, sink: CallSink, write: (id: number) => Buffer): CallHandle {
    const id = this.#connection.takeId();
    const pending = new PendingCall(this.#connection, id, call.message.method!, call.message, sink);
    const ended = this.#connection.ending;
    const answer = scanUpstream(write(id));
    queueMicrotask(() => {
      if (ended !== undefined) pending.fail(ended.problem, ended.detail);
      else if (!isScanFailure(answer)) pending.settle(answer);
    });
    return pending;
  }
}

/** 2025-11-25, utilities/tasks: the task methods, and a request that asks to be run as one. */
function usesTasks(message: Message): boolean {
  return message.method?.startsWith('tasks/') === true || message.params?.has('task') === true;
}

/** Takes the subscription back when the server did not grant it. */
class SubscribingSink implements CallSink {
  readonly #sink: CallSink;
  readonly #undo: () => void;

  constructor(sink: CallSink, undo: () => void) {
    this.#sink = sink;
    this.#undo = undo;
  }

  opened(): void {
    this.#sink.opened();
  }

  message(message: Message): boolean {
    return this.#sink.message(message);
  }

  settled(response: Message): void {
    if (response.kind === 'error') this.#undo();
    this.#sink.settled(response);
  }

  failed(problem: Problem, detail: string, unseen?: boolean): void {
    this.#undo();
    this.#sink.failed(problem, detail, unseen);
  }
}

import type { Message } from '../jsonrpc/message.ts';
import { batchMembers, isScanFailure, scanUpstream } from '../jsonrpc/scan.ts';
import { writeError, writeNotification, writeResult } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import { META_SUBSCRIPTION_ID } from '../protocol/classify.ts';
import { ACKNOWLEDGED, LISTEN } from '../protocol/methods.ts';
import type { Log } from '../telemetry/log.ts';
import { CallsInHand } from './calls-in-hand.ts';
import { type ChildCommand, type ChildExit, ChildProcess } from './child-process.ts';
import type { CallSink, OutboundCall } from './lane.ts';
import { unreadId, withoutByteOrderMark } from './line-framer.ts';
import { LogQuota } from './log-quota.ts';
import { type CallKeeper, PendingCall } from './pending-call.ts';
import { outboundRequest } from './rewrite.ts';
import type { ConnectionOwner, ConnectionServices, Ending, Unassigned } from './stdio-ports.ts';
import { KEEPS_WAITING, NEVER_SPOKE, ONLY_NOISE } from './stdio-remedies.ts';
import { StdoutNoise } from './stdout-noise.ts';

const COMPLAINTS_PER_MINUTE = 5;
/** Within which a child that met a call with silence has to show that it lives. */
const ALIVE_WITHIN_MS = 5_000;
/** No child is ended for a pause shorter than this, however short the calls are. */
const PAUSE_MS = 1_000;

/**
 * JSON-RPC with one child: gives every request an integer of its own, and every answer to the call that waits for it.
 *
 * Whatever is not a well-formed message, or names a call nobody waits for, is dropped here: no line of the child
 * ever reaches more than the one sink it belongs to, and what belongs to none goes to `unassigned`.
 */
export class StdioConnection implements CallKeeper {
  /** Set by whoever decides what the connection is for, before anything is sent. */
  unassigned: Unassigned | undefined;
  /** Set when one session has the child to itself: a slow client then holds the child up, instead of being cut. */
  exclusive = false;
  readonly #child: ChildProcess;
  readonly #owner: ConnectionOwner;
  readonly #log: Log;
  readonly #calls: CallsInHand;
  readonly #noise: StdoutNoise;
  readonly #complaints: LogQuota;
  #answered = false;
  #blocked = 0;
  #end: Ending | undefined;

  constructor(command: ChildCommand, owner: ConnectionOwner, services: ConnectionServices) {
    this.#owner = owner;
    this.#log = services.log;
    this.#noise = new StdoutNoise(services.log, command.secrets, services.now);
    this.#complaints = new LogQuota(COMPLAINTS_PER_MINUTE, services.now);
    const reader = {
      line: (bytes: Buffer) => this.#line(bytes),
      exited: (exit: ChildExit) => {
        owner.exited(this, exit);
        // Its last words are in the log; the record of a call must not hold what a program printed.
        this.#retire(PROBLEMS.UPSTREAM_CLOSED, exit.neverStarted ? exit.detail : exit.summary, 'buried');
      },
    };
    this.#child = new ChildProcess(command, reader, services.log, services.timing);
    this.#calls = new CallsInHand(this.#child, services.pendingCalls);
  }

  get alive(): boolean {
    return this.#end === undefined;
  }

  /** What callers are told from the end on; undefined while it lives. */
  get ending(): Ending | undefined {
    return this.#end;
  }

  /** The process and its group; undefined when it never started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when the process is gone and everybody concerned was told. */
  get gone(): Promise<void> {
    return this.#child.gone;
  }

  get pendingCount(): number {
    return this.#calls.size;
  }

  /** The calls that wait, the oldest first. */
  get calls(): IterableIterator<PendingCall> {
    return this.#calls.all();
  }

  /** An integer no other call on this pipe has or will have. */
  takeId(): number {
    return this.#calls.takeId();
  }

  dispatch(call: OutboundCall, sink: CallSink): PendingCall {
    const pending = new PendingCall(this, this.takeId(), call.message.method ?? '', call.message, sink);
    this.start(pending, outboundRequest(call.message, pending.upstreamId), call.timeoutMs);
    return pending;
  }

  /** Resolves when the pipe has taken it. @throws ProblemError when it does not. */
  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const taken = this.#child.write(bytes, (error) => {
        if (error) reject(new ProblemError(PROBLEMS.UPSTREAM_CLOSED, `the pipe broke: ${error.message}`));
        else resolve();
      });
      if (taken) return;
      const { problem, detail } = this.#calls.whyNotTaken(this.#end);
      reject(new ProblemError(problem, detail));
    });
  }

  notify(method: string, rawParams?: string): void {
    this.#child.write(writeNotification(method, rawParams));
  }

  /** Answers a request of the server that is put to nobody. */
  decline(request: Message): void {
    const pinged = request.method === 'ping';
    this.#child.write(pinged ? writeResult(request.id!, '{}') : writeError(request.id, PROBLEMS.METHOD_NOT_FOUND));
  }

  deliver(call: PendingCall, message: Message): void {
    if (call.deliver(message) || call.done || call.blocked || !this.exclusive) return;
    call.blocked = true;
    this.#blocked += 1;
    this.#child.pause();
  }

  unblock(call: PendingCall): void {
    if (!call.blocked) return;
    call.blocked = false;
    this.#blocked -= 1;
    if (this.#blocked === 0) this.#child.resume();
  }

  cancel(call: PendingCall, reason: string): void {
    // A call that was refused or answered on this side never went down the pipe.
    if (call.conclude() && this.#forget(call)) this.#tellCancelled(call, reason);
  }

  expired(call: PendingCall): void {
    this.#forget(call);
    this.#tellCancelled(call, 'timed out');
    // Who asks on the gateway's own behalf says himself what the silence means.
    if (call.message !== undefined) {
      const remedy = call.method === 'initialize' ? NEVER_SPOKE : KEEPS_WAITING;
      this.complain('the server did not answer in time', { method: call.method, remedy });
    }
    // First, so that a call made in the very turn that hears of this one's end is held already.
    this.#doubt(call);
    call.fail(PROBLEMS.UPSTREAM_TIMEOUT, `no answer to ${call.method} in time`);
  }

  /** Says something about the manners of the server, five times a minute at most. */
  complain(message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#complaints.take()) this.#log.warn(message, fields);
  }

  /** Ends it gently, and every call at once. Resolves when the process is gone. */
  stop(problem: Problem = PROBLEMS.UPSTREAM_CLOSED, detail = 'the gateway stopped the server'): Promise<void> {
    this.#retire(problem, detail);
    return this.#child.stop();
  }

  /** Ends it without another word to the process. */
  kill(): Promise<void> {
    this.#retire(PROBLEMS.UPSTREAM_CLOSED, 'the gateway killed the server');
    return this.#child.kill();
  }

  /**
   * Sends a call's bytes, which carry its id; a refusal reaches the sink like any failure. A child that is leaving or in
   * doubt gets no more: the call then waits to hear what became of it, and nobody has seen it.
   */
  start(call: PendingCall, bytes: Buffer, timeoutMs: number): void {
    this.#calls.start(call, bytes, timeoutMs, this.#end);
  }

  /**
   * A child that said nothing while a call ran out of time hangs or is slow; a question tells. While it is not read, for a slow
   * client's sake, its silence means nothing, and before it is in use whoever asks it says what silence means.
   */
  #doubt(call: PendingCall): void {
    if (this.#end !== undefined || this.#blocked > 0 || !this.#calls.metSilence(call)) return;
    if (this.unassigned === undefined || call.message === undefined || call.method === 'initialize') return;
    // Half of what a call has, so that one held meanwhile has time left to be made again.
    const within = Math.min(ALIVE_WITHIN_MS, Math.max(PAUSE_MS, call.timeoutMs / 2));
    this.#calls.doubt(this.unassigned.signOfLife, within, () => {
      this.#child.fail('stopped answering', KEEPS_WAITING);
      // Retired at once and not when it is gone: the next call must find another child, not this one's last moments.
      this.#retire(PROBLEMS.UPSTREAM_CLOSED, 'the server stopped answering', 'hung');
    });
  }

  #line(bytes: Buffer): void {
    this.#calls.heard();
    const message = scanUpstream(withoutByteOrderMark(bytes));
    if (isScanFailure(message)) {
      const members = this.unassigned?.takesBatches ? batchMembers(bytes) : undefined;
      for (const member of members ?? []) this.#line(member);
      if (members !== undefined) return;
      if (this.#noise.hear(bytes, message.detail)) return this.#child.fail(ONLY_NOISE, NEVER_SPOKE);
      // An answer that cannot be read is still an answer: whoever waits for it hears so now, not when the time is up.
      const call = this.#calls.of(message.id ?? unreadId(bytes));
      if (call !== undefined && this.#forget(call)) call.fail(PROBLEMS.UPSTREAM_INVALID, message.detail);
      return;
    }
    this.#noise.heardMessage();
    try {
      this.#route(message);
    } catch (error) {
      this.#log.error('a message of the server could not be delivered', { error: String(error) });
    }
  }

  #route(message: Message): void {
    if (message.kind === 'notification') this.#notification(message);
    else if (message.kind !== 'request') this.#response(message);
    else if (this.unassigned === undefined) this.decline(message);
    else this.unassigned.request(message);
  }

  #response(message: Message): void {
    const call = this.#calls.of(message.id);
    if (call === undefined) {
      const late = typeof message.id === 'number' && this.#calls.wasTaken(message.id);
      if (!late) this.complain('the server answered a call that was never made; the answer was dropped');
      return;
    }
    if (!this.#answered) {
      this.#answered = true;
      this.#owner.answered(this);
    }
    this.#forget(call);
    call.settle(message);
  }

  #notification(message: Message): void {
    const { params, meta } = message;
    if (message.method === 'notifications/progress') {
      const call = this.#calls.of(params?.id('progressToken'));
      if (call?.wantsProgress) this.deliver(call, message);
      else if (call === undefined) this.unassigned?.notification(message);
      return;
    }
    if (meta?.has(META_SUBSCRIPTION_ID)) {
      const call = this.#calls.of(meta.id(META_SUBSCRIPTION_ID));
      if (call?.method !== LISTEN) return;
      // The acknowledgement is the answer a listener waits for; from there on the stream has no end of its own.
      if (message.method === ACKNOWLEDGED) call.stopClock();
      return this.deliver(call, message);
    }
    if (message.method === 'notifications/cancelled') {
      const call = this.#calls.of(params?.id('requestId'));
      if (call?.method === LISTEN) {
        this.#forget(call);
        call.deliver(message);
        return void call.conclude();
      }
    }
    this.unassigned?.notification(message);
  }

  /** True when it was waiting. */
  #forget(call: PendingCall): boolean {
    this.unblock(call);
    return this.#calls.forget(call);
  }

  /** MCP 2025-11-25 and 2026-07-28, cancellation; `initialize` must not be cancelled. */
  #tellCancelled(call: PendingCall, reason: string): void {
    if (this.#end !== undefined || !call.handedOver || call.method === 'initialize') return;
    this.notify('notifications/cancelled', `{"requestId":${call.upstreamId},"reason":${JSON.stringify(reason)}}`);
  }

  #retire(problem: Problem, detail: string, how: 'buried' | 'hung' | 'stopped' = 'stopped'): void {
    if (this.#end !== undefined) return;
    this.#end = { problem, detail };
    this.#calls.fail(problem, detail, how);
    this.unassigned?.closed(problem, detail);
  }
}

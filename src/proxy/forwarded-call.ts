import type { LaneToolDirectory } from '../catalog/tool-directory.ts';
import type { Message } from '../jsonrpc/message.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { METHODS } from '../protocol/methods.ts';
import { eraOf } from '../protocol/revisions.ts';
import type { EndReason } from '../session/tickets.ts';
import type { CallHandle, CallSink, ErrorHead, Lane } from '../upstream/lane.ts';
import type { Carrier } from './carrier.ts';
import { ENDED_BY } from './ended-by.ts';
import { finalAnswer } from './final-answer.ts';
import { outboundMessage, outboundParameters } from './outbound-request.ts';
import { outcomeOf, statusOf } from './outcome.ts';
import { type CallParts, ReceivedCall } from './received-call.ts';
import { rpcRefusal } from './refusal.ts';
import { belongsToCall, isProgressOf } from './related.ts';
import { restoreRelated } from './restore.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';
import type { SpokenOrder } from './spoken-order.ts';

/** Where a call gets its lane, and who hears of its end: a session for the legacy era, the server for the modern one. */
export interface LaneSource {
  readonly tools: LaneToolDirectory;
  /** @throws ProblemError when no lane can be had */
  lane(): Lane | Promise<Lane>;
  begin(call: ForwardedCall): void;
  /** A request of the server's own that came while the call was under way (legacy). @returns what a sink's `message` does */
  asked(message: Message, reply: Carrier, lane: Lane): boolean;
  /** The server takes such a request back. */
  withdrawn(message: Message, lane: Lane): void;
  /** What the server says goes by it where it may ask (legacy). */
  readonly order?: SpokenOrder;
  /** Progress on this call's stream that is not of this call (legacy). */
  astray(progress: Message): void;
  /** The final answer, before the client sees it. @returns a problem to answer with instead */
  settling(call: ForwardedCall, response: Message): Problem | undefined;
  /** The lane was of no use: the call goes on without it. */
  lost(lane: Lane | undefined): void;
  /** The call is over, whichever way. */
  finished(call: ForwardedCall, lane: Lane | undefined): void;
}

/**
 * One JSON-RPC request that waits for one answer: judged, recorded, sent, answered, recorded again. It is the call the
 * decisions judge, the sink the lane answers into, and the ticket by which the gateway can end it: one object per request.
 */
export class ForwardedCall extends ReceivedCall implements CallSink {
  readonly kind = 'call';
  private readonly source: LaneSource;
  private lane: Lane | undefined = undefined;
  private handle: CallHandle | undefined = undefined;
  private repeated = false;

  constructor(
    estate: Estate,
    rules: Generation,
    plan: ServerPlan,
    source: LaneSource,
    reply: Carrier,
    parts: CallParts,
  ) {
    super(estate, rules, plan, reply, parts);
    this.source = source;
  }

  get tools(): LaneToolDirectory {
    return this.source.tools;
  }

  /** Whether the answer can still carry a message of the server's to the client. */
  get canCarry(): boolean {
    return !this.over && !this.reply.isDone;
  }

  get carrier(): Carrier {
    return this.reply;
  }

  opened(): void {
    // Whether there is a session to name in the headers is known only with the answer to `initialize`.
    if (!this.over && this.method !== 'initialize') this.reply.open();
  }

  message(message: Message): boolean {
    const { lane, source } = this;
    if (this.over || lane === undefined) return true;
    if (message.kind === 'request') return source.asked(message, this.reply, lane);
    if (!this.mayHear(message)) return true;
    if (message.method === 'notifications/progress' && !this.isToldBy(message)) {
      source.astray(message);
      return true;
    }
    if (message.method === 'notifications/cancelled') {
      source.withdrawn(message, lane);
      return true;
    }
    if (source.order?.isHeld !== true) return this.pass(message);
    source.order.add(message.bytes.length, () => this.pass(message));
    return false;
  }

  private pass(message: Message): boolean {
    if (this.over) return true;
    const bytes = restoreRelated(message, this.received);
    this.bytesOut += bytes.length;
    return this.reply.message(bytes);
  }

  settled(response: Message, head?: ErrorHead): void {
    const { order } = this.source;
    if (order?.isHeld !== true) this.answered(response, head);
    else order.add(response.bytes.length, () => this.answered(response, head));
  }

  private answered(response: Message, head: ErrorHead | undefined): void {
    if (this.over) return;
    const objection = this.source.settling(this, response);
    if (objection !== undefined) return this.giveUp(objection, objection.text);
    const bytes = finalAnswer(this, response);
    if (!Buffer.isBuffer(bytes)) return this.giveUp(bytes.problem, bytes.detail);
    this.bytesOut += bytes.length;
    const status = statusOf(response, eraOf(this.revision) ?? 'legacy', head?.status);
    this.finish(outcomeOf(response), status, undefined);
    this.reply.finish(bytes, status, head?.retryAfter);
  }

  /**
   * A call that no server has seen is made once more, on another lane: a child that died between two calls, or a session the
   * server forgot, is then no news to the client. Any other call is never repeated: it may have been carried out.
   */
  override failed(problem: Problem, detail: string, unseen = false): void {
    const { order } = this.source;
    if (order?.isHeld !== true) this.giveUp(problem, detail, unseen);
    else order.add(0, () => this.giveUp(problem, detail, unseen));
  }

  private giveUp(problem: Problem, detail: string, unseen = false): void {
    if (unseen && !this.repeated && !this.over && this.method !== 'initialize') return this.again(detail);
    // An answer that is not one may come of headers made by an old list of tools: the next call learns of a new one first.
    if (this.modern !== undefined && problem.code === 'UPSTREAM_INVALID') {
      this.estate.directories.of(this.principal, this.plan, this.revision).forget();
    }
    super.failed(problem, detail);
  }

  end(reason: EndReason): void {
    if (this.over) return;
    this.handle?.cancel(reason);
    const problem = ENDED_BY[reason];
    this.finish({ ending: 'cancelled', rpcCode: problem.rpcCode }, problem.status, undefined, reason);
    this.refuse(problem);
  }

  /** The client said it no longer wants the answer (legacy `notifications/cancelled`). */
  cancelledByClient(reason: string): void {
    if (this.over) return;
    this.handle?.cancel(reason);
    this.finish({ ending: 'cancelled', rpcCode: undefined }, 200, undefined);
    this.reply.cancelled(rpcRefusal(this.id, PROBLEMS.CANCELLED, this.origin.decisionId), 200);
  }

  /** Closing the stream cancels on the modern era and must not on the older ones (MCP 2026-07-28, patterns/cancellation). */
  clientGone(slow: boolean): void {
    if (this.over) return;
    // Nobody is left who could catch up: a child that was held up for a slow reader must not wait for ever.
    if (eraOf(this.revision) !== 'modern') return this.handle?.resume();
    this.handle?.cancel('the client closed the stream');
    this.finish({ ending: 'cancelled', rpcCode: undefined }, 200, undefined, slow ? 'slow-client' : 'client-gone');
  }

  clientCaughtUp(): void {
    this.handle?.resume();
  }

  /** What the server knows the call, and its progress, by. */
  get upstreamId(): number | undefined {
    return this.handle?.upstreamId;
  }

  /** Whether a report of progress is of this call. */
  isToldBy(progress: Message): boolean {
    return !this.over && isProgressOf(progress, this.received, this.upstreamId);
  }

  /** What a server may say unasked is a closed list too; the rest never reaches a client. */
  private mayHear(message: Message): boolean {
    if (eraOf(this.revision) === 'modern') return belongsToCall(message, this.received, this.upstreamId);
    return METHODS[this.revision].serverNotifications.has(message.method ?? '');
  }

  protected admit(): undefined {
    this.source.begin(this);
  }

  protected lease(): Lane | Promise<Lane> {
    return this.source.lane();
  }

  protected proceed(lane: Lane): void {
    this.lane = lane;
    this.handle = lane.dispatch(
      {
        message: outboundMessage(this.plan, this.received, this.modern?.task),
        revision: this.revision,
        decisionId: this.origin.decisionId,
        paramHeaders: outboundParameters(this),
        timeoutMs: this.plan.callTimeoutMs,
      },
      this,
    );
  }

  private again(detail: string): void {
    this.repeated = true;
    const fields = { server: this.server, decision_id: this.origin.decisionId, detail };
    this.estate.log.info('a call no server has seen is made again', fields);
    this.source.lost(this.lane);
    this.lane = undefined;
    // Not in this turn: whoever reported the failure has yet to let go of the lane.
    setImmediate(() => void this.resend());
  }

  protected tooLate(lane: Lane): void {
    this.source.finished(this, lane);
  }

  protected letGo(): void {
    this.source.finished(this, this.lane);
  }
}

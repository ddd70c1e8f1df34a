import type { Principal, PrincipalId } from '../identity/principal.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { idToken, writeResult } from '../jsonrpc/write.ts';
import type { Call, CallOrigin, ToolDirectory } from '../policy/call.ts';
import { type ChainResult, isStopped, type Stopped } from '../policy/engine.ts';
import { isDenial, refuse } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import { META_SUBSCRIPTION_ID } from '../protocol/classify.ts';
import { METHODS } from '../protocol/methods.ts';
import { eraOf, type Revision } from '../protocol/revisions.ts';
import type { EndReason, Ticket } from '../session/tickets.ts';
import type { CallHandle, CallSink, Lane } from '../upstream/lane.ts';
import { nameOf, recordDenial, recordOutcome } from './call-record.ts';
import { finalAnswer } from './final-answer.ts';
import { type Outcome, outcomeOf, statusOf } from './outcome.ts';
import type { PostReply } from './post-reply.ts';
import { rpcRefusal } from './refusal.ts';
import { restoreRelated } from './restore.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';

/** Where a call gets its lane, and who hears of its end: a session for the legacy era, the server for the modern one. */
export interface LaneSource {
  readonly tools: ToolDirectory;
  /** @throws ProblemError when no lane can be had */
  lane(): Lane | Promise<Lane>;
  begin(call: ForwardedCall): void;
  /** A request of the server's own that came while the call was under way (legacy). @returns what a sink's `message` does */
  asked(message: Message, reply: PostReply): boolean;
  /** The final answer, before the client sees it. @returns a problem to answer with instead */
  settling(call: ForwardedCall, response: Message): Problem | undefined;
  /** The call is over, whichever way. */
  finished(call: ForwardedCall, lane: Lane | undefined): void;
}

export interface CallParts {
  readonly message: Message;
  readonly principal: Principal;
  readonly revision: Revision;
  readonly origin: CallOrigin;
  readonly paramHeaders: readonly string[];
}

/**
 * One JSON-RPC request on its way through: judged, recorded, sent, answered, recorded again. It is the call the decisions
 * judge, the sink the lane answers into, and the ticket by which the gateway can end it: one object per request.
 */
export class ForwardedCall implements Call, CallSink, Ticket {
  previous: Ticket | undefined = undefined;
  next: Ticket | undefined = undefined;
  readonly received: Message;
  readonly method: string;
  readonly name: string | undefined;
  readonly principal: Principal;
  readonly server: string;
  readonly revision: Revision;
  readonly direction = 'client-to-server';
  readonly origin: CallOrigin;
  readonly capabilities = undefined;
  readonly generation: number;
  readonly startedAt: number = performance.now();
  rule: string | undefined = undefined;
  bytesOut = 0;

  private readonly estate: Estate;
  private readonly rules: Generation;
  private readonly plan: ServerPlan;
  private readonly source: LaneSource;
  private readonly reply: PostReply;
  private readonly paramHeaders: readonly string[];
  private lane: Lane | undefined = undefined;
  private handle: CallHandle | undefined = undefined;
  private over = false;
  private holdsStream = false;

  constructor(
    estate: Estate,
    rules: Generation,
    plan: ServerPlan,
    source: LaneSource,
    reply: PostReply,
    parts: CallParts,
  ) {
    this.estate = estate;
    this.rules = rules;
    this.plan = plan;
    this.source = source;
    this.reply = reply;
    this.received = parts.message;
    this.method = parts.message.method as string;
    this.name = nameOf(parts.message);
    this.principal = parts.principal;
    this.server = plan.id;
    this.revision = parts.revision;
    this.origin = parts.origin;
    this.paramHeaders = parts.paramHeaders;
    this.generation = rules.number;
  }

  /** A subscription has no end of its own; every other request waits for one answer. */
  get kind(): 'call' | 'stream' {
    return this.method === LISTEN ? 'stream' : 'call';
  }

  get id(): RequestId {
    return this.received.id as RequestId;
  }

  /** Looked for only when a rule asks: most callers are not restricted. */
  get tools(): ToolDirectory {
    return this.source.tools;
  }

  get holder(): PrincipalId {
    return this.principal.id;
  }

  get address(): string {
    return this.origin.clientAddress;
  }

  get expiresAt(): number | undefined {
    return this.principal.expiresAt;
  }

  /** Judges the call and, if it may be made, sends it. Resolves when it is on its way or was refused; never rejects. */
  async run(): Promise<void> {
    this.reply.join(this);
    this.estate.tickets.add(this);
    this.source.begin(this);
    // The body may have been long on its way; what was accepted before it may be revoked by now.
    if (!this.rules.stillAccepts(this.holder, this.server)) return this.end('token-revoked');
    if (this.kind === 'stream' && !this.takeStream()) return this.refused(STREAMS_TAKEN);
    try {
      const pending = this.rules.decide.run(this);
      const judged: ChainResult = pending instanceof Promise ? await pending : pending;
      if (isStopped(judged)) return this.refused(judged);
      this.estate.metrics.verdict('authorize', 'allowed', 'allow');
      const lease = this.source.lane();
      this.lane = lease instanceof Promise ? await lease : lease;
      if (this.over) return this.source.finished(this, this.lane);
      this.handle = this.lane.dispatch(
        {
          message: this.received,
          revision: this.revision,
          decisionId: this.origin.decisionId,
          paramHeaders: this.paramHeaders,
          timeoutMs: this.plan.callTimeoutMs,
        },
        this,
      );
    } catch (error) {
      this.threw(error);
    }
  }

  /** Whether the answer can still carry a message of the server's to the client. */
  get canCarry(): boolean {
    return !this.over && !this.reply.isDone;
  }

  get carrier(): PostReply {
    return this.reply;
  }

  opened(): void {
    if (!this.over) this.reply.open();
  }

  message(message: Message): boolean {
    if (this.over) return true;
    if (message.kind === 'request') return this.source.asked(message, this.reply);
    // What a server may say unasked is a closed list too; the rest never reaches a client.
    if (!METHODS[this.revision].serverNotifications.has(message.method ?? '')) return true;
    const bytes = restoreRelated(message, this.received);
    this.bytesOut += bytes.length;
    return this.reply.message(bytes);
  }

  settled(response: Message): void {
    if (this.over) return;
    const objection = this.source.settling(this, response);
    if (objection !== undefined) return this.failed(objection, objection.text);
    const bytes = finalAnswer(this.rules, this, response);
    if (!Buffer.isBuffer(bytes)) return this.failed(bytes.problem, bytes.detail);
    this.bytesOut += bytes.length;
    const status = statusOf(response, eraOf(this.revision) ?? 'legacy');
    this.finish(outcomeOf(response), status, undefined);
    this.reply.finish(bytes, status);
  }

  failed(problem: Problem, detail: string): void {
    if (this.over) return;
    this.estate.log.warn('call failed', {
      server: this.server,
      code: problem.code,
      decision_id: this.origin.decisionId,
      detail,
    });
    this.finish({ ending: 'failed', rpcCode: problem.rpcCode }, problem.status, detail);
    this.refuse(problem);
  }

  /** The gateway ends the call itself: revoked, expired, shutting down. */
  end(reason: EndReason): void {
    if (this.over) return;
    this.handle?.cancel(reason);
    this.finish({ ending: 'cancelled', rpcCode: PROBLEMS.ENDED.rpcCode }, PROBLEMS.ENDED.status, undefined, reason);
    if (reason === 'shutdown' && this.kind === 'stream') this.reply.finish(lastOfSubscription(this.id), 200);
    else this.refuse(reason === 'shutdown' ? PROBLEMS.SHUTTING_DOWN : PROBLEMS.ENDED);
  }

  /** The client said it no longer wants the answer (legacy `notifications/cancelled`). Over HTTP the POST still needs one. */
  cancelledByClient(reason: string): void {
    if (this.over) return;
    this.handle?.cancel(reason);
    this.finish({ ending: 'cancelled', rpcCode: undefined }, 200, undefined);
    this.reply.finish(rpcRefusal(this.id, PROBLEMS.CANCELLED, this.origin.decisionId), 200);
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

  private refused(stopped: Stopped): void {
    const { step, verdict } = stopped;
    if (!isDenial(verdict)) throw new Error(`step ${step} answered a call; decisions only allow or deny`);
    if (this.over) return;
    this.close();
    recordDenial(this.estate, this.rules, this, step, verdict);
    this.refuse(verdict.deny);
  }

  private threw(error: unknown): void {
    if (error instanceof ProblemError) return this.failed(error.problem, error.detail);
    this.estate.log.error('call threw', { decision_id: this.origin.decisionId, error: String(error) });
    this.failed(PROBLEMS.INTERNAL, String(error));
  }

  private refuse(problem: Problem): void {
    const bytes = rpcRefusal(this.id, problem, this.origin.decisionId);
    this.reply.finish(bytes, problem.status);
  }

  /** Closes the call and records how it ended: always, and before the client can act on the answer. */
  private finish(outcome: Outcome, status: number, detail: string | undefined, reason?: string): void {
    this.close();
    recordOutcome(this.estate, this.rules, this, { outcome, status, detail, reason });
  }

  private close(): void {
    this.over = true;
    this.estate.tickets.remove(this);
    if (this.holdsStream) this.estate.streamQuota.giveBack(this.holder);
    this.source.finished(this, this.lane);
  }

  private takeStream(): boolean {
    this.holdsStream = this.estate.streamQuota.take(this.holder);
    return this.holdsStream;
  }
}

const LISTEN = 'subscriptions/listen';
const STREAMS_TAKEN = { step: 'session', verdict: refuse(PROBLEMS.TOO_MANY_STREAMS, 'streams.max_per_principal') };

/** How a server ends a subscription of its own accord (MCP 2026-07-28, patterns/subscriptions): the empty final result. */
function lastOfSubscription(id: RequestId): Buffer {
  return writeResult(id, `{"resultType":"complete","_meta":{"${META_SUBSCRIPTION_ID}":${idToken(id)}}}`);
}

import type { LaneToolDirectory } from '../catalog/tool-directory.ts';
import type { Connection } from '../http/connection.ts';
import type { Principal, PrincipalId } from '../identity/principal.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { Call, CallOrigin, ModernFacts } from '../policy/call.ts';
import { isStopped, type Stopped } from '../policy/engine.ts';
import { isDenial } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { EndReason, Ticket } from '../session/tickets.ts';
import type { Lane } from '../upstream/lane.ts';
import { nameOf, recordDenial, recordOutcome } from './call-record.ts';
import type { Carrier } from './carrier.ts';
import type { Outcome } from './outcome.ts';
import { rpcRefusal } from './refusal.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';

export interface CallParts {
  readonly message: Message;
  readonly principal: Principal;
  readonly revision: Revision;
  readonly origin: CallOrigin;
  /** Undefined on the older eras. */
  readonly modern: ModernFacts | undefined;
}

/**
 * One JSON-RPC request as the gateway holds it from its judgement to its record: what the decisions judge, and the ticket by
 * which the gateway can end it. What becomes of it once it may be made is the heir's: a call with one answer
 * (`ForwardedCall`) or a stream without an end of its own (`Subscription`).
 */
export abstract class ReceivedCall implements Call, Ticket {
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
  readonly modern: ModernFacts | undefined;
  readonly generation: number;
  readonly startedAt: number = performance.now();
  rule: string | undefined = undefined;
  bytesOut = 0;

  readonly estate: Estate;
  readonly rules: Generation;
  readonly plan: ServerPlan;
  protected readonly reply: Carrier;
  protected over = false;
  /** Something it was judged by is waited for: the server's list of tools, perhaps. */
  private isBeingJudged = false;

  constructor(estate: Estate, rules: Generation, plan: ServerPlan, reply: Carrier, parts: CallParts) {
    this.estate = estate;
    this.rules = rules;
    this.plan = plan;
    this.reply = reply;
    this.received = parts.message;
    this.method = parts.message.method as string;
    this.name = nameOf(parts.message);
    this.principal = parts.principal;
    this.server = plan.id;
    this.revision = parts.revision;
    this.origin = parts.origin;
    this.modern = parts.modern;
    this.generation = rules.number;
  }

  /** A call waits for one answer; a stream ends only when somebody ends it. */
  abstract readonly kind: 'call' | 'stream';
  /** Looked for only when a rule asks: most callers are not restricted. */
  abstract readonly tools: LaneToolDirectory;
  /** The gateway ends it itself: revoked, expired, shutting down. */
  abstract end(reason: EndReason): void;
  /** The client closed the connection or was cut for not reading. */
  abstract clientGone(slow: boolean): void;
  abstract clientCaughtUp(): void;

  /** What must be held before it is judged. @returns why it cannot be had */
  protected abstract admit(): Stopped | undefined;
  /** @throws ProblemError when no lane can be had */
  protected abstract lease(): Lane | Promise<Lane>;
  /** It may be made, and here is the way. */
  protected abstract proceed(lane: Lane): void;
  /** It ended while its lane was being opened. */
  protected abstract tooLate(lane: Lane): void;
  /** It is over, whichever way: gives back what it held. */
  protected abstract letGo(): void;

  get id(): RequestId {
    return this.received.id as RequestId;
  }

  get holder(): PrincipalId {
    return this.principal.id;
  }

  get client(): IpAddress | undefined {
    return this.origin.client;
  }

  get isLocalhost(): boolean {
    return this.origin.isLocalhost;
  }

  get connection(): Connection | undefined {
    return this.origin.connection;
  }

  get expiresAt(): number | undefined {
    return this.principal.expiresAt;
  }

  /** Judges it and, if it may be made, sends it on its way. Resolves when it is or was refused; never rejects. */
  async run(): Promise<void> {
    this.reply.join(this);
    this.estate.tickets.add(this);
    const unfit = this.admit();
    // The body may have been long on its way; what was accepted before it may be revoked by now.
    if (!this.rules.stillAccepts(this.holder, this.server)) return this.end('token-revoked');
    if (this.wasDenied()) return this.end('address-denied');
    if (unfit !== undefined) return this.refused(unfit);
    try {
      let judged = this.rules.decide.run(this);
      if (judged instanceof Promise) {
        this.isBeingJudged = true;
        judged = await judged;
        this.isBeingJudged = false;
      }
      if (isStopped(judged)) return this.refused(judged);
      this.estate.metrics.verdict('authorize', 'allowed', 'allow');
      const lease = this.lease();
      const lane = lease instanceof Promise ? await lease : lease;
      if (this.over) return this.tooLate(lane);
      this.proceed(lane);
    } catch (error) {
      this.threw(error);
    }
  }

  /** Sends what was judged another way. Resolves when it is on it or was refused; never rejects. */
  protected async resend(): Promise<void> {
    if (this.over) return;
    try {
      const lane = await this.lease();
      if (this.over) return this.tooLate(lane);
      this.proceed(lane);
    } catch (error) {
      this.threw(error);
    }
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

  protected refused(stopped: Stopped): void {
    const { step, verdict } = stopped;
    if (!isDenial(verdict)) throw new Error(`step ${step} answered a call; decisions only allow or deny`);
    if (this.over) return;
    this.close();
    recordDenial(this.estate, this.rules, this, step, verdict);
    this.refuse(verdict.deny);
  }

  protected refuse(problem: Problem): void {
    this.reply.finish(rpcRefusal(this.id, problem, this.origin.decisionId), problem.status);
  }

  /** Closes it and records how it ended: always, and before the client can act on the answer. */
  protected finish(outcome: Outcome, status: number, detail: string | undefined, reason?: string): void {
    this.close();
    recordOutcome(this.estate, this.rules, this, { outcome, status, detail, reason });
  }

  /** Since it was let in, by entries or by other rules than those it is pinned to. */
  private wasDenied(): boolean {
    return this.estate.network().refuses(this.client, this.isLocalhost, this.server);
  }

  private close(): void {
    this.over = true;
    this.estate.tickets.remove(this);
    if (this.isBeingJudged) this.tools.leave(this);
    this.letGo();
  }

  protected threw(error: unknown): void {
    if (error instanceof ProblemError) return this.failed(error.problem, error.detail);
    this.estate.log.error('call threw', { decision_id: this.origin.decisionId, error: String(error) });
    this.failed(PROBLEMS.INTERNAL, String(error));
  }
}

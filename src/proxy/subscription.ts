import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { idToken, writeResult } from '../jsonrpc/write.ts';
import type { ToolDirectory } from '../policy/call.ts';
import type { Stopped } from '../policy/engine.ts';
import { refuse } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { META_SUBSCRIPTION_ID } from '../protocol/classify.ts';
import { METHODS } from '../protocol/methods.ts';
import type { EndReason } from '../session/tickets.ts';
import type { CallHandle, CallSink, Lane } from '../upstream/lane.ts';
import type { LaneSource } from './forwarded-call.ts';
import { outcomeOf, statusOf } from './outcome.ts';
import type { PostReply } from './post-reply.ts';
import { type CallParts, ReceivedCall } from './received-call.ts';
import { restoreRelated, restoreResponse } from './restore.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';

export const LISTEN = 'subscriptions/listen';

/** One `subscriptions/listen` of a client (MCP 2026-07-28, patterns/subscriptions): a stream that ends when somebody ends it. */
export class Subscription extends ReceivedCall implements CallSink {
  readonly kind = 'stream';
  private readonly source: LaneSource;
  private lane: Lane | undefined = undefined;
  private handle: CallHandle | undefined = undefined;
  private holdsStream = false;

  constructor(
    estate: Estate,
    rules: Generation,
    plan: ServerPlan,
    source: LaneSource,
    reply: PostReply,
    parts: CallParts,
  ) {
    super(estate, rules, plan, reply, parts);
    this.source = source;
  }

  get tools(): ToolDirectory {
    return this.source.tools;
  }

  opened(): void {
    if (!this.over) this.reply.open();
  }

  message(message: Message): boolean {
    if (this.over || message.kind === 'request') return true;
    // What a server may say unasked is a closed list too; the rest never reaches a client.
    if (!METHODS[this.revision].serverNotifications.has(message.method ?? '')) return true;
    const bytes = restoreRelated(message, this.received);
    this.bytesOut += bytes.length;
    return this.reply.message(bytes);
  }

  settled(response: Message): void {
    if (this.over) return;
    const bytes = restoreResponse(response, this.id);
    this.bytesOut += bytes.length;
    const status = statusOf(response, 'modern');
    this.finish(outcomeOf(response), status, undefined);
    this.reply.finish(bytes, status);
  }

  end(reason: EndReason): void {
    if (this.over) return;
    this.handle?.cancel(reason);
    this.finish({ ending: 'cancelled', rpcCode: PROBLEMS.ENDED.rpcCode }, PROBLEMS.ENDED.status, undefined, reason);
    if (reason === 'shutdown') this.reply.finish(lastOfSubscription(this.id), 200);
    else this.refuse(PROBLEMS.ENDED);
  }

  clientGone(slow: boolean): void {
    if (this.over) return;
    this.handle?.cancel('the client closed the stream');
    this.finish({ ending: 'cancelled', rpcCode: undefined }, 200, undefined, slow ? 'slow-client' : 'client-gone');
  }

  clientCaughtUp(): void {
    this.handle?.resume();
  }

  protected admit(): Stopped | undefined {
    this.holdsStream = this.estate.streamQuota.take(this.holder);
    return this.holdsStream ? undefined : STREAMS_TAKEN;
  }

  protected lease(): Lane | Promise<Lane> {
    return this.source.lane();
  }

  protected proceed(lane: Lane): void {
    this.lane = lane;
    this.handle = lane.dispatch(
      {
        message: this.received,
        revision: this.revision,
        decisionId: this.origin.decisionId,
        paramHeaders: [],
        timeoutMs: this.plan.callTimeoutMs,
      },
      this,
    );
  }

  protected tooLate(lane: Lane): void {
    lane.release();
  }

  protected letGo(): void {
    if (this.holdsStream) this.estate.streamQuota.giveBack(this.holder);
    this.lane?.release();
  }
}

const STREAMS_TAKEN: Stopped = {
  step: 'session',
  verdict: refuse(PROBLEMS.TOO_MANY_STREAMS, 'streams.max_per_principal'),
};

/** How a server ends a subscription of its own accord (MCP 2026-07-28, patterns/subscriptions): the empty final result. */
function lastOfSubscription(id: RequestId): Buffer {
  return writeResult(id, `{"resultType":"complete","_meta":{"${META_SUBSCRIPTION_ID}":${idToken(id)}}}`);
}

import type { LaneToolDirectory } from '../catalog/tool-directory.ts';
import { idToken, writeError, writeNotification, writeResult } from '../jsonrpc/write.ts';
import type { EventCopies } from '../listen/event-copies.ts';
import type { Listener } from '../listen/listener.ts';
import type { SharedSubscription } from '../listen/shared-subscription.ts';
import { readTopics, resourceOf, type Topic, taskOf, writeTopics } from '../listen/topics.ts';
import type { Ending, SubscriptionTerms } from '../listen/upstream-subscription.ts';
import type { Stopped } from '../policy/engine.ts';
import { refuse } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { particular } from '../problem/problem.ts';
import { META_CLIENT_CAPABILITIES, META_SUBSCRIPTION_ID } from '../protocol/classify.ts';
import { declares, TASKS_EXTENSION, TASKS_REQUIRED } from '../protocol/extensions.ts';
import { ACKNOWLEDGED } from '../protocol/methods.ts';
import type { EndReason } from '../session/tickets.ts';
import type { Lane } from '../upstream/lane.ts';
import { ENDED_BY } from './ended-by.ts';
import type { LaneSource } from './forwarded-call.ts';
import { ListenedTasks } from './listened-tasks.ts';
import { statusOfError } from './outcome.ts';
import type { PostReply } from './post-reply.ts';
import { type CallParts, ReceivedCall } from './received-call.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';

/** Names in one filter. Each is looked up for each event, and asked of the server together with everybody else's. */
const MOST_NAMES = 1_000;

/**
 * One `subscriptions/listen` of a client (MCP 2026-07-28, patterns/subscriptions): acknowledged first, told only of what it
 * asked for and may see, each message under its own subscription id, until somebody ends it.
 */
export class Subscription extends ReceivedCall implements Listener {
  readonly kind = 'stream';
  readonly terms: SubscriptionTerms;
  /** Until it is judged what it asked for, then what of it this caller may hear. */
  topics: ReadonlySet<Topic> = new Set();
  /** A stream of its own: the older transport has no subscriptions. */
  protected declare readonly reply: PostReply;
  private readonly source: LaneSource;
  private readonly subscriptionId: string;
  private readonly tasks = new ListenedTasks(this);
  /** The rules what it hears is judged by. They move on with a reload. */
  private inForce: Generation;
  private shared: SharedSubscription | undefined = undefined;
  private isAcknowledged = false;
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
    this.inForce = rules;
    this.subscriptionId = idToken(this.id);
    this.terms = { revision: parts.revision, timeoutMs: plan.callTimeoutMs };
  }

  get tools(): LaneToolDirectory {
    return this.source.tools;
  }

  acknowledged(granted: ReadonlySet<Topic>): void {
    this.isAcknowledged = true;
    const shown = [...granted].map((topic) => this.tasks.shown(topic));
    const params = `{"notifications":${writeTopics(shown)},${this.meta()}}`;
    this.write(writeNotification(ACKNOWLEDGED, params));
  }

  event(event: EventCopies): void {
    if (event.message.method !== TASK_NEWS) return this.write(event.under(this.subscriptionId));
    const copy = this.tasks.copyOf(event, this.subscriptionId);
    if (copy !== undefined) this.write(copy);
  }

  /** The server ended it, or it was lost: then the stream ends without a word, as a broken connection would. */
  ended(ending: Ending): void {
    if (this.over) return;
    if (ending.kind === 'complete') return this.endedProperly();
    if (ending.kind === 'refused') return this.endedWithError(ending.rpcCode);
    const { problem, detail } = ending;
    if (!this.isAcknowledged) return this.failed(problem, detail);
    if (problem === PROBLEMS.SHUTTING_DOWN) return this.endedProperly();
    this.finish({ ending: 'failed', rpcCode: problem.rpcCode }, problem.status, detail, 'upstream-closed');
    this.reply.end('upstream-closed');
  }

  /**
   * Other rules are in force. When it may no longer hear all it was granted, it must end: an acknowledgement cannot be taken
   * back. Listening again, the client is told what is left.
   */
  judgeAgain(rules: Generation): EndReason | undefined {
    this.inForce = rules;
    if (this.shared === undefined) return undefined;
    for (const topic of this.topics) if (!this.mayStillHear(topic)) return 'rules-changed';
    return undefined;
  }

  end(reason: EndReason): void {
    if (this.over) return;
    const problem = ENDED_BY[reason];
    this.finish({ ending: 'cancelled', rpcCode: problem.rpcCode }, problem.status, undefined, reason);
    // A result is the end of what was acknowledged; before that it would be no answer.
    const isProper = this.isAcknowledged && (reason === 'shutdown' || reason === 'rules-changed');
    if (isProper) this.reply.finish(this.lastWord(), 200);
    else this.refuse(problem);
  }

  clientGone(slow: boolean): void {
    if (this.over) return;
    this.finish({ ending: 'cancelled', rpcCode: undefined }, 200, undefined, slow ? 'slow-client' : 'client-gone');
  }

  clientCaughtUp(): void {}

  protected admit(): Stopped | undefined {
    const filter = this.received.params?.object('notifications');
    if (filter === undefined) return malformed('params.notifications must be an object');
    const topics = readTopics(filter, MOST_NAMES);
    if ('wrong' in topics) return malformed(`params.notifications.${topics.wrong}`);
    this.topics = topics;
    if (this.asksForTasks && !declares(this.received.meta?.object(META_CLIENT_CAPABILITIES), TASKS_EXTENSION)) {
      return TASKS_UNDECLARED;
    }
    this.holdsStream = this.estate.streamQuota.take(this.holder);
    return this.holdsStream ? undefined : STREAMS_TAKEN;
  }

  protected lease(): Lane | Promise<Lane> {
    return this.source.lane();
  }

  protected proceed(lane: Lane): void {
    this.topics = new Set([...this.topics].flatMap((topic) => this.heard(topic) ?? []));
    this.shared = this.estate.subscriptions.join(lane, this);
    // Whoever was answered while joining has left already.
    if (this.over) this.shared.leave(this);
  }

  protected tooLate(lane: Lane): void {
    lane.release();
  }

  protected letGo(): void {
    if (this.holdsStream) this.estate.streamQuota.giveBack(this.holder);
    this.shared?.leave(this);
  }

  private get asksForTasks(): boolean {
    return this.plan.extensions.has(TASKS_EXTENSION) && [...this.topics].some((topic) => taskOf(topic) !== undefined);
  }

  /**
   * What to ask the server for, where the caller may hear it: a resource is judged as if it were read, a list as if it were
   * asked for, a task as a call of the tool that made it. The rest of the filter is granted without what may not be heard.
   */
  private heard(topic: Topic): Topic | undefined {
    const task = taskOf(topic);
    if (task !== undefined) return this.tasks.topicOf(task, this.inForce);
    return this.allows(topic) ? topic : undefined;
  }

  private mayStillHear(topic: Topic): boolean {
    const task = taskOf(topic);
    return task === undefined ? this.allows(topic) : this.tasks.mayHear(task, this.inForce);
  }

  private allows(topic: Topic): boolean {
    const name = resourceOf(topic);
    const method = name === undefined ? `${topic}/list` : 'resources/read';
    return this.inForce.authorizer.decide({ principal: this.principal, server: this.server, method, name }).allow;
  }

  private write(bytes: Buffer): void {
    if (this.over) return;
    this.bytesOut += bytes.length;
    this.reply.message(bytes);
  }

  private endedProperly(): void {
    this.finish({ ending: 'ok', rpcCode: undefined }, 200, undefined);
    this.reply.finish(this.lastWord(), 200);
  }

  /** The server's code in the gateway's words: the server's own may tell of what other listeners asked for. */
  private endedWithError(rpcCode: number): void {
    const text = this.isAcknowledged ? 'The server ended the subscription' : 'The server refused the subscription';
    const status = statusOfError(rpcCode);
    this.finish({ ending: 'rpc_error', rpcCode }, status, undefined);
    this.reply.finish(writeError(this.id, { rpcCode, text }), status);
  }

  private lastWord(): Buffer {
    return writeResult(this.id, `{"resultType":"complete",${this.meta()}}`);
  }

  private meta(): string {
    return `"_meta":{"${META_SUBSCRIPTION_ID}":${this.subscriptionId}}`;
  }
}

function malformed(text: string): Stopped {
  return { step: 'session', verdict: refuse(particular(PROBLEMS.INVALID_PARAMS, text), 'subscription.filter') };
}

const TASK_NEWS = 'notifications/tasks';
const TASKS_UNDECLARED: Stopped = {
  step: 'task-access',
  verdict: refuse(TASKS_REQUIRED, 'capability.not-declared'),
};
const STREAMS_TAKEN: Stopped = {
  step: 'session',
  verdict: refuse(PROBLEMS.TOO_MANY_STREAMS, 'streams.max_per_principal'),
};

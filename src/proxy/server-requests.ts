import { randomInt } from '../crypto/random.ts';
import { Edits, withId } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { jsonString, writeError, writeNotification, writeResult } from '../jsonrpc/write.ts';
import { type Call, originOfServer } from '../policy/call.ts';
import { type ChainResult, isStopped } from '../policy/engine.ts';
import { type Denial, isDenial, refuse } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { particular } from '../problem/problem.ts';
import { METHODS } from '../protocol/methods.ts';
import type { Lane } from '../upstream/lane.ts';
import { nameOf, type RecordedCall, recordDenial, recordOutcome } from './call-record.ts';
import type { Carrier } from './carrier.ts';
import { ownMessage } from './introduction.ts';
import type { LegacySession } from './legacy-session.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { Estate, Generation } from './services.ts';
import { SpokenOrder } from './spoken-order.ts';

/** Questions a server may have with one client, being judged or open. */
const MAX_QUESTIONS = 64;
/** What is kept of a question is its id and the name in it. */
const MAX_LETTERS = 4_096;
/** Where the ids of a session's questions begin is left to chance, so that they are none of another session's. */
const HIGHEST_FIRST_ID = 2 ** 31;

const TOO_MANY = refuse(PROBLEMS.CLIENT_BUSY, 'session.questions');
const TOO_LONG = refuse(
  particular(PROBLEMS.INVALID_REQUEST, `The id and the name in a question may have ${MAX_LETTERS} letters`),
  'session.questions',
);
const WITHDRAWN = 'withdrawn by the server';
const CANCELLED: Outcome = { ending: 'cancelled', rpcCode: undefined };
const OK: Outcome = { ending: 'ok', rpcCode: undefined };
const FAILED: Outcome = { ending: 'failed', rpcCode: undefined };

/** A question that is being judged. */
interface Asking {
  readonly message: Message;
  readonly call: Call;
  readonly rules: Generation;
  readonly lane: Lane;
  /** Of the call it came with. */
  readonly reply: Carrier | undefined;
  readonly startedAt: number;
  /** Why nobody waits for the answer any more. */
  over: string | undefined;
}

/** A question the client has, or will have when it opens a stream: without its bytes, for there may be many and large ones. */
interface Open {
  /** What the client knows it by: never given twice in a session, whatever becomes of the server. */
  readonly id: number;
  readonly serverId: RequestId;
  /** Who waits for the answer. Another lane of the session may ask under the same id, and must not get it. */
  readonly lane: Lane;
  readonly call: RecordedCall;
  readonly startedAt: number;
  readonly clock: NodeJS.Timeout;
  /** Where it went; undefined for the streams of the session itself. */
  readonly carrier: Carrier | undefined;
}

/**
 * What a legacy server asks its client (sampling, elicitation, roots), judged and recorded like any call, and the client's
 * answers, accepted only to questions that were asked on this session.
 */
export class ServerRequests {
  /** All the server says goes by it while questions are judged. */
  readonly order: SpokenOrder;
  private readonly estate: Estate;
  private readonly session: LegacySession;
  private readonly open = new Map<RequestId, Open>();
  /** What takes a question back may come before the verdict. */
  private readonly judging = new Set<Asking>();
  private counter = 0;
  private lastId = randomInt(HIGHEST_FIRST_ID);

  constructor(estate: Estate, session: LegacySession) {
    this.estate = estate;
    this.session = session;
    this.order = new SpokenOrder(
      () => session.caughtUp(),
      (error) => estate.log.error('server request threw', { server: session.server, error: String(error) }),
    );
  }

  mayNotify(message: Message): boolean {
    return METHODS[this.session.revision].serverNotifications.has(message.method ?? '');
  }

  /**
   * Judges a request of the server's and hands it to the client, on the call's own stream if it has one. Returns false when it
   * waits for the verdict: what the lane has to say after it can wait too, until `caughtUp`.
   */
  receive(message: Message, reply: Carrier | undefined, lane: Lane): boolean {
    const { rules } = this.session;
    const call = this.callOf(message);
    const asking: Asking = { message, call, rules, lane, reply, startedAt: performance.now(), over: undefined };
    const unfit = this.refuseUnfit(message, call);
    if (unfit !== undefined) {
      this.deny(asking, 'session', unfit);
      return true;
    }
    const pending = rules.decide.run(call);
    const isJudged = !(pending instanceof Promise);
    if (isJudged && !this.order.isHeld) {
      this.judged(asking, pending);
      return true;
    }
    this.judging.add(asking);
    const say = this.order.reserve(message.bytes.length);
    if (isJudged) say(() => this.judged(asking, pending));
    else {
      pending.then(
        (verdict) => say(() => this.judged(asking, verdict)),
        // Without a verdict the place is given up all the same: all else the server says waits behind it.
        (error: unknown) => say(() => this.unjudged(asking, error)),
      );
    }
    return false;
  }

  /** The client's answer to a question; false when that question was not asked here, or is no longer open. */
  async answer(response: Message): Promise<boolean> {
    const question = response.id == null ? undefined : this.open.get(response.id);
    if (question === undefined) return false;
    this.close(question, outcomeOf(response), undefined, response.bytes.length);
    await question.lane.send(ownMessage(withId(response, question.serverId)), this.session.revision);
    return true;
  }

  /** The server takes a question back: an answer would reach nobody who waits for it. The client is told, if it was asked. */
  withdraw(cancelled: Message, lane: Lane): void {
    const id = cancelled.params?.id('requestId');
    const span = cancelled.params?.spanOf('requestId');
    if (id === undefined || span === undefined) return;
    for (const asking of this.judging) {
      if (asking.lane === lane && asking.message.id === id) asking.over = WITHDRAWN;
    }
    const question = this.openAs(id, lane);
    if (question === undefined) return;
    this.close(question, CANCELLED, WITHDRAWN);
    this.tell(question, new Edits(cancelled.bytes).replace(span, String(question.id)).toBuffer());
  }

  /** The server is gone, and with it whoever waited for the answers; or nobody is left to answer. */
  forget(detail: string, lane?: Lane): void {
    for (const asking of this.judging) if (lane === undefined || asking.lane === lane) asking.over = detail;
    for (const question of [...this.open.values()]) {
      if (lane !== undefined && question.lane !== lane) continue;
      this.close(question, CANCELLED, detail);
      this.tell(question, cancellation(question, detail));
    }
  }

  /** A server must not wait for ever for a client that is away. */
  private expire(question: Open): void {
    const { rpcCode, text } = PROBLEMS.CLIENT_TIMEOUT;
    this.close(question, { ending: 'failed', rpcCode }, text);
    this.tell(question, cancellation(question, text));
    this.send(question.lane, writeError(question.serverId, PROBLEMS.CLIENT_TIMEOUT));
  }

  /** Each question is answered once, and its end is recorded. */
  private close(question: Open, outcome: Outcome, detail: string | undefined, bytesOut = 0): void {
    this.open.delete(question.id);
    clearTimeout(question.clock);
    this.record(question, outcome, detail, bytesOut);
  }

  /** Tells the client that a question is over, where it will have read the question before. */
  private tell(question: Open, cancelled: Buffer): void {
    const { session } = this;
    if (session.hasEnded) return;
    this.order.add(cancelled.length, () => {
      if (session.outlet.retract(question.id)) return;
      const { carrier } = question;
      const way = carrier?.isDone === false || carrier?.isKept === true ? carrier : session.openReply();
      if (way !== undefined) way.message(cancelled);
      else session.outlet.deliver(cancelled);
    });
  }

  private judged(asking: Asking, judged: ChainResult): void {
    this.judging.delete(asking);
    const { message, call, lane } = asking;
    if (isStopped(judged)) {
      if (!isDenial(judged.verdict)) throw new Error(`step ${judged.step} answered a server request`);
      return this.deny(asking, judged.step, judged.verdict);
    }
    if (asking.over !== undefined) return this.record(asking, CANCELLED, asking.over);
    // An error under this id would pass for the answer to the first of the two.
    if (this.openAs(call.received.id as RequestId, lane) !== undefined) {
      return this.record(asking, FAILED, 'dropped: the server has an open question under the same id');
    }
    const carrier = this.carrierFor(asking.reply);
    const isAway = carrier === undefined ? !this.session.outlet.isOpen : carrier.isDone;
    if (isAway && message.method === 'ping') {
      this.record(asking, OK, 'answered by the gateway: the client has no stream open');
      return this.send(lane, writeResult(message.id as RequestId, '{}'));
    }
    this.ask(asking, carrier);
  }

  private unjudged(asking: Asking, error: unknown): void {
    this.judging.delete(asking);
    throw error;
  }

  private ask({ message, call, lane, startedAt }: Asking, carrier: Carrier | undefined): void {
    this.lastId += 1;
    const id = this.lastId;
    const serverId = message.id as RequestId;
    const clock = setTimeout(() => this.expire(question), this.session.answerTimeoutMs).unref();
    const question: Open = { id, serverId, lane, call: recordedCall(call), startedAt, clock, carrier };
    this.open.set(id, question);
    const bytes = withId(message, id);
    if (carrier !== undefined) carrier.message(bytes);
    else this.session.outlet.deliver(bytes, id);
  }

  /** The reply a question goes out on; undefined when it goes to the streams of the session. */
  private carrierFor(reply: Carrier | undefined): Carrier | undefined {
    const carrier = reply?.isDone === false ? reply : this.session.openReply();
    // The client of this call is gone; when it comes back for the answer it finds the question too.
    return carrier ?? (reply?.isKept === true && !this.session.outlet.isOpen ? reply : undefined);
  }

  private openAs(serverId: RequestId, lane: Lane): Open | undefined {
    for (const question of this.open.values()) {
      if (question.serverId === serverId && question.lane === lane) return question;
    }
    return undefined;
  }

  private refuseUnfit({ idSpan }: Message, { name }: Call): Denial | undefined {
    if (this.open.size + this.judging.size >= MAX_QUESTIONS) return TOO_MANY;
    const letters = (idSpan === undefined ? 0 : idSpan.end - idSpan.start) + (name?.length ?? 0);
    return letters > MAX_LETTERS ? TOO_LONG : undefined;
  }

  private deny({ call, rules, lane }: Asking, step: string, denial: Denial): void {
    recordDenial(this.estate, rules, call, step, denial);
    this.send(lane, writeError(call.received.id, denial.deny));
  }

  private record(of: Asking | Open, outcome: Outcome, detail: string | undefined, bytesOut = 0): void {
    const ended = { ...of.call, startedAt: of.startedAt, bytesOut };
    recordOutcome(this.estate, this.session.rules, ended, { outcome, status: 202, detail, reason: undefined });
  }

  /** The gateway's own word to the server. */
  private send(lane: Lane, answer: Buffer): void {
    lane.send(ownMessage(answer), this.session.revision).catch((error: unknown) => {
      const fields = { server: this.session.server, error: String(error) };
      this.estate.log.info('a server was not told what became of its question', fields);
    });
  }

  private callOf(message: Message): Call {
    this.counter += 1;
    const { session } = this;
    return {
      received: message,
      method: message.method as string,
      name: nameOf(message),
      principal: session.caller,
      server: session.server,
      revision: session.revision,
      direction: 'server-to-client',
      origin: originOfServer(`${session.key}-s${this.counter}`, session.key),
      capabilities: session.capabilities,
      tools: session.tools,
      rule: undefined,
    };
  }
}

function recordedCall({ received, method, name, principal, server, origin }: Call): RecordedCall {
  return { received: { id: received.id }, method, name, principal, server, origin };
}

function cancellation({ id }: Open, reason: string): Buffer {
  return writeNotification('notifications/cancelled', `{"requestId":${id},"reason":${jsonString(reason)}}`);
}

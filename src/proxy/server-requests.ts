import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { writeError } from '../jsonrpc/write.ts';
import type { Call, CallOrigin } from '../policy/call.ts';
import { isStopped } from '../policy/engine.ts';
import { isDenial } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { METHODS } from '../protocol/methods.ts';
import { nameOf, recordDenial, recordOutcome } from './call-record.ts';
import type { Carrier } from './carrier.ts';
import type { LegacySession } from './legacy-session.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { Estate } from './services.ts';

/** Questions a server may have open with one client. */
const MAX_OPEN = 64;

const WITHDRAWN = 'withdrawn by the server';
const CANCELLED: Outcome = { ending: 'cancelled', rpcCode: undefined };

interface Asked {
  readonly call: Call;
  readonly startedAt: number;
  readonly clock: NodeJS.Timeout;
}

/**
 * What a legacy server asks its client (sampling, elicitation, roots), judged and recorded like any call, and the client's
 * answers, accepted only to questions that were asked on this session.
 */
export class ServerRequests {
  private readonly estate: Estate;
  private readonly session: LegacySession;
  private readonly open = new Map<RequestId, Asked>();
  /** Questions that are being judged: what takes one back may come before the verdict. */
  private readonly judging = new Set<Message>();
  private counter = 0;

  constructor(estate: Estate, session: LegacySession) {
    this.estate = estate;
    this.session = session;
  }

  mayNotify(message: Message): boolean {
    return METHODS[this.session.revision].serverNotifications.has(message.method ?? '');
  }

  /** Judges a request of the server's and hands it to the client, on the call's own stream if it has one. */
  receive(message: Message, reply: Carrier | undefined): boolean {
    void this.judge(message, reply).catch((error: unknown) => {
      this.estate.log.error('server request threw', { server: this.session.server, error: String(error) });
    });
    return true;
  }

  /** The client's answer to a question; false when that question was not asked here, or is no longer open. */
  async answer(response: Message): Promise<boolean> {
    if (response.id == null || !this.close(response.id, outcomeOf(response), undefined, response.bytes.length)) {
      return false;
    }
    const lane = await this.session.lane();
    await lane.send(response, this.session.revision);
    return true;
  }

  /** The server takes a question back: an answer would reach nobody who waits for it. */
  withdraw(cancelled: Message): void {
    const id = cancelled.params?.id('requestId');
    if (id === undefined || this.close(id, CANCELLED, WITHDRAWN)) return;
    for (const question of this.judging) if (question.id === id) this.judging.delete(question);
  }

  /** The server is gone, and with it whoever waited for the answers; or nobody is left to answer. */
  forget(detail: string): void {
    this.judging.clear();
    for (const id of [...this.open.keys()]) this.close(id, CANCELLED, detail);
  }

  /** A server must not wait for ever for a client that is away. */
  private expire(question: Message): void {
    const { rpcCode, text } = PROBLEMS.CLIENT_TIMEOUT;
    if (!this.close(question.id as RequestId, { ending: 'failed', rpcCode }, text)) return;
    this.refuse(question, rpcCode, text).catch((error: unknown) => {
      this.estate.log.info('a server was not told that its client is away', {
        server: this.session.server,
        error: String(error),
      });
    });
  }

  /** Each question is answered once, and its end is recorded. False when it is not open. */
  private close(id: RequestId, outcome: Outcome, detail: string | undefined, bytesOut = 0): boolean {
    const asked = this.open.get(id);
    if (asked === undefined) return false;
    this.open.delete(id);
    clearTimeout(asked.clock);
    const ended = { ...asked.call, startedAt: asked.startedAt, bytesOut };
    recordOutcome(this.estate, this.session.rules, ended, { outcome, status: 202, detail, reason: undefined });
    return true;
  }

  private async judge(message: Message, reply: Carrier | undefined): Promise<void> {
    const call = this.callOf(message);
    this.judging.add(message);
    const judged = await this.session.rules.decide.run(call);
    const isWanted = this.judging.delete(message);
    if (isStopped(judged)) {
      if (!isDenial(judged.verdict)) throw new Error(`step ${judged.step} answered a server request`);
      recordDenial(this.estate, this.session.rules, call, judged.step, judged.verdict);
      return this.refuse(message, judged.verdict.deny.rpcCode, judged.verdict.deny.text);
    }
    const id = message.id as RequestId;
    const startedAt = performance.now();
    if (!isWanted) {
      const end = { outcome: CANCELLED, status: 202, detail: WITHDRAWN, reason: undefined };
      return recordOutcome(this.estate, this.session.rules, { ...call, startedAt, bytesOut: 0 }, end);
    }
    if (this.open.size >= MAX_OPEN || this.open.has(id)) {
      const { rpcCode, status, text } = PROBLEMS.CLIENT_BUSY;
      const end = { outcome: { ending: 'failed', rpcCode }, status, detail: text, reason: undefined } as const;
      recordOutcome(this.estate, this.session.rules, { ...call, startedAt, bytesOut: 0 }, end);
      return this.refuse(message, rpcCode, text);
    }
    const clock = setTimeout(() => this.expire(message), this.session.answerTimeoutMs).unref();
    this.open.set(id, { call, startedAt, clock });
    const carrier = reply?.isDone === false ? reply : this.session.openReply();
    if (carrier !== undefined) carrier.message(message.bytes);
    // The client of this call is gone; when it comes back for the answer it finds the question too.
    else if (reply?.isKept === true && !this.session.outlet.isOpen) reply.message(message.bytes);
    else this.session.outlet.deliver(message.bytes);
  }

  private async refuse(message: Message, code: number, text: string): Promise<void> {
    const answer = scanMessage(writeError(message.id ?? undefined, { rpcCode: code, text }));
    if (isScanFailure(answer)) return;
    const lane = await this.session.lane();
    await lane.send(answer, this.session.revision);
  }

  private callOf(message: Message): Call {
    this.counter += 1;
    const { session } = this;
    const origin: CallOrigin = {
      decisionId: `${session.key}-s${this.counter}`,
      requestId: `${session.key}-s${this.counter}`,
      clientRequestId: undefined,
      sessionKey: session.key,
      peer: '',
      clientAddress: '',
      userAgent: undefined,
      route: 'server',
      httpMethod: '',
    };
    return {
      received: message,
      method: message.method as string,
      name: nameOf(message),
      principal: session.caller,
      server: session.server,
      revision: session.revision,
      direction: 'server-to-client',
      origin,
      capabilities: session.capabilities,
      tools: session.tools,
      rule: undefined,
    };
  }
}

import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { writeError } from '../jsonrpc/write.ts';
import type { Call, CallOrigin } from '../policy/call.ts';
import { isStopped } from '../policy/engine.ts';
import { isDenial } from '../policy/verdict.ts';
import { METHODS } from '../protocol/methods.ts';
import { nameOf, recordDenial, recordOutcome } from './call-record.ts';
import type { LegacySession } from './legacy-session.ts';
import { outcomeOf } from './outcome.ts';
import type { PostReply } from './post-reply.ts';
import type { Estate } from './services.ts';

/** Questions a server may have open with one client. */
const MAX_OPEN = 64;

interface Asked {
  readonly call: Call;
  readonly startedAt: number;
}

/**
 * What a legacy server asks its client (sampling, elicitation, roots), judged and recorded like any call, and the client's
 * answers, accepted only to questions that were asked on this session.
 */
export class ServerRequests {
  private readonly estate: Estate;
  private readonly session: LegacySession;
  private readonly open = new Map<RequestId, Asked>();
  private counter = 0;

  constructor(estate: Estate, session: LegacySession) {
    this.estate = estate;
    this.session = session;
  }

  mayNotify(message: Message): boolean {
    return METHODS[this.session.revision].serverNotifications.has(message.method ?? '');
  }

  /** Judges a request of the server's and hands it to the client, on the call's own stream if it has one. */
  receive(message: Message, reply: PostReply | undefined): boolean {
    void this.judge(message, reply).catch((error: unknown) => {
      this.estate.log.error('server request threw', { server: this.session.server, error: String(error) });
    });
    return true;
  }

  /** The client's answer to a question; false when that question was not asked here. */
  async answer(response: Message): Promise<boolean> {
    const id = response.id;
    const asked = id == null ? undefined : this.open.get(id);
    if (id == null || asked === undefined) return false;
    this.open.delete(id);
    const ended = { ...asked.call, startedAt: asked.startedAt, bytesOut: response.bytes.length };
    const end = { outcome: outcomeOf(response), status: 202, detail: undefined, reason: undefined };
    recordOutcome(this.estate, this.session.rules, ended, end);
    const lane = await this.session.lane();
    await lane.send(response, this.session.revision);
    return true;
  }

  /** The server is gone, and with it whoever waited for the answers. */
  forget(): void {
    this.open.clear();
  }

  private async judge(message: Message, reply: PostReply | undefined): Promise<void> {
    const call = this.callOf(message);
    const judged = await this.session.rules.decide.run(call);
    if (isStopped(judged)) {
      if (!isDenial(judged.verdict)) throw new Error(`step ${judged.step} answered a server request`);
      recordDenial(this.estate, this.session.rules, call, judged.step, judged.verdict);
      return this.refuse(message, judged.verdict.deny.rpcCode, judged.verdict.deny.text);
    }
    const id = message.id as RequestId;
    if (this.open.size >= MAX_OPEN || this.open.has(id)) {
      return this.refuse(message, -32603, 'Too many requests to this client are open');
    }
    this.open.set(id, { call, startedAt: performance.now() });
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

import { LaneToolDirectory } from '../catalog/tool-directory.ts';
import type { Principal, PrincipalId } from '../identity/principal.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import { writeNotification } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError, particular } from '../problem/problem.ts';
import { eraOf, isRevision, type Revision } from '../protocol/revisions.ts';
import type { SessionEntry } from '../session/session-table.ts';
import type { EndReason } from '../session/tickets.ts';
import { SessionReplay } from '../stream/session-replay.ts';
import type { Lane } from '../upstream/lane.ts';
import type { Carrier } from './carrier.ts';
import type { ForwardedCall, LaneSource } from './forwarded-call.ts';
import { introduce, ownMessage, requestedRevision } from './introduction.ts';
import { LaneWatch } from './lane-watch.ts';
import { outboundMessage } from './outbound-request.ts';
import { ServerRequests } from './server-requests.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';
import { SESSION_HEADER, type SessionId } from './session-id.ts';
import { type OutletStream, SessionOutlet } from './session-outlet.ts';
import { SessionProgress } from './session-progress.ts';
import type { SpokenOrder } from './spoken-order.ts';
import { StandingRequests } from './standing-requests.ts';

/**
 * One legacy client session: the lane to its server, the calls under way, the streams that are open, and what the server
 * has asked the client. When the server's side is lost (its child died, its session ended) the client's session lives on:
 * the next use opens a new lane and introduces the client again, as it introduced itself.
 */
export class LegacySession implements SessionEntry, LaneSource {
  readonly id: string;
  readonly key: string;
  readonly caller: Principal;
  readonly server: string;
  readonly tools: LaneToolDirectory;
  readonly requests: ServerRequests;
  /** Where messages go that belong to no call. */
  readonly outlet: SessionOutlet;
  /** The generation that judges what the server asks: that of the client's latest request. */
  rules: Generation;
  revision: Revision;
  capabilities: ReadonlySet<string> = new Set();

  private readonly estate: Estate;
  private plan: ServerPlan;
  private initialize: Message;
  private readonly standing = new StandingRequests();
  private readonly calls = new Map<RequestId, ForwardedCall>();
  private readonly progress: SessionProgress;
  private established = false;
  /** The server declared that it says when its list of tools changes, so the client may be told of ours. */
  private announcesTools = false;
  private current: Lane | undefined;
  private opening: Promise<Lane> | undefined;
  private ended = false;

  constructor(
    estate: Estate,
    rules: Generation,
    plan: ServerPlan,
    caller: Principal,
    id: SessionId,
    initialize: Message,
  ) {
    this.estate = estate;
    this.rules = rules;
    this.plan = plan;
    this.caller = caller;
    this.id = id.id;
    this.key = id.key;
    this.server = plan.id;
    this.initialize = initialize;
    this.revision = requestedRevision(initialize);
    const settings = { revision: this.revision, timeoutMs: plan.callTimeoutMs };
    this.tools = new LaneToolDirectory({ lane: () => this.lane(), giveBack: () => {} }, settings);
    this.requests = new ServerRequests(estate, this);
    this.outlet = new SessionOutlet(new SessionReplay(estate.replay, id.key.slice(0, 8)));
    this.progress = new SessionProgress(this.calls, this);
  }

  get principal(): PrincipalId {
    return this.caller.id;
  }

  get busy(): boolean {
    return this.calls.size > 0 || this.outlet.isOpen;
  }

  /** Calls under way. */
  get callCount(): number {
    return this.calls.size;
  }

  /** `initialize` was answered with success. */
  get isEstablished(): boolean {
    return this.established;
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  /** A call of this session by the client's own id. */
  callOf(id: RequestId): ForwardedCall | undefined {
    return this.calls.get(id);
  }

  /** A reload may have brought other rules, or another upstream for the next lane. */
  adopt(rules: Generation, plan: ServerPlan): void {
    this.rules = rules;
    this.plan = plan;
  }

  lane(): Lane | Promise<Lane> {
    if (this.current !== undefined) return this.current;
    this.refuseIfEnded();
    this.opening ??= this.open().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  begin(call: ForwardedCall): void {
    if (!this.calls.has(call.id)) this.calls.set(call.id, call);
  }

  /** `closed` says so too, and lets go of it. */
  lost(): void {}

  finished(call: ForwardedCall): void {
    if (this.calls.get(call.id) === call) this.calls.delete(call.id);
    if (!this.busy) this.estate.sessions.rests(this);
    if (call.received === this.initialize && !this.established) this.abandon(call.carrier);
  }

  get order(): SpokenOrder {
    return this.requests.order;
  }

  asked(message: Message, reply: Carrier, lane: Lane): boolean {
    return this.requests.receive(message, reply, lane);
  }

  withdrawn(message: Message, lane: Lane): void {
    this.requests.withdraw(message, lane);
  }

  astray(progress: Message): void {
    this.progress.told(progress);
  }

  /** How long the server waits for its client: as long as the client waits for the server. */
  get answerTimeoutMs(): number {
    return this.plan.callTimeoutMs;
  }

  /** The answer to `initialize` settles the revision; every other answer passes. */
  settling(call: ForwardedCall, response: Message): Problem | undefined {
    this.progress.settling(call, response);
    if (response.kind !== 'result') return undefined;
    if (call.received !== this.initialize) {
      this.standing.granted(call.received);
      return undefined;
    }
    const version = response.result?.string('protocolVersion');
    if (version === undefined || !isRevision(version) || eraOf(version) !== 'legacy') {
      return particular(PROBLEMS.UPSTREAM_INVALID, 'The server negotiated a protocol version that is not served here');
    }
    this.revision = version;
    this.capabilities = new Set(this.initialize.params?.object('capabilities')?.keys() ?? []);
    this.announcesTools = response.result?.object('capabilities')?.object('tools')?.boolean('listChanged') === true;
    this.established = true;
    // Kept as long as the session: without the buffer it was read into.
    this.initialize = ownMessage(Buffer.from(this.initialize.bytes));
    // Older clients take an event without data for a message they cannot read.
    this.outlet.replay.primes = version >= '2025-11-25';
    return undefined;
  }

  /** Something the server says outside any call. */
  message(message: Message, lane: Lane): boolean {
    // Nobody resumes what is said outside any call: it must not be made to pause.
    if (message.kind === 'request') this.requests.receive(message, undefined, lane);
    if (message.method === 'notifications/tools/list_changed') this.tools.forget();
    if (message.method === 'notifications/cancelled') this.requests.withdraw(message, lane);
    else if (this.requests.mayNotify(message) && !this.progress.told(message)) this.deliver(message.bytes);
    return true;
  }

  /** In its turn among what the server says. */
  deliver(message: Buffer): boolean {
    if (!this.order.isHeld) return this.outlet.deliver(message);
    if (!this.order.isFull) this.order.add(message.length, () => this.outlet.deliver(message));
    return true;
  }

  /** The rules changed which tools of the server its clients see. */
  toolsChanged(): void {
    if (this.announcesTools) this.outlet.deliver(TOOLS_CHANGED);
  }

  /** The server's side is gone; ours stays until the client or the idle time ends it. */
  closed(lane: Lane, problem: Problem, detail: string): void {
    if (this.ended) return;
    this.current = undefined;
    this.tools.forget();
    this.progress.forget();
    this.requests.forget('the server is gone', lane);
    this.estate.log.warn('server side of a session was lost', {
      server: this.server,
      session: this.key,
      code: problem.code,
      detail,
    });
  }

  /** Some clients listen without ever having said that they are initialized. */
  heardOn(stream: OutletStream): void {
    this.outlet.opened(stream);
    this.current?.attend?.();
  }

  /** A reply of a call under way that can carry a message to a client without a GET stream. */
  openReply(): Carrier | undefined {
    if (this.outlet.isOpen) return undefined;
    for (const call of this.calls.values()) if (call.canCarry) return call.carrier;
    return undefined;
  }

  /** The stream that carries every call was read again. */
  caughtUp(): void {
    for (const call of this.calls.values()) call.clientCaughtUp();
  }

  end(reason: EndReason): void {
    if (this.ended) return;
    this.ended = true;
    for (const call of [...this.calls.values()]) call.end(reason);
    this.outlet.end(reason);
    this.requests.forget('the session ended');
    this.current?.release();
    this.current = undefined;
  }

  private async open(): Promise<Lane> {
    const lane = await this.plan.upstream.lease({
      principal: this.principal,
      era: 'legacy',
      revision: this.revision,
      session: this.id,
    });
    try {
      this.refuseIfEnded();
      const watch = new LaneWatch(this, lane);
      lane.listen(watch);
      if (this.established) await this.introduceAgain(lane);
      this.refuseIfEnded();
      if (watch.lost !== undefined) throw watch.lost;
      this.current = lane;
      return lane;
    } catch (error) {
      // A lane that nobody took must not keep its child.
      lane.release();
      this.requests.forget('the server is gone', lane);
      throw error;
    }
  }

  private refuseIfEnded(): void {
    if (!this.ended) return;
    throw new ProblemError(PROBLEMS.SESSION_NOT_FOUND, 'the session has ended');
  }

  /** As the client introduced itself, and with what the server had granted it. */
  private async introduceAgain(lane: Lane): Promise<void> {
    const { callTimeoutMs } = this.plan;
    const hear = (message: Message): boolean => this.message(message, lane);
    await introduce(lane, outboundMessage(this.plan, this.initialize), this.revision, callTimeoutMs, hear);
    const refused = await this.standing.repeat(lane, this.revision, callTimeoutMs, hear);
    if (refused === 0) return;
    this.estate.log.warn('a server did not take up again what it had granted a session', {
      server: this.server,
      session: this.key,
      refused,
    });
  }

  /** `initialize` failed: there never was a session. */
  private abandon(reply: Carrier): void {
    reply.dropHeader(SESSION_HEADER);
    this.estate.sessions.remove(this.id);
    this.end('session-ended');
  }
}

const TOOLS_CHANGED = writeNotification('notifications/tools/list_changed');

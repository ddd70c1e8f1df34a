import type { ServerResponse } from 'node:http';
import { randomId } from '../crypto/random.ts';
import { emptyResponse, send } from '../http/outbound-response.ts';
import type { Principal } from '../identity/principal.ts';
import type { Message } from '../jsonrpc/message.ts';
import { type CallOrigin, ModernFacts } from '../policy/call.ts';
import type { Exchange, Inbound } from '../policy/exchange.ts';
import { refuse } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, particular } from '../problem/problem.ts';
import { LISTEN } from '../protocol/methods.ts';
import { eraOf, isRevision, type Revision } from '../protocol/revisions.ts';
import { ForwardedCall, type LaneSource } from './forwarded-call.ts';
import { forwardNotification } from './forwarded-notification.ts';
import { LegacySession } from './legacy-session.ts';
import { ModernSource } from './modern-source.ts';
import { PostReply } from './post-reply.ts';
import type { ReceivedCall } from './received-call.ts';
import type { Refuser } from './refuser.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';
import { SESSION_HEADER, sessionIdOf, sessionKeyOf } from './session-id.ts';
import { Subscription } from './subscription.ts';

/** Messages in one batch (2025-03-26): each is judged, recorded and sent, so the body's size alone does not bound the work. */
const MAX_BATCH = 100;

/** It is kept as long as its session, to introduce the client to a server again. */
export const MAX_INITIALIZE_BYTES = 65_536;
export const INITIALIZE_TOO_LARGE = refuse(
  particular(PROBLEMS.INVALID_REQUEST, `initialize may have ${MAX_INITIALIZE_BYTES} bytes`),
  'session.initialize-shape',
);

/** The messages of one POST, on the way to one server. */
export interface PostContext {
  readonly estate: Estate;
  readonly rules: Generation;
  readonly plan: ServerPlan;
  readonly x: Exchange;
  readonly response: ServerResponse;
  readonly refuser: Refuser;
}

/** POST on a server's route: requests, notifications, answers to the server's own requests. Never rejects. */
export async function mcpPost(context: PostContext): Promise<void> {
  const inbound = context.x.inbound as Inbound;
  if (inbound.era === 'modern') {
    const { estate, plan, x } = context;
    const revision = inbound.revision as Revision;
    return forward(context, new ModernSource(estate, plan, x.principal as Principal, revision), revision);
  }
  const initialize = inbound.messages.find((message) => message.method === 'initialize');
  return initialize === undefined ? legacyPost(context, inbound) : openSession(context, inbound, initialize);
}

async function openSession(context: PostContext, inbound: Inbound, initialize: Message): Promise<void> {
  const { estate, rules, plan, x } = context;
  // 2025-11-25, lifecycle: initialize must not be part of a batch; and a session cannot be opened inside another.
  if (inbound.messages.length > 1 || initialize.kind !== 'request') {
    return context.refuser.message(x, context.response, refuse(PROBLEMS.INVALID_REQUEST, 'session.initialize-shape'));
  }
  if (initialize.bytes.length > MAX_INITIALIZE_BYTES) {
    return context.refuser.message(x, context.response, INITIALIZE_TOO_LARGE);
  }
  const principal = x.principal as Principal;
  const full = estate.sessions.noRoomFor(principal.id);
  if (full !== undefined) {
    return context.refuser.message(x, context.response, refuse(PROBLEMS.TOO_MANY_SESSIONS, full));
  }
  const id = randomId(24);
  x.sessionKey = sessionKeyOf(id);
  const session = new LegacySession(estate, rules, plan, principal, { id, key: x.sessionKey }, initialize);
  estate.sessions.add(session);
  return forward(context, session, session.revision, id);
}

async function legacyPost(context: PostContext, inbound: Inbound): Promise<void> {
  const { x, response, refuser } = context;
  const session = findSession(context);
  if (!(session instanceof LegacySession)) return refuser.message(x, response, refuse(session, 'session.not-found'));
  const unfit = refuseUnfit(x, inbound, session);
  if (unfit !== undefined) return refuser.message(x, response, refuse(unfit, 'session.protocol'));
  for (const message of inbound.messages) {
    if (message.kind !== 'result' && message.kind !== 'error') continue;
    if (!(await deliverAnswer(context, session, message))) return;
  }
  return forward(context, session, session.revision);
}

/** The session the caller names, if it is theirs; a foreign one is answered exactly like one that never was. */
export function findSession(context: PostContext): LegacySession | Problem {
  const { estate, rules, plan, x } = context;
  const id = sessionIdOf(x.headers.sessionId);
  if (id === undefined) {
    return x.headers.sessionId === undefined ? PROBLEMS.SESSION_REQUIRED : PROBLEMS.SESSION_NOT_FOUND;
  }
  x.sessionKey = sessionKeyOf(id);
  const session = estate.sessions.find(id, (x.principal as Principal).id, plan.id);
  session?.adopt(rules, plan);
  return session ?? PROBLEMS.SESSION_NOT_FOUND;
}

function refuseUnfit(x: Exchange, inbound: Inbound, session: LegacySession): Problem | undefined {
  const version = x.headers.protocolVersion;
  if (version !== undefined && !(isRevision(version) && eraOf(version) === 'legacy')) return PROBLEMS.INVALID_REQUEST;
  if (inbound.batch && session.revision !== '2025-03-26') return PROBLEMS.BATCH_NOT_ALLOWED;
  if (inbound.messages.length > MAX_BATCH) {
    return particular(PROBLEMS.INVALID_REQUEST, `A batch may have ${MAX_BATCH} messages`);
  }
  const requests = inbound.messages.filter((message) => message.kind === 'request');
  const ids = new Set(requests.map((message) => message.id));
  if (ids.size !== requests.length)
    return particular(PROBLEMS.INVALID_REQUEST, 'Two requests of one batch share an id');
  const busy = requests.find((message) => message.id != null && session.callOf(message.id) !== undefined);
  return busy === undefined
    ? undefined
    : particular(PROBLEMS.INVALID_REQUEST, 'A request with this id is still being answered');
}

/** Hands over the client's answer to a question of the server's. False when it was refused and the client told so. */
export async function deliverAnswer(context: PostContext, session: LegacySession, message: Message): Promise<boolean> {
  const { x, response, refuser } = context;
  try {
    if (await session.requests.answer(message)) return true;
    const unasked = particular(PROBLEMS.INVALID_REQUEST, 'The server asked nothing under this id');
    refuser.message(x, response, refuse(unasked, 'session.answer-unasked'));
  } catch (error) {
    refuser.failure(x, response, error);
  }
  return false;
}

/** Sends every request and notification of the POST on its way, in their order; 202 when there is nothing to wait for. */
async function forward(
  context: PostContext,
  source: LaneSource,
  revision: Revision,
  openedSession?: string,
): Promise<void> {
  const { estate, rules, plan, x, response } = context;
  const { messages } = x.inbound as Inbound;
  const awaited = messages.reduce((count, { kind }) => (kind === 'request' ? count + 1 : count), 0);
  if (awaited === 0) return notify(context, source, revision);
  // Who has no session yet has nothing to resume: the answer to `initialize` names it.
  const resumable = source instanceof LegacySession && openedSession === undefined ? source.outlet.replay : undefined;
  const reply = new PostReply(estate, rules, x, response, awaited, resumable);
  if (openedSession !== undefined) reply.addHeader(SESSION_HEADER, openedSession);
  if (messages.length === 1) return callOf(context, source, revision, reply, 0).run();
  const leaving: Promise<void>[] = [];
  for (const [index, message] of messages.entries()) {
    if (message.kind === 'request') leaving.push(callOf(context, source, revision, reply, index).run());
    else if (message.kind === 'notification') {
      // What it is about may stand before it: a call that it takes back.
      await Promise.all(leaving);
      await forwardNotification(estate, rules, plan, source, { message, revision, origin: originOf(x, index), x });
    }
  }
  await Promise.all(leaving);
}

/** A POST without a request: what became of its notifications is the answer. */
async function notify(context: PostContext, source: LaneSource, revision: Revision): Promise<void> {
  const { estate, rules, plan, x, response, refuser } = context;
  for (const [index, message] of (x.inbound as Inbound).messages.entries()) {
    if (message.kind !== 'notification') continue;
    const parts = { message, revision, origin: originOf(x, index), x };
    const problem = await forwardNotification(estate, rules, plan, source, parts);
    if (problem !== undefined) return refuser.answered(x, response, problem);
  }
  send(response, emptyResponse(202), x.responseHeaders, false);
}

function callOf(
  { estate, rules, plan, x }: PostContext,
  source: LaneSource,
  revision: Revision,
  reply: PostReply,
  index: number,
): ReceivedCall {
  const message = (x.inbound as Inbound).messages[index] as Message;
  const isModern = eraOf(revision) === 'modern';
  const parts = {
    message,
    principal: x.principal as Principal,
    revision,
    origin: originOf(x, index),
    modern: isModern ? new ModernFacts(x.headers) : undefined,
  };
  // On the older revisions the method is unknown, and refused like any other that is.
  const listens = message.method === LISTEN && isModern;
  return new (listens ? Subscription : ForwardedCall)(estate, rules, plan, source, reply, parts);
}

/** @param index of the message in its POST */
export function originOf(x: Exchange, index: number): CallOrigin {
  return {
    decisionId: index === 0 ? x.id : `${x.id}.${index}`,
    requestId: x.requestId,
    clientRequestId: x.clientRequestId,
    sessionKey: x.sessionKey,
    peer: x.peer,
    client: x.client,
    clientAddress: x.clientAddress,
    clientCertificate: x.connection.certificate?.fingerprint,
    isLocalhost: x.isLocalhost,
    connection: x.connection,
    userAgent: x.headers.userAgent,
    route: x.route.path,
    httpMethod: 'POST',
  };
}

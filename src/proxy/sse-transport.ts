import { randomId } from '../crypto/random.ts';
import { accepts } from '../http/accept.ts';
import { emptyResponse, send } from '../http/outbound-response.ts';
import type { Principal } from '../identity/principal.ts';
import type { Message, RequestId } from '../jsonrpc/message.ts';
import { writeResult } from '../jsonrpc/write.ts';
import type { Inbound } from '../policy/exchange.ts';
import { type Denial, refuse } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { particular } from '../problem/problem.ts';
import { ForwardedCall } from './forwarded-call.ts';
import { forwardNotification } from './forwarded-notification.ts';
import { LegacySession } from './legacy-session.ts';
import { deliverAnswer, INITIALIZE_TOO_LARGE, MAX_INITIALIZE_BYTES, originOf, type PostContext } from './mcp-post.ts';
import { sessionIdOf, sessionKeyOf } from './session-id.ts';
import { answeredRow } from './session-record.ts';
import { SseChannel } from './sse-channel.ts';

/**
 * Calls of one session under way. Each POST is over at once on this transport, so connections do not bound what a client may
 * have waiting.
 */
const MAX_CALLS = 256;

const invalidRequest = (text: string) => particular(PROBLEMS.INVALID_REQUEST, text);

/** Its body was not read, so nothing after it can be. */
const ONLY_GET = refuse(PROBLEMS.METHOD_NOT_ALLOWED, 'route.verb', { headers: ['Allow', 'GET'], close: true });
const ONLY_POST = refuse(PROBLEMS.METHOD_NOT_ALLOWED, 'route.verb', { headers: ['Allow', 'POST'] });
const NO_QUERY = refuse(particular(PROBLEMS.MALFORMED_REQUEST, 'This address takes no query'), 'session.query');
const BAD_QUERY = refuse(
  particular(PROBLEMS.MALFORMED_REQUEST, 'The query must be sessionId=… and nothing else'),
  'session.query',
);
const NO_SESSION_ID = refuse(
  particular(PROBLEMS.SESSION_REQUIRED, 'The query must name the session: POST to the address the endpoint event gave'),
  'session.query',
);
const UNKNOWN = refuse(PROBLEMS.SESSION_NOT_FOUND, 'session.not-found');
const BATCH = refuse(PROBLEMS.BATCH_NOT_ALLOWED, 'session.protocol');
const MODERN = refuse(
  particular(
    PROBLEMS.ERA_MISMATCH,
    'This transport carries revisions up to 2025-11-25; POST to the MCP endpoint instead',
  ),
  'session.protocol',
);
const NOT_YET = refuse(invalidRequest('initialize comes first on this stream'), 'session.protocol');
const AGAIN = refuse(invalidRequest('This stream already has its session'), 'session.initialize-shape');
const TOO_MANY = refuse(PROBLEMS.TOO_MANY_CALLS, 'session.calls');
const SAME_ID = refuse(invalidRequest('A request with this id is still being answered'), 'session.protocol');

/** The stream of an HTTP+SSE client (MCP 2024-11-05, transports). Its first event says where to POST. */
export async function sseStream(context: PostContext): Promise<void> {
  const { estate, rules, x, response, refuser } = context;
  const principal = x.principal as Principal;
  const denial = refuseStream(context, principal);
  if (denial !== undefined) return refuser.request(x, response, 'session', denial);
  if (!estate.streamQuota.take(principal.id)) {
    const full = refuse(PROBLEMS.TOO_MANY_STREAMS, 'streams.max_per_principal');
    return refuser.request(x, response, 'session', full);
  }
  const id = randomId(24);
  x.sessionKey = sessionKeyOf(id);
  const endpoint = `${rules.publicPath}${x.route.path.slice(0, -'sse'.length)}messages?sessionId=${id}`;
  new SseChannel(estate, rules, { id, key: x.sessionKey }, x, response, endpoint);
}

function refuseStream({ estate, rules, plan, x }: PostContext, principal: Principal): Denial | undefined {
  if (x.request.method !== 'GET') return ONLY_GET;
  if (x.request.url?.includes('?') === true) return NO_QUERY;
  // 2024-11-05 asks for no Accept header; a client that sends one must mean it.
  if (x.headers.accept !== undefined && !accepts(x.headers.accept, 'text/event-stream')) {
    return refuse(PROBLEMS.NOT_ACCEPTABLE, 'session.accept');
  }
  if (!rules.stillAccepts(principal.id, plan.id)) return refuse(PROBLEMS.INVALID_TOKEN, 'token.unknown');
  const full = estate.sessions.noRoomFor(principal.id);
  return full === undefined ? undefined : refuse(PROBLEMS.TOO_MANY_SESSIONS, full);
}

/** One message of an HTTP+SSE client. The POST says that it was taken; whatever there is to answer goes over the stream. */
export async function sseMessage(context: PostContext): Promise<void> {
  const { estate, rules, plan, x, response, refuser } = context;
  const denied = (denial: Denial): void => refuser.message(x, response, denial);
  if (x.request.method !== 'POST') return refuser.request(x, response, 'routes', ONLY_POST);
  const id = sessionIdIn(x.request.url ?? '');
  if (typeof id !== 'string') return denied(id);
  x.sessionKey = sessionKeyOf(id);
  const channel = estate.channels.find(id, (x.principal as Principal).id, plan.id);
  if (channel === undefined) return denied(UNKNOWN);
  const { batch, era, messages } = x.inbound as Inbound;
  if (era === 'modern') return denied(MODERN);
  if (batch) return denied(BATCH);
  const message = messages[0] as Message;
  if (message.method === 'initialize') return openSession(context, channel, message);
  const { session } = channel;
  if (session?.isEstablished !== true) {
    return message.kind === 'request' && message.method === 'ping' ? pong(context, channel, message) : denied(NOT_YET);
  }
  session.adopt(rules, plan);
  if (message.kind === 'request') return request(context, channel, session, message);
  if (message.kind !== 'notification') {
    if (!(await deliverAnswer(context, session, message))) return;
  } else {
    const { revision } = session;
    const parts = { message, revision, origin: originOf(x, 0), x };
    const problem = await forwardNotification(estate, rules, plan, session, parts);
    if (problem !== undefined) return refuser.answered(x, response, problem);
  }
  send(response, emptyResponse(202), x.responseHeaders, false);
}

async function openSession(context: PostContext, channel: SseChannel, initialize: Message): Promise<void> {
  const { estate, rules, plan, x, response, refuser } = context;
  const denied = (denial: Denial): void => refuser.message(x, response, denial);
  if (initialize.kind !== 'request') return denied(refuse(PROBLEMS.INVALID_REQUEST, 'session.initialize-shape'));
  if (channel.session !== undefined) return denied(AGAIN);
  if (initialize.bytes.length > MAX_INITIALIZE_BYTES) return denied(INITIALIZE_TOO_LARGE);
  const principal = x.principal as Principal;
  const full = estate.sessions.noRoomFor(principal.id);
  if (full !== undefined) return denied(refuse(PROBLEMS.TOO_MANY_SESSIONS, full));
  // An id nobody is told: on the newer transport this session does not exist.
  const id = { id: randomId(24), key: channel.key };
  const session = new LegacySession(estate, rules, plan, principal, id, initialize);
  estate.sessions.add(session);
  channel.begin(session);
  return request(context, channel, session, initialize);
}

/** Before there is a server to ask: pings may come at any time (MCP 2024-11-05, lifecycle). */
function pong({ estate, x, response }: PostContext, channel: SseChannel, ping: Message): void {
  send(response, emptyResponse(202), x.responseHeaders, false);
  channel.write(writeResult(ping.id as RequestId, '{}'));
  estate.audit.note({ ...answeredRow(x), method: 'ping', jsonrpc_id: ping.id ?? undefined, status: 202 });
}

async function request(
  context: PostContext,
  channel: SseChannel,
  session: LegacySession,
  message: Message,
): Promise<void> {
  const { estate, rules, plan, x, response, refuser } = context;
  if (message.id != null && session.callOf(message.id) !== undefined) return refuser.message(x, response, SAME_ID);
  if (session.callCount >= MAX_CALLS) return refuser.message(x, response, TOO_MANY);
  const call = new ForwardedCall(estate, rules, plan, session, channel, {
    message,
    principal: x.principal as Principal,
    revision: session.revision,
    origin: originOf(x, 0),
    modern: undefined,
  });
  send(response, emptyResponse(202), x.responseHeaders, false);
  await call.run();
}

const NAME = 'sessionId=';

/**
 * The session a target names. Nothing but `sessionId` may stand in the query, once: a second one could be read by somebody
 * else, and a credential does not belong where addresses are logged.
 */
function sessionIdIn(target: string): string | Denial {
  const at = target.indexOf('?');
  const query = at === -1 ? '' : target.slice(at + 1);
  if (query === '' || query === NAME) return NO_SESSION_ID;
  if (!query.startsWith(NAME)) return BAD_QUERY;
  const id = query.slice(NAME.length);
  if (/[&;=%+]/.test(id)) return BAD_QUERY;
  return sessionIdOf(id) ?? UNKNOWN;
}

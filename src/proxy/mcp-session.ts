import { accepts } from '../http/accept.ts';
import { emptyResponse, send } from '../http/outbound-response.ts';
import type { Principal } from '../identity/principal.ts';
import { refuse } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { unsupportedVersion } from '../protocol/classify.ts';
import { eraOf, isRevision } from '../protocol/revisions.ts';
import { LegacySession } from './legacy-session.ts';
import { findSession, type PostContext } from './mcp-post.ts';
import { recordSessionEnd } from './session-record.ts';
import { SessionStream } from './session-stream.ts';

/** GET on a server's route: the stream of a legacy session. The modern era has none (405). */
export async function mcpGet(context: PostContext): Promise<void> {
  const { estate, rules, x, response, refuser } = context;
  const session = legacySession(context);
  if (session === undefined) return;
  if (x.headers.accept === undefined || !accepts(x.headers.accept, 'text/event-stream')) {
    return refuser.request(x, response, 'session', refuse(PROBLEMS.NOT_ACCEPTABLE, 'session.accept'));
  }
  if (!rules.stillAccepts(session.principal, session.server)) {
    return refuser.request(x, response, 'session', refuse(PROBLEMS.INVALID_TOKEN, 'token.unknown'));
  }
  const { lastEventId } = x.headers;
  const place = lastEventId === undefined ? undefined : session.outlet.replay.find(lastEventId);
  if (lastEventId !== undefined && place === undefined) {
    return refuser.request(x, response, 'session', refuse(PROBLEMS.EVENT_NOT_FOUND, 'session.event-not-found'));
  }
  if (!estate.streamQuota.take((x.principal as Principal).id)) {
    const denial = refuse(PROBLEMS.TOO_MANY_STREAMS, 'streams.max_per_principal');
    return refuser.request(x, response, 'session', denial);
  }
  new SessionStream(estate, rules, session, x, response, place);
}

/** DELETE on a server's route ends the session (MCP 2025-11-25, transports "Session Management"). */
export async function mcpDelete(context: PostContext): Promise<void> {
  const { estate, x, response } = context;
  const session = legacySession(context);
  if (session === undefined) return;
  estate.sessions.remove(session.id);
  session.end('session-ended');
  recordSessionEnd(estate, x, 204);
  send(response, emptyResponse(204), x.responseHeaders, false);
}

function legacySession(context: PostContext): LegacySession | undefined {
  const { x, response, refuser } = context;
  const version = x.headers.protocolVersion;
  if (version !== undefined && eraOf(version) === 'modern') {
    refuser.request(
      x,
      response,
      'session',
      refuse(PROBLEMS.METHOD_NOT_ALLOWED, 'protocol.verb', { headers: ['Allow', 'POST'] }),
    );
    return undefined;
  }
  if (version !== undefined && !isRevision(version)) {
    const denial = refuse(unsupportedVersion(version), 'protocol.unsupported-protocol-version');
    refuser.request(x, response, 'session', denial);
    return undefined;
  }
  const session = findSession(context);
  if (session instanceof LegacySession) return session;
  refuser.request(x, response, 'session', refuse(session, 'session.not-found'));
  return undefined;
}

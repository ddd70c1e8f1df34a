import type { AuditRow } from '../audit/record.ts';
import type { Exchange } from '../policy/exchange.ts';
import type { Estate } from './services.ts';

/** The record of what the gateway did for a caller by itself: no server was asked, so there is no call to record. */
export function answeredRow(x: Exchange): AuditRow {
  return {
    type: 'outcome',
    decision_id: x.id,
    request_id: x.requestId,
    client_request_id: x.clientRequestId,
    session_id: x.sessionKey,
    peer: x.peer,
    client: x.clientAddress,
    client_certificate: x.connection.certificate?.fingerprint,
    user_agent: x.headers.userAgent,
    principal: x.principal?.id,
    principal_name: x.principal?.name,
    route: x.route.path,
    server: x.route.server,
    http_method: x.request.method,
    outcome: 'ok',
    duration_ms: performance.now() - x.startedAt,
  };
}

/** The client ended its session. */
export function recordSessionEnd(estate: Estate, x: Exchange, status: number): void {
  estate.audit.note({ ...answeredRow(x), reason: 'session-ended', status });
}

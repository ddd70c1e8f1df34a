import type { AuditPrefix, AuditRow } from '../audit/record.ts';
import type { Principal } from '../identity/principal.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { Call } from './call.ts';
import type { Decision } from './engine.ts';
import { pass, refuse, type Verdict } from './verdict.ts';

/** What the step needs of the audit log. */
export interface IntentSink {
  /** Resolves when the row is as durable as configured. @throws ProblemError AUDIT_UNAVAILABLE */
  write(row: AuditRow): void | Promise<void>;
}

/** The fields of a principal and of a server, escaped once and used by every row about them. */
export interface PrefixSource {
  ofPrincipal(principal: Principal): AuditPrefix;
  ofServer(server: string): AuditPrefix;
}

/** The record of a call that was allowed, before it leaves. If it cannot be written, the call does not leave. */
export function auditIntent(audit: IntentSink, prefixes: PrefixSource): Decision {
  const written = pass('audit-intent.written');
  const unavailable = refuse(PROBLEMS.AUDIT_UNAVAILABLE, 'audit.unavailable');
  const failed = (error: unknown): Verdict => {
    if (error instanceof ProblemError) return unavailable;
    throw error;
  };
  return {
    name: 'audit-intent',
    evaluate(call) {
      try {
        const pending = audit.write(intentOf(call, prefixes));
        return pending instanceof Promise ? pending.then(() => written, failed) : written;
      } catch (error) {
        return failed(error);
      }
    },
  };
}

function intentOf(call: Call, prefixes: PrefixSource): AuditRow {
  const { origin, received } = call;
  return {
    type: 'decision',
    who: prefixes.ofPrincipal(call.principal),
    where: prefixes.ofServer(call.server),
    decision_id: origin.decisionId,
    request_id: origin.requestId,
    client_request_id: origin.clientRequestId,
    session_id: origin.sessionKey,
    peer: origin.peer,
    client: origin.clientAddress,
    client_certificate: origin.clientCertificate,
    user_agent: origin.userAgent,
    route: origin.route,
    http_method: origin.httpMethod,
    method: call.method,
    tool: call.name,
    jsonrpc_id: received.id ?? undefined,
    verdict: 'allow',
    policy: 'authorize',
    rule: call.rule,
    bytes_in: received.bytes.length,
  };
}

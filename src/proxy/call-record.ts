import type { AuditRow } from '../audit/record.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { Call } from '../policy/call.ts';
import type { Denial } from '../policy/verdict.ts';
import { NAME_PARAMETER } from '../protocol/methods.ts';
import type { Outcome } from './outcome.ts';
import type { Estate, Generation } from './services.ts';

/** What a message names: the tool, prompt, resource or task. */
export function nameOf(message: Message): string | undefined {
  const parameter = NAME_PARAMETER.get(message.method ?? '');
  return parameter === undefined ? undefined : message.params?.string(parameter);
}

/** A call as the record needs it when it is over. */
export interface EndedCall extends Call {
  readonly startedAt: number;
  readonly bytesOut: number;
}

export interface CallEnd {
  readonly outcome: Outcome;
  readonly status: number;
  /** Private: what the server or the connection did wrong. */
  readonly detail: string | undefined;
  readonly reason: string | undefined;
}

/** The record of a call that was refused: the decision and the outcome in one row. */
export function recordDenial(estate: Estate, rules: Generation, call: Call, step: string, denial: Denial): void {
  estate.metrics.verdict(step, denial.reason, 'deny');
  estate.audit.note({
    ...common('decision', rules, call),
    verdict: 'deny',
    policy: step,
    rule: denial.rule,
    reason: denial.reason,
    status: denial.deny.status,
    outcome: 'refused',
    rpc_code: denial.deny.rpcCode,
    bytes_in: call.received.bytes.length,
    detail: denial.detail,
  });
}

/** The record of how an allowed call ended. */
export function recordOutcome(estate: Estate, rules: Generation, call: EndedCall, end: CallEnd): void {
  const duration = performance.now() - call.startedAt;
  estate.metrics.callDuration(call.server, duration / 1_000);
  estate.audit.note({
    ...common('outcome', rules, call),
    status: end.status,
    outcome: end.outcome.ending,
    rpc_code: end.outcome.rpcCode,
    reason: end.reason,
    bytes_out: call.bytesOut,
    duration_ms: duration,
    upstream_error: end.detail,
  });
}

function common(type: AuditRow['type'], rules: Generation, call: Call): AuditRow {
  const { origin } = call;
  return {
    type,
    who: rules.prefixes.ofPrincipal(call.principal),
    where: rules.prefixes.ofServer(call.server),
    decision_id: origin.decisionId,
    request_id: origin.requestId,
    session_id: origin.sessionKey,
    peer: origin.peer,
    client: origin.clientAddress,
    route: origin.route,
    http_method: origin.httpMethod,
    method: call.method,
    tool: call.name,
    jsonrpc_id: call.received.id ?? undefined,
  };
}

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

/** What the record needs of a call: not its bytes, which may be long gone. */
export interface RecordedCall extends Pick<Call, 'method' | 'name' | 'principal' | 'server' | 'origin'> {
  readonly received: Pick<Message, 'id'>;
}

/** A call as the record needs it when it is over. */
export interface EndedCall extends RecordedCall {
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
  const row = new CallRow('decision', rules, call);
  row.verdict = 'deny';
  row.policy = step;
  row.rule = denial.rule;
  row.reason = denial.reason;
  row.status = denial.deny.status;
  row.outcome = 'refused';
  row.rpc_code = denial.deny.rpcCode;
  row.bytes_in = call.received.bytes.length;
  row.detail = denial.detail;
  estate.audit.note(row);
}

/** The record of how an allowed call ended. */
export function recordOutcome(estate: Estate, rules: Generation, call: EndedCall, end: CallEnd): void {
  const duration = performance.now() - call.startedAt;
  estate.metrics.callDuration(call.server, duration / 1_000);
  const row = new CallRow('outcome', rules, call);
  row.status = end.status;
  row.outcome = end.outcome.ending;
  row.rpc_code = end.outcome.rpcCode;
  row.reason = end.reason;
  row.bytes_out = call.bytesOut;
  row.duration_ms = duration;
  row.upstream_error = end.detail;
  estate.audit.note(row);
}

/**
 * What every row about a call has, and room for the rest. One is made for each call, so its shape is fixed: spreading the
 * common fields into a literal of this size made V8 build a hash table for each row (7 µs and 3.5 KB that outlived it).
 */
class CallRow implements AuditRow {
  readonly type: AuditRow['type'];
  readonly who: AuditRow['who'];
  readonly where: AuditRow['where'];
  readonly decision_id: string;
  readonly request_id: string;
  readonly session_id: string | undefined;
  readonly peer: string;
  readonly client: string;
  readonly client_certificate: string | undefined;
  readonly route: string;
  readonly http_method: string;
  readonly method: string;
  readonly tool: string | undefined;
  readonly jsonrpc_id: AuditRow['jsonrpc_id'];
  verdict: AuditRow['verdict'] = undefined;
  policy: string | undefined = undefined;
  rule: string | undefined = undefined;
  reason: string | undefined = undefined;
  status: number | undefined = undefined;
  outcome: AuditRow['outcome'] = undefined;
  rpc_code: number | undefined = undefined;
  bytes_in: number | undefined = undefined;
  bytes_out: number | undefined = undefined;
  duration_ms: number | undefined = undefined;
  upstream_error: string | undefined = undefined;
  detail: string | undefined = undefined;

  constructor(type: AuditRow['type'], rules: Generation, call: RecordedCall) {
    const { origin } = call;
    this.type = type;
    this.who = rules.prefixes.ofPrincipal(call.principal);
    this.where = rules.prefixes.ofServer(call.server);
    this.decision_id = origin.decisionId;
    this.request_id = origin.requestId;
    this.session_id = origin.sessionKey;
    this.peer = origin.peer;
    this.client = origin.clientAddress;
    this.client_certificate = origin.clientCertificate;
    this.route = origin.route;
    this.http_method = origin.httpMethod;
    this.method = call.method;
    this.tool = call.name;
    this.jsonrpc_id = call.received.id ?? undefined;
  }
}

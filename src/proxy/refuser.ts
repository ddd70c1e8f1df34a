import type { ServerResponse } from 'node:http';
import type { AuditRow } from '../audit/record.ts';
import type { OutboundResponse } from '../http/outbound-response.ts';
import { jsonHeaders, send } from '../http/outbound-response.ts';
import type { OnPaper } from '../perimeter/reported.ts';
import type { Exchange } from '../policy/exchange.ts';
import type { Denial } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import { BlockedPages } from './blocked-pages.ts';
import { httpRefusal, rpcRefusal } from './refusal.ts';
import type { Estate } from './services.ts';
import { COUNTED_REASONS } from './vocabulary.ts';

/**
 * Turns a denial into an answer and a record. Refusals of callers nobody knows yet go through the bounded quota of the
 * audit log; those of a known principal are recorded one by one.
 */
export class Refuser {
  private readonly estate: Estate;
  private readonly pages: BlockedPages;

  constructor(estate: Estate) {
    this.estate = estate;
    this.pages = new BlockedPages(estate.log);
  }

  /** A request that never became a message: the answer is plain JSON. */
  request(x: Exchange, response: ServerResponse, step: string, denial: Denial): void {
    this.record(x, step, denial);
    const answer = httpRefusal(denial.deny, x.id, denial.headers ?? []);
    send(response, answer, x.responseHeaders, denial.close === true);
  }

  /** A preflight that was answered without the grant it asked for: the page that sent it is told nothing more. */
  ungranted(x: Exchange, setting: string): void {
    this.blocked(x, 'cors.not-granted', setting);
  }

  /** A message that was read and refused: the answer is a JSON-RPC error. */
  message(x: Exchange, response: ServerResponse, denial: Denial, step = 'session'): void {
    this.record(x, step, denial);
    send(response, rpcAnswer(x, denial.deny), x.responseHeaders, denial.close === true);
  }

  /** A problem that is already in the record. */
  answered(x: Exchange, response: ServerResponse, problem: Problem): void {
    send(response, rpcAnswer(x, problem), x.responseHeaders, false);
  }

  /** Something threw where only problems may. */
  failure(x: Exchange, response: ServerResponse, error: unknown): void {
    const problem = error instanceof ProblemError ? error.problem : PROBLEMS.INTERNAL;
    const detail = error instanceof ProblemError ? error.detail : String(error);
    this.estate.log.error('request failed', { decision_id: x.id, code: problem.code, detail });
    this.message(x, response, { deny: problem, reason: 'request.failed', detail }, 'proxy');
  }

  private blocked(x: Exchange, rule: string, setting: string | undefined): void {
    this.pages.note({ decisionId: x.id, route: x.route.path, origin: x.headers.origin, rule, setting });
  }

  /** A request that passes because the rule against it is only reported. */
  reported(x: Exchange, step: string, denial: Denial): void {
    const { metrics, audit, reports } = this.estate;
    metrics.verdict(step, denial.reason, 'would-deny');
    reports.note(onPaper(x, step, denial), Date.now());
    audit.refusal({ ...refusalRow(x, step, denial), verdict: 'would-deny', outcome: undefined }, keyOf(x));
  }

  private countFailure({ client, proof }: Exchange, reason: string): void {
    if (client !== undefined && proof.isItsOwn(client)) this.estate.bans.failed(client, reason);
  }

  private record(x: Exchange, step: string, denial: Denial): void {
    if (step === 'network')
      this.estate.denials.denied(denial.reason === 'address.unknown' ? '' : x.clientAddress, {
        decision_id: x.id,
        reason: denial.reason,
        rule: denial.rule ?? '',
      });
    this.estate.metrics.verdict(step, denial.reason, 'deny');
    if (denial.reason === 'origin.not-allowed') this.blocked(x, denial.reason, denial.rule);
    if (this.estate.bans.isOn && COUNTED_REASONS.has(denial.reason)) this.countFailure(x, denial.reason);
    const row = refusalRow(x, step, denial);
    if (x.principal === undefined) this.estate.audit.refusal(row, keyOf(x));
    else this.estate.audit.note(row);
  }
}

function keyOf(x: Exchange): string {
  return x.clientAddress || x.peer;
}

function onPaper(x: Exchange, policy: string, denial: Denial): OnPaper {
  const { reason, rule = '' } = denial;
  const subject = subjectOf(x, denial);
  if (reason.startsWith('host.')) return { policy, reason, place: 'server', rule: 'server.allowed_hosts', subject };
  // An origin is kept out by a setting of the gateway, or of the server whose route it is.
  const own = `mcps.${x.route.server}.security`;
  return { policy, reason, place: denial.place ?? (rule.startsWith(`${own}.`) ? own : 'security'), rule, subject };
}

/** What was refused, in the words of the policy: a host, an origin, or else an address. */
function subjectOf(x: Exchange, { reason }: Denial): string {
  if (reason.startsWith('host.')) return x.headers.host ?? '(none)';
  if (reason.startsWith('origin.')) return x.headers.origin ?? '(none)';
  // The last hop that is known handed the request over; it did not come from there.
  if (x.client === undefined) return x.clientAddress === '' ? 'unknown' : `unknown (via ${x.clientAddress})`;
  return x.clientAddress;
}

function rpcAnswer(x: Exchange, problem: Problem): OutboundResponse {
  return {
    status: problem.status,
    headers: jsonHeaders(problem.status),
    body: rpcRefusal(x.rejectedId, problem, x.id),
  };
}

function refusalRow(x: Exchange, step: string, denial: Denial): AuditRow {
  return {
    type: 'decision',
    decision_id: x.id,
    request_id: x.requestId || x.id,
    client_request_id: x.clientRequestId,
    session_id: x.sessionKey,
    peer: x.peer,
    client: x.clientAddress || undefined,
    client_certificate: x.connection.certificate?.fingerprint,
    user_agent: x.headers.userAgent,
    principal: x.principal?.id,
    principal_name: x.principal?.name,
    route: x.route.path,
    server: x.route.server,
    http_method: x.request.method,
    method: x.inbound?.messages[0]?.method ?? x.rejectedMethod,
    verdict: 'deny',
    policy: step,
    rule: denial.rule,
    reason: denial.reason,
    status: denial.deny.status,
    outcome: 'refused',
    rpc_code: denial.deny.rpcCode,
    duration_ms: performance.now() - x.startedAt,
    detail: denial.detail,
  };
}

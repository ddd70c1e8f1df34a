import type { OutboundResponse } from '../http/outbound-response.ts';
import type { Problem } from '../problem/problem.ts';

/** Names what let a request pass: `host-origin.loopback`, `authorize.role:user`. */
export type RuleId = string;
/** Names why a request was refused. Stable, lower case, dotted; the same in audit, metrics and `explain`. */
export type ReasonId = string;

export interface Pass {
  readonly pass: RuleId;
}

export interface Denial {
  readonly deny: Problem;
  readonly reason: ReasonId;
  /** The particular rule that matched, when there is one. */
  readonly rule?: RuleId;
  /** The block of settings that rule belongs to, where several may object: `security`, `mcps.crm.security`. */
  readonly place?: string;
  /** Headers the refusal carries (a challenge, Allow). Name, value pairs. */
  readonly headers?: readonly string[];
  /** The rest of the request was not read, so the connection cannot be used again. */
  readonly close?: boolean;
  /** For the log and the audit record only. */
  readonly detail?: string;
}

/** The step itself knows the whole answer (a preflight). */
export interface Answer {
  readonly answer: OutboundResponse;
  readonly rule: RuleId;
}

/** What a step says. Never a written response: the engine turns a verdict into one. */
export type Verdict = Pass | Denial | Answer;

export function pass(rule: RuleId): Pass {
  return Object.freeze({ pass: rule });
}

export function refuse(deny: Problem, reason: ReasonId, more?: Omit<Denial, 'deny' | 'reason'>): Denial {
  return Object.freeze({ deny, reason, ...more });
}

export function isDenial(verdict: Verdict): verdict is Denial {
  return 'deny' in verdict;
}

export function isPass(verdict: Verdict): verdict is Pass {
  return 'pass' in verdict;
}

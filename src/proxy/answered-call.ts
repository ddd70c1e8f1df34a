import type { RequestId } from '../jsonrpc/span.ts';
import type { Call } from '../policy/call.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';

/** A call that waits for its answer under the client's own id, and what the answer is judged and edited by. */
export interface AnsweredCall extends Call {
  readonly id: RequestId;
  readonly estate: Pick<Estate, 'directories' | 'taskHandles'>;
  readonly rules: Pick<Generation, 'authorizer'>;
  readonly plan: ServerPlan;
}

/** Why a server's answer is not passed on. */
export interface Objection {
  readonly problem: Problem;
  /** Private: for the log and the audit record. */
  readonly detail: string;
}

export function invalid(detail: string): Objection {
  return { problem: PROBLEMS.UPSTREAM_INVALID, detail };
}

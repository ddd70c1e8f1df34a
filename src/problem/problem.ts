import type { ProblemCode } from './catalogue.ts';

/**
 * One thing that can be refused or can fail, as the outside world may see it.
 *
 * A problem never carries private detail: paths, upstream addresses, credentials and stack traces go to the log,
 * joined to the answer by the decision id.
 */
export interface Problem {
  /** Stable name, the same in the error body, the audit record and the metrics. */
  readonly code: ProblemCode;
  /** HTTP status when the problem ends an HTTP request. */
  readonly status: number;
  /** JSON-RPC error code when the problem answers a JSON-RPC request (JSON-RPC 2.0, section 5.1). */
  readonly rpcCode: number;
  /** Public text. Safe to show to anybody. */
  readonly text: string;
  /** Public structured detail, sent as `error.data` in JSON-RPC answers. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The same problem with a text (and data) that names the particular. The caller vouches that both are public. */
export function particular(problem: Problem, text: string, data?: Readonly<Record<string, unknown>>): Problem {
  return {
    code: problem.code,
    status: problem.status,
    rpcCode: problem.rpcCode,
    text,
    ...(data === undefined ? {} : { data }),
  };
}

/** Thrown where a verdict cannot be returned (a failed lease, a refused command). Carries a problem and a private detail. */
export class ProblemError extends Error {
  readonly problem: Problem;
  /** For the log and the audit record only. */
  readonly detail: string;

  constructor(problem: Problem, detail: string = problem.text) {
    super(problem.text);
    this.name = 'ProblemError';
    this.problem = problem;
    this.detail = detail;
  }
}

import type { Admission } from './engine.ts';
import type { Exchange } from './exchange.ts';
import type { Reporter } from './network.ts';
import { type Denial, isDenial, pass, type ReasonId, type Verdict } from './verdict.ts';

/** What of a request's origin and host may be tried out before it is enforced. A malformed or doubled header is refused always. */
const REPORTABLE: ReadonlySet<ReasonId> = new Set(['host.not-served', 'origin.not-allowed']);

/**
 * Lets pass what the step refuses where that is only reported (`security.mode: report`), and says so. Knows the reasons it may
 * do that for: authentication, authorisation and everything else are never among them.
 */
export function reportOnly(
  step: Admission,
  isReported: (server: string | undefined) => boolean,
  report: Reporter,
): Admission {
  const passed = pass(`${step.name}.reported`);
  const soften = (x: Exchange, verdict: Verdict): Verdict => {
    if (!isDenial(verdict) || !isReportable(verdict) || !isReported(x.route.server)) return verdict;
    report(x, step.name, verdict);
    return passed;
  };
  return {
    ...step,
    evaluate(x) {
      const verdict = step.evaluate(x);
      return verdict instanceof Promise ? verdict.then((later) => soften(x, later)) : soften(x, verdict);
    },
  };
}

function isReportable({ reason }: Denial): boolean {
  return REPORTABLE.has(reason);
}

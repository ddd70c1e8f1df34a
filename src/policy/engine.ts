import { PROBLEMS } from '../problem/catalogue.ts';
import type { Call } from './call.ts';
import type { Exchange, FactName } from './exchange.ts';
import { type Answer, type Denial, isDenial, isPass, type Pass, refuse, type Verdict } from './verdict.ts';

/**
 * One admission step: may this HTTP request, from here, use this route?
 * It may add the facts it provides to the exchange. It must not write a response, and it must not wait for anything but
 * its own work. A throw is a denial.
 */
export interface Admission {
  readonly name: string;
  readonly needs: readonly FactName[];
  readonly provides: readonly FactName[];
  evaluate(x: Exchange): Verdict | Promise<Verdict>;
}

/** One decision step: may this principal make this call now? It knows no HTTP. A throw is a denial. */
export interface Decision {
  readonly name: string;
  evaluate(call: Call): Verdict | Promise<Verdict>;
}

/** Where a chain stopped, and why. `step` is the policy of the audit record. */
export interface Stopped {
  readonly step: string;
  readonly verdict: Denial | Answer;
}

/** What a whole chain says: the last rule that passed, or where it stopped. */
export type ChainResult = Pass | Stopped;

export function isStopped(result: ChainResult): result is Stopped {
  return 'step' in result;
}

/** Told about every step that threw. The caller of the chain only sees a denial. */
export type OnThrow = (step: string, error: unknown) => void;

export interface Chain<Subject> {
  /** The steps in force, in order. */
  readonly names: readonly string[];
  run(subject: Subject): ChainResult | Promise<ChainResult>;
}

const NOTHING_OBJECTED: Pass = Object.freeze({ pass: 'chain.end' });

/**
 * Freezes the admission steps into one chain. Checked here and nowhere else: every fact a step needs is provided before it.
 * @throws Error naming the step and the fact when the order is wrong
 */
export function compileAdmission(steps: readonly Admission[], onThrow: OnThrow): Chain<Exchange> {
  const known = new Set<FactName>();
  for (const step of steps) {
    for (const fact of step.needs) {
      if (!known.has(fact)) throw new Error(`step ${step.name} needs ${fact}, which no earlier step provides`);
    }
    for (const fact of step.provides) known.add(fact);
  }
  return compileChain(steps, onThrow);
}

/** Freezes the decision steps into one chain. @throws Error when there is none: an empty list must not mean "allow". */
export function compileDecision(steps: readonly Decision[], onThrow: OnThrow): Chain<Call> {
  return compileChain(steps, onThrow);
}

interface Step<Subject> {
  readonly name: string;
  evaluate(subject: Subject): Verdict | Promise<Verdict>;
}

function compileChain<Subject>(steps: readonly Step<Subject>[], onThrow: OnThrow): Chain<Subject> {
  if (steps.length === 0) throw new Error('a chain without steps would allow everything');
  const frozen = Object.freeze([...steps]);
  return Object.freeze({
    names: Object.freeze(frozen.map((step) => step.name)),
    run: (subject: Subject) => runFrom(frozen, 0, NOTHING_OBJECTED, subject, onThrow),
  });
}

/** Walks the list. Only a returned promise is awaited, so a chain of synchronous steps costs no turn of the event loop. */
function runFrom<Subject>(
  steps: readonly Step<Subject>[],
  start: number,
  passed: Pass,
  subject: Subject,
  onThrow: OnThrow,
): ChainResult | Promise<ChainResult> {
  let last = passed;
  for (let i = start; i < steps.length; i++) {
    const step = steps[i] as Step<Subject>;
    try {
      const verdict = step.evaluate(subject);
      if (verdict instanceof Promise) return resume(steps, i, subject, onThrow, verdict);
      if (!isPass(verdict)) return stopped(step.name, verdict);
      last = verdict;
    } catch (error) {
      onThrow(step.name, error);
      return { step: step.name, verdict: THREW };
    }
  }
  return last;
}

async function resume<Subject>(
  steps: readonly Step<Subject>[],
  index: number,
  subject: Subject,
  onThrow: OnThrow,
  pending: Promise<Verdict>,
): Promise<ChainResult> {
  const step = steps[index] as Step<Subject>;
  let verdict: Verdict;
  try {
    verdict = await pending;
    if (!isPass(verdict)) return stopped(step.name, verdict);
  } catch (error) {
    onThrow(step.name, error);
    return { step: step.name, verdict: THREW };
  }
  return runFrom(steps, index + 1, verdict, subject, onThrow);
}

/** @throws TypeError when the step said nothing the chain knows, which must not mean anything but no */
function stopped(step: string, verdict: Denial | Answer): Stopped {
  if (isDenial(verdict) || 'answer' in verdict) return { step, verdict };
  throw new TypeError(`step ${step} gave no verdict`);
}

const THREW = refuse(PROBLEMS.INTERNAL, 'step.threw', { close: true });

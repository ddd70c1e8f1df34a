import { inputAt, type KeptInput } from './inputs.ts';
import { randomOf } from './random.ts';
import type { Target } from './target.ts';

/** Inputs `from` to `to` (exclusive) of a target's run. */
export interface Job {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

export interface Finding {
  readonly target: string;
  /** Undefined for what only the end of a run showed. */
  readonly index?: number;
  readonly bytes?: Uint8Array;
  readonly what: string;
}

/** More than this of one job is one defect seen often. */
const ENOUGH = 5;

/** Runs a job. `at` hears of each input before it is tried, so that a hang can be told from outside. */
export async function runJob(
  target: Target,
  kept: readonly KeptInput[],
  { seed, from, to }: Job,
  at: (index: number) => void,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to && findings.length < ENOUGH) {
      const index = next++;
      at(index);
      const bytes = inputAt(target, kept, seed, index);
      try {
        // Most checks are synchronous: a promise for each of a million would cost more than the check.
        const done = target.check(bytes, randomOf(bytes));
        if (done !== undefined) await done;
      } catch (error) {
        findings.push({ target: target.name, index, bytes, what: describe(error) });
      }
    }
  };
  await target.start?.();
  await Promise.all(Array.from({ length: target.atOnce ?? 1 }, lane));
  try {
    await target.stop?.();
  } catch (error) {
    findings.push({ target: target.name, what: describe(error) });
  }
  return findings;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

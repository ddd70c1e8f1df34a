/**
 * Work that may be long, in steps that are not: every `yield` is a place where it can be left for a while. A step should take
 * well under a millisecond.
 */
export type Steps<T> = Generator<void, T, void>;

/** All of it now. For what is small, or when nothing else waits. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** At most this long at a time, in milliseconds: a request that comes meanwhile waits no longer than that. */
const SLICE_MS = 3;

/** All of it, letting the event loop turn in between. Rejects with what the work throws. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const until = performance.now() + SLICE_MS;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < until);
    await new Promise<void>((resume) => setImmediate(resume));
  }
}

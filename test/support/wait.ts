import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves with the first value of `probe` that is neither false, null nor undefined.
 * For what gives no event to wait for (a file, a process, another program's state): an event is better.
 * @param what finishes the sentence "gave up waiting until …"
 * @throws when `timeoutMs` passes, naming what was awaited and the last thing that went wrong.
 */
export async function until<T>(
  probe: () => T | Promise<T>,
  what: string,
  timeoutMs = 10_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (let pause = 2; ; pause = Math.min(pause * 2, 50)) {
    try {
      last = await probe();
      if (last !== false && last !== null && last !== undefined) return last as Exclude<T, false | null | undefined>;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`gave up after ${timeoutMs} ms waiting until ${what}; last seen: ${String(last)}`, {
        cause: last,
      });
    }
    await delay(pause);
  }
}

/** The promise's value, or a failure that names what did not happen in time. */
export async function within<T>(promise: Promise<T>, what: string, timeoutMs = 10_000): Promise<T> {
  const timer = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`gave up after ${timeoutMs} ms waiting until ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
    late.catch(() => {}); // the aborted timer rejects, and nobody is left to hear it
  }
}

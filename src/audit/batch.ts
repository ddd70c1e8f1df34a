/** Rows that wait to be written together, and those who wait for it. */
export class Batch {
  readonly bodies: string[] = [];
  readonly #kept: boolean[] = [];
  #waiter: PromiseWithResolvers | undefined;

  /** @param kept true for a row that must survive a failure, because what it tells has happened */
  add(body: string, kept: boolean): void {
    this.bodies.push(body);
    this.#kept.push(kept);
  }

  happened(): string[] {
    return this.bodies.filter((_, i) => this.#kept[i]);
  }

  wait(): Promise<void> {
    this.#waiter ??= withResolvers();
    return this.#waiter.promise;
  }

  resolve(): void {
    this.#waiter?.resolve();
  }

  reject(error: Error): void {
    if (this.#waiter === undefined) return;
    // Nobody may be waiting any more, and then this is not an unhandled rejection.
    this.#waiter.promise.catch(() => undefined);
    this.#waiter.reject(error);
    this.#waiter = undefined;
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

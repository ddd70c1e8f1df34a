import type { Lane } from './lane.ts';
import type { StdioConnection } from './stdio-connection.ts';
import type { Holders } from './stdio-lane.ts';

/** A child several holders may share. On the modern era a holder is one request, so a lease makes one small object. */
export class PooledChild implements Holders {
  readonly key: string;
  readonly connection: StdioConnection;
  readonly #makeLane: (holders: Holders) => Lane;
  readonly #now: () => number;
  #holders = 0;
  #lastUsed: number;

  constructor(key: string, connection: StdioConnection, makeLane: (holders: Holders) => Lane, now: () => number) {
    this.key = key;
    this.connection = connection;
    this.#makeLane = makeLane;
    this.#now = now;
    this.#lastUsed = now();
  }

  lease(): Lane {
    this.#holders += 1;
    return this.#makeLane(this);
  }

  left(): void {
    this.#holders -= 1;
    this.#lastUsed = this.#now();
  }

  /** Since when nobody uses it; undefined while somebody does. */
  get idleSince(): number | undefined {
    return this.#holders === 0 && this.connection.pendingCount === 0 ? this.#lastUsed : undefined;
  }
}

/** The children that are shared, by whom they are shared with. Those that nobody used for `idleMs` are stopped. */
export class ChildPool {
  readonly #children = new Map<string, PooledChild>();
  readonly #idleMs: number;
  readonly #now: () => number;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(idleMs: number, now: () => number) {
    this.#idleMs = idleMs;
    this.#now = now;
  }

  /** One that lives; undefined when there is none. */
  get(key: string): PooledChild | undefined {
    const child = this.#children.get(key);
    return child?.connection.alive ? child : undefined;
  }

  add(child: PooledChild): void {
    this.#children.set(child.key, child);
    this.#sweeper ??= setInterval(() => this.#sweep(), this.#idleMs / 2).unref();
  }

  forget(connection: StdioConnection): void {
    for (const child of this.#children.values()) {
      if (child.connection === connection) this.#children.delete(child.key);
    }
    if (this.#children.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** Takes out the one nobody has used for longest. */
  takeSpare(): StdioConnection | undefined {
    let spare: PooledChild | undefined;
    for (const child of this.#children.values()) {
      if (child.idleSince === undefined) continue;
      if (spare === undefined || child.idleSince < (spare.idleSince ?? 0)) spare = child;
    }
    if (spare !== undefined) this.#children.delete(spare.key);
    return spare?.connection;
  }

  #sweep(): void {
    for (const child of [...this.#children.values()]) {
      const since = child.idleSince;
      if (since === undefined || this.#now() - since < this.#idleMs) continue;
      this.#children.delete(child.key);
      void child.connection.stop();
    }
  }
}

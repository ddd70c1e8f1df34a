import { InFlight, type Linked } from '../in-flight/in-flight.ts';

/** Something that is open and must not look dead. */
export interface Beating extends Linked<Beating> {
  /** Called about once per interval. Writes a comment if nothing else was written since the last beat. */
  beat(): void;
}

/**
 * One timer for every open answer: a keep-alive comment now and then (MCP 2026-07-28, streamable-http: lines starting with
 * a colon are ignored by clients), so that no proxy between takes a quiet stream for a dead one.
 */
export class KeepAlive {
  private readonly open = new InFlight<Beating>();
  private readonly intervalMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  start(): void {
    this.timer ??= setInterval(() => {
      // A beat may end another stream.
      for (const stream of this.open.members()) if (this.open.has(stream)) stream.beat();
    }, this.intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  add(stream: Beating): void {
    this.open.add(stream);
  }

  remove(stream: Beating): void {
    this.open.delete(stream);
  }
}

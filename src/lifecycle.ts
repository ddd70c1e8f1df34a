import type { Log } from './telemetry/log.ts';

/** A part of the gateway with a life of its own: a listener, the control socket, the children. */
export interface Component {
  readonly name: string;
  /** Rejects when it cannot run; what was started before it is stopped again. */
  start(): Promise<void>;
  /** Resolves when it holds nothing any more, at the latest soon after `deadline` aborts. Must not reject. */
  stop(deadline: AbortSignal): Promise<void>;
}

/** Starts components in order and stops them in the reverse one, each exactly once. */
export class Lifecycle {
  private readonly components: readonly Component[];
  private readonly log: Log;
  private readonly running: Component[] = [];
  private stopping: Promise<void> | undefined;

  constructor(components: readonly Component[], log: Log) {
    this.components = components;
    this.log = log;
  }

  async start(): Promise<void> {
    for (const component of this.components) {
      try {
        await component.start();
        this.running.push(component);
      } catch (error) {
        await this.stop(1_000);
        throw error;
      }
    }
  }

  /** @param graceMs what all components together may take to end properly; after it they cut what is left */
  stop(graceMs: number): Promise<void> {
    this.stopping ??= this.stopAll(AbortSignal.timeout(graceMs));
    return this.stopping;
  }

  private async stopAll(deadline: AbortSignal): Promise<void> {
    for (const component of this.running.reverse()) {
      try {
        await component.stop(deadline);
      } catch (error) {
        this.log.error('a component did not stop properly', { component: component.name, error: String(error) });
      }
    }
  }
}

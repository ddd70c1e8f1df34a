import type { Message } from '../jsonrpc/message.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import type { LaneListener } from '../upstream/lane.ts';

/** One lane's end of a session: remembers its own loss, which may come while it is still being opened. */
export class LaneWatch implements LaneListener {
  lost: ProblemError | undefined;
  private readonly session: LaneListener;

  constructor(session: LaneListener) {
    this.session = session;
  }

  message(message: Message): boolean {
    return this.session.message(message);
  }

  closed(problem: Problem, detail: string): void {
    this.lost = new ProblemError(problem, detail);
    this.session.closed(problem, detail);
  }
}

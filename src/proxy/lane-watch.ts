import type { Message } from '../jsonrpc/message.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import type { Lane, LaneListener } from '../upstream/lane.ts';
import type { LegacySession } from './legacy-session.ts';

/** One lane's end of a session: remembers its own loss, which may come while it is still being opened. */
export class LaneWatch implements LaneListener {
  lost: ProblemError | undefined;
  private readonly session: LegacySession;
  private readonly lane: Lane;

  constructor(session: LegacySession, lane: Lane) {
    this.session = session;
    this.lane = lane;
  }

  message(message: Message): boolean {
    return this.session.message(message, this.lane);
  }

  closed(problem: Problem, detail: string): void {
    this.lost = new ProblemError(problem, detail);
    this.session.closed(this.lane, problem, detail);
  }
}

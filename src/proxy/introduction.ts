import type { Message } from '../jsonrpc/message.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { ProblemError } from '../problem/problem.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { CallSink, Lane } from '../upstream/lane.ts';

/**
 * Sends a client's own `initialize` over a new lane.
 * @returns the revision the server negotiated
 * @throws ProblemError when it refuses or does not answer
 */
export function introduce(
  lane: Lane,
  initialize: Message,
  revision: Revision,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const sink: CallSink = {
      opened() {},
      message: () => true,
      settled(response) {
        if (response.kind === 'result') resolve(response.result?.string('protocolVersion'));
        else reject(new ProblemError(PROBLEMS.UPSTREAM_INVALID, 'the server refused to be initialized again'));
      },
      failed(problem: Problem, detail: string) {
        reject(new ProblemError(problem, detail));
      },
    };
    lane.dispatch({ message: initialize, revision, decisionId: 'introduction', paramHeaders: [], timeoutMs }, sink);
  });
}

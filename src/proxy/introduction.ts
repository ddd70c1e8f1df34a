import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { writeNotification } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import { eraOf, isRevision, type Revision } from '../protocol/revisions.ts';
import type { CallSink, Lane } from '../upstream/lane.ts';

/** What the server says while it is asked: it may have questions of its own, and waits for their answers. */
export type Hear = (message: Message) => boolean;

/**
 * Opens a session with a server in the words of a client that has opened it before.
 * @throws ProblemError when the server refuses, does not answer, or settles on another revision than the client was told
 */
export async function introduce(
  lane: Lane,
  initialize: Message,
  revision: Revision,
  timeoutMs: number,
  hear: Hear,
): Promise<void> {
  const answer = await ask(lane, initialize, revision, timeoutMs, hear);
  if (answer.kind !== 'result') {
    throw new ProblemError(PROBLEMS.UPSTREAM_INVALID, 'the server refused to be initialized again');
  }
  const version = answer.result?.string('protocolVersion');
  if (version !== revision) {
    throw new ProblemError(PROBLEMS.UPSTREAM_INVALID, `the server came back with revision ${version}`);
  }
  await lane.send(INITIALIZED, revision);
}

/** The answer to a request of the gateway's own. @throws ProblemError when there is none */
export function ask(lane: Lane, message: Message, revision: Revision, timeoutMs: number, hear: Hear): Promise<Message> {
  return new Promise((resolve, reject) => {
    const sink: CallSink = {
      opened() {},
      message: hear,
      settled: resolve,
      failed(problem: Problem, detail: string) {
        reject(new ProblemError(problem, detail));
      },
    };
    lane.dispatch({ message, revision, decisionId: 'introduction', paramHeaders: [], timeoutMs }, sink);
  });
}

/** A message the gateway wrote itself, as one that was read. */
export function ownMessage(bytes: Buffer): Message {
  const message = scanMessage(bytes);
  if (isScanFailure(message)) throw new Error('the gateway wrote a message it cannot read');
  return message;
}

/** What the client asked for, or the newest legacy revision. */
export function requestedRevision(initialize: Message): Revision {
  const requested = initialize.params?.string('protocolVersion') ?? '';
  return isRevision(requested) && eraOf(requested) === 'legacy' ? requested : '2025-11-25';
}

const INITIALIZED = ownMessage(writeNotification('notifications/initialized'));

import type { Message } from '../jsonrpc/message.ts';
import { writeRequest } from '../jsonrpc/write.ts';
import { ProblemError } from '../problem/problem.ts';
import { LEGACY_REVISIONS } from '../protocol/revisions.ts';
import { discoverParams, errorCode, MODERN_ERRORS } from './era.ts';
import type { CallSink } from './lane.ts';
import { PendingCall } from './pending-call.ts';
import type { StdioConnection } from './stdio-connection.ts';

/** What a server made of `server/discover`. */
export type ProbeOutcome = 'modern' | 'legacy' | 'silent' | 'exited';

/**
 * Asks whether the server speaks the modern era (MCP 2026-07-28, basic/versioning; the first message on the pipe decides).
 * An answer only a modern server gives proves that it does; any other answer proves that it does not. Silence and an exit
 * prove nothing yet: some legacy servers leave when spoken to before `initialize`, and so does a broken one.
 */
export async function probe(connection: StdioConnection, version: string, timeoutMs: number): Promise<ProbeOutcome> {
  try {
    const answer = await ask(connection, 'server/discover', discoverParams(version), timeoutMs);
    return answer.kind === 'result' || MODERN_ERRORS.has(errorCode(answer)) ? 'modern' : 'legacy';
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'UPSTREAM_TIMEOUT') return 'silent';
    return 'exited';
  }
}

/** Opens a legacy server on the gateway's own behalf. @throws ProblemError when no answer came. */
export function initialize(connection: StdioConnection, version: string, timeoutMs: number): Promise<Message> {
  const params = {
    protocolVersion: LEGACY_REVISIONS[0],
    capabilities: {},
    clientInfo: { name: 'sallyport', version },
  };
  return ask(connection, 'initialize', JSON.stringify(params), timeoutMs);
}

/** A request of the gateway's own. @throws ProblemError when no answer came. */
export function ask(
  connection: StdioConnection,
  method: string,
  rawParams: string,
  timeoutMs: number,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const id = connection.takeId();
    const sink: CallSink = {
      opened() {},
      message: () => true,
      settled: resolve,
      failed: (problem, detail) => reject(new ProblemError(problem, detail)),
    };
    const call = new PendingCall(connection, id, method, undefined, sink);
    connection.start(call, writeRequest(id, method, rawParams), timeoutMs);
  });
}

import type { Message } from '../jsonrpc/message.ts';
import { writeRequest } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError, particular } from '../problem/problem.ts';
import { type Era, LEGACY_REVISIONS, MODERN_REVISIONS } from '../protocol/revisions.ts';
import type { CallSink } from './lane.ts';
import { PendingCall } from './pending-call.ts';
import type { StdioConnection } from './stdio-connection.ts';

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
/** HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion: only a modern server knows these. */
const MODERN_ERRORS: ReadonlySet<number> = new Set([-32020, -32021, -32022]);
const SAYS_UNSUPPORTED = /unsupported|not supported|method not found|unknown method|protocol ?version|_meta/i;

/** What a server made of `server/discover`. */
export type ProbeOutcome = 'modern' | 'legacy' | 'silent' | 'exited';

/**
 * Asks whether the server speaks the modern era (MCP 2026-07-28, basic/versioning; the first message on the pipe decides).
 * An answer only a modern server gives proves that it does; any other answer proves that it does not. Silence and an exit
 * prove nothing yet: some legacy servers leave when spoken to before `initialize`, and so does a broken one.
 */
export async function probe(connection: StdioConnection, version: string, timeoutMs: number): Promise<ProbeOutcome> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN_REVISIONS[0],
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'sallyport', version },
  };
  try {
    const answer = await ask(connection, 'server/discover', JSON.stringify({ _meta: meta }), timeoutMs);
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

/** True when this answer to `initialize` says that the server has no such era. */
export function refusesLegacy(answer: Message): boolean {
  if (answer.kind !== 'error') return false;
  const code = errorCode(answer);
  if (MODERN_ERRORS.has(code) || code === METHOD_NOT_FOUND) return true;
  return code === INVALID_PARAMS && SAYS_UNSUPPORTED.test(answer.error?.string('message') ?? '');
}

/** Public: which eras met. */
export function eraMismatch(server: string, client: Era): Problem {
  const spoken = {
    modern: `${MODERN_REVISIONS[0]}`,
    legacy: `${LEGACY_REVISIONS[0]} and earlier`,
  };
  const other = client === 'modern' ? 'legacy' : 'modern';
  return particular(PROBLEMS.ERA_MISMATCH, `client speaks ${spoken[client]}; server ${server} speaks ${spoken[other]}`);
}

function errorCode(answer: Message): number {
  const code = answer.error?.id('code');
  return typeof code === 'number' ? code : 0;
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

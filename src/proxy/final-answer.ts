import { factsOf, mayAnnotate, toolsOf } from '../catalog/tool-facts.ts';
import type { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import type { Call } from '../policy/call.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { restoreResponse } from './restore.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';
import { withoutTools } from './tool-list.ts';

/** Why a server's answer is not passed on. */
export interface Objection {
  readonly problem: Problem;
  /** Private: for the log and the audit record. */
  readonly detail: string;
}

/** A call that waits for its answer under the client's own id, and what the answer is judged and edited by. */
export interface AnsweredCall extends Call {
  readonly id: RequestId;
  readonly estate: Pick<Estate, 'directories'>;
  readonly rules: Pick<Generation, 'authorizer'>;
  readonly plan: ServerPlan;
}

/**
 * What the client gets of a server's final answer: the bytes as they came, under the client's own id, and without what this
 * caller may not see.
 */
export function finalAnswer(call: AnsweredCall, response: Message): Buffer | Objection {
  if (response.kind !== 'result' || call.method !== 'tools/list') return restoreResponse(response, call.id);
  const edits = editsOfToolList(call, response);
  if (edits === 'unreadable') return UNREADABLE_LIST;
  return restoreResponse(response, call.id, edits);
}

const UNREADABLE_LIST: Objection = { problem: PROBLEMS.UPSTREAM_INVALID, detail: 'a tool list that cannot be read' };

/** Most lists are nobody's to change, and are not read at all. */
function editsOfToolList(call: AnsweredCall, response: Message): Edits | 'unreadable' | undefined {
  const { principal, server } = call;
  const { authorizer } = call.rules;
  const restricted = authorizer.restricts(principal, server);
  const annotated = call.modern !== undefined && learnTools(call, response);
  if (!restricted && !annotated) return undefined;
  const edits = withoutTools(
    response,
    (name, tool) =>
      !(annotated && factsOf(tool).fault !== undefined) &&
      (!restricted || authorizer.decide({ principal, server, method: 'tools/call', name }).allow),
    restricted,
  );
  return edits ?? 'unreadable';
}

/**
 * A whole list on its way to the client is what the gateway would otherwise ask for before the first call.
 * @returns whether something in it may be annotated
 */
function learnTools(call: AnsweredCall, response: Message): boolean {
  const { result } = response;
  if (result === undefined) return false;
  const directory = call.estate.directories.of(call.principal, call.plan, call.revision);
  const annotated = mayAnnotate(response.bytes, result.span);
  const isWhole = !result.has('nextCursor') && call.received.params?.has('cursor') !== true;
  if (isWhole && (annotated || directory.wantsList)) {
    const tools = toolsOf(response);
    if (tools !== undefined) directory.learn(tools);
  }
  return annotated;
}

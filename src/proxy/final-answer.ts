import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import type { Call } from '../policy/call.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { restoreResponse } from './restore.ts';
import type { Generation } from './services.ts';
import { withoutHiddenTools } from './tool-list.ts';

/** Why a server's answer is not passed on. */
export interface Objection {
  readonly problem: Problem;
  /** Private: for the log and the audit record. */
  readonly detail: string;
}

/** A call that waits for its answer under the client's own id. */
export interface AnsweredCall extends Call {
  readonly id: RequestId;
}

/**
 * What the client gets of a server's final answer: the bytes as they came, under the client's own id, and without what this
 * caller may not see.
 */
export function finalAnswer(rules: Generation, call: AnsweredCall, response: Message): Buffer | Objection {
  const hides = response.kind === 'result' && hidesTools(rules, call);
  if (!hides) return restoreResponse(response, call.id);
  const edits = withoutHiddenTools(response, (tool) => shows(rules, call, tool));
  return edits === undefined ? UNREADABLE_LIST : restoreResponse(response, call.id, edits);
}

const UNREADABLE_LIST: Objection = { problem: PROBLEMS.UPSTREAM_INVALID, detail: 'a tool list that cannot be read' };

function hidesTools({ authorizer }: Generation, { method, principal, server }: Call): boolean {
  return method === 'tools/list' && authorizer.restricts(principal, server);
}

function shows({ authorizer }: Generation, { principal, server }: Call, tool: string): boolean {
  return authorizer.decide({ principal, server, method: 'tools/call', name: tool }).allow;
}

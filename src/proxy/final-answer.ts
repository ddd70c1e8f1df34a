import { factsOf, mayAnnotate, toolsOf } from '../catalog/tool-facts.ts';
import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import { hasExtensions, removeUnlistedExtensions } from '../protocol/extensions.ts';
import { type AnsweredCall, invalid, type Objection } from './answered-call.ts';
import { editsOfDiscovery, objectionTo } from './modern-answer.ts';
import { restoreResponse } from './restore.ts';
import { editsOfTask, editsOfTaskState } from './task-answer.ts';
import { withoutTools } from './tool-list.ts';

/**
 * What the client gets of a server's final answer: the bytes as they came, under the client's own id, without what this
 * caller may not see and what the operator did not allow.
 */
export function finalAnswer(call: AnsweredCall, response: Message): Buffer | Objection {
  if (call.modern !== undefined) {
    const objection = objectionTo(call, response);
    if (objection !== undefined) return objection;
  }
  const { result } = response;
  if (result === undefined) return restoreResponse(response, call.id);
  let edits = editsOf(call, response);
  if (edits !== undefined && !(edits instanceof Edits)) return edits;
  if (call.plan.keepsPrivate && result.string('cacheScope') === 'public') {
    edits ??= new Edits(response.bytes);
    edits.setMember(result, 'cacheScope', '"private"');
  }
  return restoreResponse(response, call.id, edits);
}

function editsOf(call: AnsweredCall, response: Message): Edits | Objection | undefined {
  switch (call.method) {
    case 'tools/list':
      return editsOfToolList(call, response);
    case 'server/discover':
      return editsOfDiscovery(call, response);
    case 'tools/call':
      return call.modern !== undefined && call.plan.extensions.size > 0 ? editsOfTask(call, response) : undefined;
    case 'tasks/get':
    case 'tasks/update':
    case 'tasks/cancel':
      return editsOfTaskState(call, response);
    case 'initialize':
      return editsOfIntroduction(call, response);
    default:
      return undefined;
  }
}

function editsOfIntroduction({ plan }: AnsweredCall, response: Message): Edits | undefined {
  const capabilities = response.result?.object('capabilities');
  if (!hasExtensions(capabilities)) return undefined;
  const edits = new Edits(response.bytes);
  removeUnlistedExtensions(edits, capabilities, plan.extensions);
  return edits;
}

const UNREADABLE_LIST = invalid('a tool list that cannot be read');

/** Most lists are nobody's to change, and are not read at all. */
function editsOfToolList(call: AnsweredCall, response: Message): Edits | Objection | undefined {
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
  return edits ?? UNREADABLE_LIST;
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

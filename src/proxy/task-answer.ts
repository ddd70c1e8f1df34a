import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { ObjectView } from '../jsonrpc/view.ts';
import { jsonString } from '../jsonrpc/write.ts';
import { META_CLIENT_CAPABILITIES } from '../protocol/classify.ts';
import { declares, TASKS_EXTENSION } from '../protocol/extensions.ts';
import { type AnsweredCall, invalid, type Objection } from './answered-call.ts';
import { asksTooMuch } from './input-answer.ts';

/** Whether a call may become a task: the operator allows it, and the request said that its client can follow one. */
export function mayBecomeTask({ method, plan, received }: AnsweredCall): boolean {
  if (method !== 'tools/call' || !plan.extensions.has(TASKS_EXTENSION)) return false;
  return declares(received.meta?.object(META_CLIENT_CAPABILITIES), TASKS_EXTENSION);
}

/** A task as its client may know it: under a handle that is good in this caller's hands only. */
export function editsOfTask(call: AnsweredCall, response: Message): Edits | Objection | undefined {
  const { result } = response;
  if (result?.string('resultType') !== 'task') return undefined;
  const id = result.string('taskId');
  if (id === undefined || call.name === undefined) return invalid('a task without a taskId');
  const handle = call.estate.taskHandles.issue(call.server, call.principal.id, { id, tool: call.name });
  if (handle === undefined) return invalid('a task with an empty or very long taskId');
  return new Edits(response.bytes).setMember(result, 'taskId', jsonString(handle));
}

/** The answer to a question about a task: of that task, and under the handle the client used. */
export function editsOfTaskState(call: AnsweredCall, response: Message): Edits | Objection | undefined {
  const { result } = response;
  const task = call.modern?.task;
  if (result === undefined || task === undefined || call.name === undefined) return undefined;
  const edits = new Edits(response.bytes);
  if (result.has('taskId')) {
    if (result.string('taskId') !== task.id) return invalid('the state of another task');
    edits.setMember(result, 'taskId', jsonString(call.name));
  } else if (call.method === 'tasks/get') return invalid('the state of a task without its taskId');
  return objectionToState(call.received, result) ?? edits;
}

/**
 * What the state of a task must not hold: questions its client did not offer to answer, and a result that is not final. The
 * result stands in for the answer of the tool, and is held to the same rules.
 *
 * @param request of the client: what it declared decides
 */
export function objectionToState(request: Message, state: ObjectView): Objection | undefined {
  if (state.has('inputRequests')) {
    const objection = asksTooMuch(request, state);
    if (objection !== undefined) return objection;
  }
  if (!state.has('result')) return undefined;
  const result = state.object('result');
  if (result === undefined) return invalid('the result of a task that cannot be read');
  const type = result.has('resultType') ? result.string('resultType') : 'complete';
  return type === 'complete' ? undefined : invalid('a task whose result is not final');
}

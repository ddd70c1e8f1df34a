import type { Authorizer } from '../access/authorizer.ts';
import type { PrincipalId } from '../identity/principal.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { nameDisagreement } from '../protocol/agreement.ts';
import { META_CLIENT_CAPABILITIES } from '../protocol/classify.ts';
import { declares, TASK_REQUESTS, TASKS_EXTENSION, TASKS_REQUIRED } from '../protocol/extensions.ts';
import type { TaskReference } from '../session/task-handles.ts';
import type { Decision } from './engine.ts';
import { pass, refuse } from './verdict.ts';

/** What the step needs of the task handles. */
export interface HandleReader {
  open(server: string, principal: PrincipalId, handle: string): TaskReference | undefined;
}

const NONE = pass('task-access.none');
const OWN = pass('task-access.own');
const UNKNOWN = refuse(PROBLEMS.UNKNOWN_TASK, 'task.unknown');
const UNDECLARED = refuse(TASKS_REQUIRED, 'capability.not-declared');

/**
 * Each look at a task is judged anew, as a call of the tool that made it: who lost the tool loses the task. A task of another
 * caller and one that never was are answered alike, and neither question reaches the server (tasks extension, "Error
 * Handling").
 */
export function taskAccess(authorizer: Authorizer, handles: HandleReader): Decision {
  return {
    name: 'task-access',
    evaluate(call) {
      const { modern, principal, server } = call;
      // The older revisions have tasks of their own, and a session each.
      if (modern === undefined || !TASK_REQUESTS.has(call.method)) return NONE;
      const problem = nameDisagreement(modern.headers.mcpName, call.received);
      if (problem !== undefined) return refuse(problem, 'protocol.header-mismatch');
      if (!declares(call.received.meta?.object(META_CLIENT_CAPABILITIES), TASKS_EXTENSION)) return UNDECLARED;
      const task = handles.open(server, principal.id, call.name ?? '');
      if (task === undefined) return UNKNOWN;
      const decision = authorizer.decide({ principal, server, method: 'tools/call', name: task.tool });
      if (!decision.allow) return refuse(PROBLEMS.UNKNOWN_TASK, decision.reason);
      modern.task = task;
      return OWN;
    },
  };
}

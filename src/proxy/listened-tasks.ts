import { jsonString } from '../jsonrpc/write.ts';
import type { EventCopies } from '../listen/event-copies.ts';
import { type Topic, taskOf, taskTopic } from '../listen/topics.ts';
import { TASKS_EXTENSION } from '../protocol/extensions.ts';
import type { ReceivedCall } from './received-call.ts';
import type { Generation } from './services.ts';
import { objectionToState } from './task-answer.ts';

/** The tasks one subscription hears of: the server tells of its own ids, the client knows its handles. */
export class ListenedTasks {
  private readonly call: ReceivedCall;
  private readonly handles = new Map<string, string>();

  constructor(call: ReceivedCall) {
    this.call = call;
  }

  /** The topic behind a handle; undefined when it is nothing in this caller's hands, or the tool behind it is not theirs. */
  topicOf(handle: string, rules: Generation): Topic | undefined {
    const { estate, principal, server } = this.call;
    if (rules.servers.get(server)?.extensions.has(TASKS_EXTENSION) !== true) return undefined;
    const task = estate.taskHandles.open(server, principal.id, handle);
    if (task === undefined) return undefined;
    if (!rules.authorizer.decide({ principal, server, method: 'tools/call', name: task.tool }).allow) return undefined;
    this.handles.set(task.id, handle);
    return taskTopic(task.id);
  }

  /** Whether these rules, too, let the client hear of a task of its own, by the server's id. */
  mayHear(id: string, rules: Generation): boolean {
    return this.topicOf(this.handles.get(id) ?? '', rules) !== undefined;
  }

  /** A topic as the client wrote it. */
  shown(topic: Topic): Topic {
    const id = taskOf(topic);
    return id === undefined ? topic : taskTopic(this.handles.get(id) ?? '');
  }

  /** What the client hears of an event about a task; undefined when it may not hear it. */
  copyOf(event: EventCopies, subscriptionId: string): Buffer | undefined {
    const { params } = event.message;
    const handle = this.handles.get(params?.string('taskId') ?? '');
    if (params === undefined || handle === undefined) return undefined;
    if (objectionToState(this.call.received, params) !== undefined) return undefined;
    return event.edits(subscriptionId).setMember(params, 'taskId', jsonString(handle)).toBuffer();
  }
}

import type { Message } from '../jsonrpc/message.ts';
import type { RequestId } from '../jsonrpc/span.ts';
import type { ForwardedCall } from './forwarded-call.ts';
import { progressToken, underToken } from './restore.ts';
import type { SessionOutlet } from './session-outlet.ts';

/** Tasks of one session whose progress is passed on, and the longest id and token of theirs that are kept. */
const MOST_TASKS = 100;
const LONGEST_NAME = 256;
const OVER: ReadonlySet<string | undefined> = new Set(['completed', 'failed', 'cancelled']);

interface TaskToken {
  readonly taskId: string;
  /** The client's own, as it stands in its JSON. */
  readonly token: string;
}

/**
 * Progress that does not come on the stream of its call: servers report it on the stream of the session too, and a task goes
 * on after its call was answered, under the token of that call until its end (MCP 2025-11-25, basic/utilities/tasks). What is
 * of no call and no task of this session is dropped: under the server's number a client would take it for another call's.
 */
export class SessionProgress {
  private readonly calls: ReadonlyMap<RequestId, ForwardedCall>;
  private readonly outlet: Pick<SessionOutlet, 'deliver'>;
  /** By what the server knows the call that made the task by, oldest first. */
  private readonly tasks = new Map<number, TaskToken>();

  constructor(calls: ReadonlyMap<RequestId, ForwardedCall>, outlet: Pick<SessionOutlet, 'deliver'>) {
    this.calls = calls;
    this.outlet = outlet;
  }

  /** Takes what the server says outside the call it is about. @returns whether nothing is left to be done with it */
  told(message: Message): boolean {
    if (message.method === 'notifications/tasks/status') this.news(message.params?.string('taskId'), message);
    if (message.method !== 'notifications/progress') return false;
    for (const call of this.calls.values()) {
      if (!call.isToldBy(message)) continue;
      // Who does not keep up is cut by its own bound: there is no stream here that could be held up for it.
      call.message(message);
      return true;
    }
    const number = message.params?.id('progressToken');
    const task = typeof number === 'number' ? this.tasks.get(number) : undefined;
    if (task !== undefined) this.outlet.deliver(underToken(message, task.token));
    return true;
  }

  /** The answer to a call may be the beginning of a task, or its end. */
  settling({ method, name, received, upstreamId }: ForwardedCall, response: Message): void {
    if (method === 'tasks/result') this.ended(name);
    else if (method === 'tasks/get' || method === 'tasks/cancel') this.news(name, response);
    const taskId = received.params?.has('task') ? response.result?.object('task')?.string('taskId') : undefined;
    const token = progressToken(received);
    if (taskId === undefined || token === undefined || upstreamId === undefined) return;
    if (taskId.length > LONGEST_NAME || token.length > LONGEST_NAME) return;
    if (this.tasks.size >= MOST_TASKS) this.tasks.delete(this.tasks.keys().next().value as number);
    this.tasks.set(upstreamId, { taskId, token });
  }

  /** The server's side is gone, and its numbers with it. */
  forget(): void {
    this.tasks.clear();
  }

  private news(taskId: string | undefined, { params, result }: Message): void {
    if (OVER.has((params ?? result)?.string('status'))) this.ended(taskId);
  }

  private ended(taskId: string | undefined): void {
    for (const [number, task] of this.tasks) if (task.taskId === taskId) this.tasks.delete(number);
  }
}

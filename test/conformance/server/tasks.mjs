// The tasks extension, by hand: the SDK carries its messages and leaves the rest to the server.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  inputRequired,
  ProtocolError,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { text } from './media.mjs';
import { askFor } from './round-trips.mjs';

export const TASKS = 'io.modelcontextprotocol/tasks';
const FINAL = ['completed', 'failed', 'cancelled'];

/** One task, from its creation to ten minutes after; its work is a function that may ask it questions. */
class Task {
  id = randomUUID();
  #status = 'working';
  #created = new Date().toISOString();
  #updated = this.#created;
  #outcome = {};
  #questions = new Map();
  #ended = new AbortController();

  constructor(work) {
    work(this).then(
      (result) => this.#become('completed', { result }),
      (error) => this.#become('failed', { error: { code: -32603, message: error.message } }),
    );
  }

  get signal() {
    return this.#ended.signal;
  }

  /** Resolves when every question has its answer. */
  async ask(questions) {
    this.#become('input_required', {});
    const answers = Object.entries(questions).map(([key, request]) => {
      return new Promise((resolve) => this.#questions.set(key, { request, resolve }));
    });
    await Promise.all(answers);
    this.#become('working', {});
  }

  answer(responses) {
    for (const [key, response] of Object.entries(responses)) {
      this.#questions.get(key)?.resolve(response);
      this.#questions.delete(key);
    }
  }

  cancel() {
    this.#become('cancelled', {});
    this.#ended.abort();
  }

  /** What creation and every look at it have in common. */
  summary() {
    const { id: taskId } = this;
    return {
      taskId,
      status: this.#status,
      createdAt: this.#created,
      lastUpdatedAt: this.#updated,
      ttlMs: 600_000,
      pollIntervalMs: 100,
    };
  }

  detail() {
    const asked = [...this.#questions].map(([key, { request }]) => [key, request]);
    const inputRequests = this.#status === 'input_required' ? { inputRequests: Object.fromEntries(asked) } : {};
    return { ...this.summary(), ...this.#outcome, ...inputRequests };
  }

  #become(status, outcome) {
    if (FINAL.includes(this.#status)) return;
    this.#status = status;
    this.#outcome = outcome;
    this.#updated = new Date().toISOString();
  }
}

const declares = (ctx) => ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY]?.extensions?.[TASKS] !== undefined;

function demandTasks(ctx) {
  if (declares(ctx)) return;
  throw new ProtocolError(-32021, 'The tasks extension is required', {
    requiredCapabilities: { extensions: { [TASKS]: {} } },
  });
}

/** Tools that cannot do without a task. */
const REQUIRED = ['failing_job', 'protocol_error_job', 'confirm_delete', 'multi_input', 'test_tool_with_task'];

/**
 * To be called before any tool is registered: what the SDK does with an error of a tool is to make a tool result of it, and a
 * missing extension has to be refused before that. `tasks` is shared by every server object of the process: task id → task.
 */
export function registerTasks(server, tasks) {
  const set = server.server.setRequestHandler.bind(server.server);
  server.server.setRequestHandler = (method, ...rest) => {
    if (method !== 'tools/call') return set(method, ...rest);
    return set(method, (request, ctx) => {
      if (REQUIRED.includes(request.params.name)) demandTasks(ctx);
      return rest[0](request, ctx);
    });
  };
  registerTaskMethods(server.server, tasks);
  const start = (work) => {
    const task = new Task(work);
    tasks.set(task.id, task);
    return { resultType: 'task', ...task.summary(), content: [] };
  };
  const tool = (name, shape, handler) =>
    server.registerTool(name, { description: 'May become a task', inputSchema: z.object(shape) }, handler);

  tool('greet', { name: z.string() }, ({ name }) => text(`Hello, ${name}!`));
  const timed = { seconds: z.number().min(0), label: z.string().optional() };
  tool('slow_compute', timed, async ({ seconds, label }, ctx) => {
    const work = async ({ signal }) => {
      await delay(seconds * 1000, undefined, { signal });
      return text(`${label} took ${seconds} s`);
    };
    return declares(ctx) ? start(work) : work(ctx.mcpReq);
  });
  tool('failing_job', {}, () => start(async () => ({ ...text('the job failed'), isError: true })));
  const broken = () => Promise.reject(new Error('the job broke'));
  tool('protocol_error_job', {}, () => start(broken));
  const asking = (questions, done) => async (task) => {
    await task.ask(questions);
    return text(done);
  };
  const names = { first: askFor('first'), second: askFor('second') };
  tool('multi_input', {}, () => start(asking(names, 'both answered')));
  const confirm = { confirm: askFor('confirm', 'boolean') };
  tool('confirm_delete', { filename: z.string().optional() }, ({ filename }) =>
    start(asking(confirm, `${filename} deleted`)),
  );
  tool('test_tool_with_task', {}, (_, ctx) => {
    const name = acceptedContent(ctx.mcpReq.inputResponses, 'user_name')?.name;
    if (name === undefined) return inputRequired({ inputRequests: { user_name: askFor('name') } });
    return start(async () => text(`Done for ${name}`));
  });
}

function registerTaskMethods(server, tasks) {
  const params = z.looseObject({ taskId: z.string() });
  const method = (name, answer) =>
    server.setRequestHandler(name, { params }, ({ taskId }, ctx) => {
      demandTasks(ctx);
      const task = tasks.get(taskId);
      if (task === undefined) throw new ProtocolError(-32602, 'No such task');
      return answer(task, ctx.mcpReq.inputResponses) ?? {};
    });
  method('tasks/get', (task) => task.detail());
  method('tasks/update', (task, responses) => task.answer(responses ?? {}));
  method('tasks/cancel', (task) => task.cancel());
}

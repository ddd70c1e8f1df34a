// A server of 2026-07-28 with the tasks extension, which the SDK does not have: the tool `export` becomes a task where the
// request declares the extension, and answers at once where it does not. `tasks/update` finishes a task.
const TASKS = 'io.modelcontextprotocol/tasks';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const META = { 'io.modelcontextprotocol/serverInfo': { name: 'tasks', version: '1' } };
const TOOLS = ['export', 'plain'].map((name) => ({ name, inputSchema: { type: 'object' } }));
const DONE = { content: [{ type: 'text', text: 'exported' }], isError: false };

export class TaskServer {
  /** Every message, as it came. */
  received = [];
  #tasks = new Map();
  #listeners = new Map();

  /** @returns the answer, or undefined when there is none (yet); what is pushed goes through `push` */
  handle(message, push) {
    this.received.push(message);
    const { id, method, params } = message;
    if (id === undefined) return undefined;
    const result = (members) => ({ jsonrpc: '2.0', id, result: { resultType: 'complete', _meta: META, ...members } });
    const error = (code, text) => ({ jsonrpc: '2.0', id, error: { code, message: text } });
    const declared = params?._meta?.[CAPABILITIES]?.extensions?.[TASKS] !== undefined;
    const task = this.#tasks.get(params?.taskId);
    switch (method) {
      case 'server/discover':
        return result({
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {}, extensions: { [TASKS]: {}, 'com.example/other': {} } },
          ttlMs: 0,
          cacheScope: 'private',
        });
      case 'tools/list':
        return result({ tools: TOOLS, ttlMs: 0, cacheScope: 'private' });
      case 'tools/call':
        if (params.name !== 'export' || !declared) return result(DONE);
        return result({ resultType: 'task', ...this.#create() });
      case 'tasks/get':
        return task === undefined ? error(-32602, 'Task not found') : result(task);
      case 'tasks/update':
        if (task === undefined) return error(-32602, 'Task not found');
        this.#change(task, { status: 'completed', result: DONE });
        return result({});
      case 'tasks/cancel':
        if (task === undefined) return error(-32602, 'Task not found');
        this.#change(task, { status: 'cancelled' });
        return result({});
      case 'subscriptions/listen':
        return this.#listen(id, params, push);
      default:
        return error(-32601, 'Method not found');
    }
  }

  gone(id) {
    this.#listeners.delete(id);
  }

  #create() {
    const taskId = `task ${this.#tasks.size + 1} ü`;
    const at = '2026-07-28T00:00:00Z';
    const task = { taskId, status: 'working', createdAt: at, lastUpdatedAt: at, ttlMs: 60_000, pollIntervalMs: 10 };
    this.#tasks.set(taskId, task);
    return task;
  }

  #change(task, news) {
    Object.assign(task, news);
    for (const [id, { taskIds, push }] of this.#listeners) {
      if (!taskIds.includes(task.taskId)) continue;
      push({ jsonrpc: '2.0', method: 'notifications/tasks', params: { ...task, _meta: { [SUBSCRIPTION]: id } } });
    }
  }

  #listen(id, params, push) {
    const taskIds = (params.notifications.taskIds ?? []).filter((taskId) => this.#tasks.has(taskId));
    this.#listeners.set(id, { taskIds, push });
    const method = 'notifications/subscriptions/acknowledged';
    push({ jsonrpc: '2.0', method, params: { notifications: { taskIds }, _meta: { [SUBSCRIPTION]: id } } });
    return undefined;
  }
}

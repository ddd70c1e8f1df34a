// An MCP server in as few lines as will do, for what only a real process can show.
// node server.mjs legacy|modern [quirk...]
//   noise             prints what is no message before each answer
//   fork              has a child of its own, which holds stdout open
//   stubborn          ignores the end of stdin and SIGTERM
//   exit-early        leaves when spoken to before `initialize`
//   silent-early      says nothing before `initialize`
//   logs              declares that it sends log lines
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [era, ...quirks] = process.argv.slice(2);
const is = (quirk) => quirks.includes(quirk);
const COMPLETE = era === 'modern' ? { resultType: 'complete' } : {};
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

const received = [];
const listening = new Set();
const streaming = new Set();
const tardy = new Set();
let waitingFor;
const grandchild = is('fork') ? spawn('sleep', ['1000'], { stdio: ['ignore', 'inherit', 'inherit'] }).pid : undefined;
if (is('stubborn')) {
  process.on('SIGTERM', () => {});
  setInterval(() => {}, 1000);
}

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const notify = (method, params) => send({ method, params });
const fail = (id, code, message) => send({ id, error: { code, message } });

function answer(id, value) {
  if (is('noise')) {
    process.stdout.write(
      'Server ready!\n\n\x1b[31mred\x1b[0m\n\x00\xff\xfe\n{"jsonrpc":"2.0"}\n{"half":\n[]\n"text"\n',
    );
    process.stdout.write(Buffer.from([0xff, 0xfe, 0x0a, 0xef, 0xbb, 0xbf]));
  }
  send({ id, result: { ...COMPLETE, content: [{ type: 'text', text: JSON.stringify(value) }] } });
}

const tools = {
  echo: (id, { arguments: args }) => answer(id, args),
  identity: (id) => answer(id, { pid: process.pid, grandchild, environment: process.env, cwd: process.cwd() }),
  received: (id) => answer(id, received),
  progress(id, { _meta }) {
    for (const step of [1, 2, 3])
      notify('notifications/progress', { progressToken: _meta?.progressToken, progress: step });
    answer(id, 'done');
  },
  // Repeats the caller's words: in `turns` notifications, among those of other calls, and in the answer.
  say(id, { arguments: { words, turns, aside = words }, _meta }) {
    const turn = (progress) => {
      if (progress > turns) return answer(id, words);
      notify('notifications/progress', { progressToken: _meta?.progressToken, progress, message: aside });
      setImmediate(turn, progress + 1);
    };
    turn(1);
  },
  hang() {},
  // Answers a call when it is taken back.
  late: (id) => tardy.add(id),
  // Notifications of `size` bytes, as many as fit, until the call is taken back.
  stream(id, { arguments: { size = 65536 } = {}, _meta }) {
    const message = 'x'.repeat(size);
    streaming.add(id);
    const more = (progress) => {
      if (!streaming.has(id)) return;
      notify('notifications/progress', { progressToken: _meta?.progressToken, progress, message });
      if (process.stdout.writableNeedDrain) process.stdout.once('drain', () => more(progress + 1));
      else setImmediate(more, progress + 1);
    };
    more(1);
  },
  log(id) {
    notify('notifications/message', { level: 'info', data: `log of ${id}` });
    answer(id, 'logged');
  },
  announce(id, { arguments: args }) {
    notify('notifications/tools/list_changed');
    notify('notifications/resources/updated', { uri: args?.uri });
    notify('notifications/message', { level: 'info', data: 'secret of one session' });
    for (const subscription of listening)
      notify('notifications/tools/list_changed', { _meta: { [SUBSCRIPTION]: subscription } });
    answer(id, 'announced');
  },
  // All that a modern server may not say while a call is under way, or only to a call that asked for it.
  strays(id) {
    notify('notifications/progress', { progressToken: id, progress: 1, message: 'own' });
    notify('notifications/progress', { progressToken: id + 1, progress: 1, message: 'of another call' });
    notify('notifications/progress', { progressToken: 'mine', progress: 1, message: 'a guess' });
    notify('notifications/message', { level: 'info', data: 'log line' });
    notify('notifications/tools/list_changed');
    notify('notifications/resources/updated', { uri: 'a:1' });
    notify('notifications/cancelled', { requestId: id });
    notify('notifications/vendor', {});
    send({ id: 'q1', method: 'roots/list' });
    answer(id, 'enough');
  },
  ask(id) {
    send({ id: 'q1', method: 'roots/list' });
    waitingFor = (reply) => answer(id, reply.result ?? reply.error);
  },
  // The same question again under the id of the first, which is open.
  'ask-twice'(id) {
    send({ id: 'q1', method: 'roots/list' });
    tools.ask(id);
  },
  // As many questions as may be open and one more, or one whose id is `letters` long; answers with the first error.
  'ask-much'(id, { arguments: { letters } = {} }) {
    waitingFor = (reply) => reply.error && answer(id, { id: reply.id, code: reply.error.code });
    if (letters !== undefined) return send({ id: 'x'.repeat(letters), method: 'roots/list' });
    for (let n = 1; n <= 65; n += 1) send({ id: n, method: 'roots/list' });
  },
  // Asks, and does not wait for the answer to speak on.
  'ask-and-speak'(id, { _meta }) {
    const method = 'notifications/progress';
    const said = [
      { id: 'q3', method: 'roots/list' },
      { method, params: { progressToken: _meta?.progressToken, progress: 1 } },
      { method, params: { progressToken: _meta?.progressToken, progress: 2 } },
      { id, result: { content: [] } },
    ];
    // In one write, so that nothing is judged before all of it is there.
    process.stdout.write(said.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join(''));
  },
  'ping-later'(id) {
    answer(id, 'pinging');
    send({ id: 'q2', method: 'ping' });
  },
  // Asks when no call waits any more; what comes of it is among what was received.
  'ask-later'(id) {
    answer(id, 'asked');
    send({ id: 'q2', method: 'roots/list' });
  },
  // Its messages in one line, as an array (2025-03-26).
  batch(id, { _meta }) {
    const progress = (step) => ({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: _meta?.progressToken, progress: step },
    });
    const result = { content: [{ type: 'text', text: '"batched"' }] };
    process.stdout.write(`${JSON.stringify([progress(1), progress(2), { jsonrpc: '2.0', id, result }])}\n`);
  },
  // A task, whose progress comes after the call (2025-11-25), and progress of a call that never was.
  'make-task'(id, { _meta }) {
    send({ id, result: { task: { taskId: 't-1', status: 'working', createdAt: '', lastUpdatedAt: '', ttl: null } } });
    notify('notifications/progress', { progressToken: id + 1000, progress: 1, message: 'of none' });
    notify('notifications/progress', { progressToken: _meta?.progressToken, progress: 1, message: 'going on' });
    notify('notifications/tools/list_changed');
  },
  'ask-in-vain'(id) {
    tools['ask-later'](id);
    notify('notifications/cancelled', { requestId: 'q2', reason: 'no longer needed' });
  },
  'take-back'(id) {
    answer(id, 'taken back');
    notify('notifications/cancelled', { requestId: 'q2', reason: 'no longer needed' });
  },
  'wrong-id'(id) {
    send({ id: id + 1000, result: {} });
    send({ id: String(id), result: {} });
    answer(id, 'right');
  },
  exit: () => process.exit(3),
  'die-mid-answer': (id) => process.stdout.write(`{"jsonrpc":"2.0","id":${id},"resu`, () => process.exit(1)),
  'answer-and-die'(id) {
    answer(id, 'last words');
    process.stdout.write('', () => process.exit(1));
  },
  'close-stdout': () => closeSync(1),
  'read-no-more'(id) {
    lines.pause();
    process.stdin.pause();
    setInterval(() => {}, 1000);
    answer(id, 'not listening');
  },
  // One line without an end.
  flood(_id, { arguments: { megabytes = 50 } = {} }) {
    const chunk = 'x'.repeat(1024 * 1024);
    let left = megabytes;
    const more = () => {
      while (left-- > 0) if (!process.stdout.write(chunk)) return process.stdout.once('drain', more);
    };
    more();
  },
  mutter(id, { arguments: { megabytes = 2 } = {} }) {
    const chunk = `${'e'.repeat(1000)}\n`.repeat(1000);
    const more = (left) => (left === 0 ? answer(id, 'muttered') : process.stderr.write(chunk, () => more(left - 1)));
    more(megabytes);
  },
  // The answer byte by byte, so that no read of the gateway's holds a whole character.
  dribble(id, { arguments: { text } }) {
    const result = { ...COMPLETE, content: [{ type: 'text', text: JSON.stringify(text) }] };
    const bytes = Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\r\n`);
    const next = (at) =>
      at < bytes.length && process.stdout.write(bytes.subarray(at, at + 1), () => setImmediate(next, at + 1));
    next(0);
  },
  // Noise, a notification and the answer in one write.
  burst(id, { _meta }) {
    const lines = [
      '\ufeff\x1b[2J Server ready!',
      '',
      JSON.stringify({
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: _meta?.progressToken, progress: 1 },
      }),
      '\x00\x01 not json',
      JSON.stringify({ jsonrpc: '2.0', id, result: { ...COMPLETE, content: [{ type: 'text', text: '"burst"' }] } }),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  },
};

const methods = {
  ping: (id) => send({ id, result: {} }),
  'tools/list': (id) => {
    const list = Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } }));
    send({ id, result: { ...COMPLETE, tools: list } });
  },
  'tools/call': (id, params) =>
    tools[params.name] ? tools[params.name](id, params) : fail(id, -32602, 'Unknown tool'),
  'resources/subscribe': (id) => send({ id, result: {} }),
  'resources/unsubscribe': (id) => send({ id, result: {} }),
  'logging/setLevel': (id) => send({ id, result: {} }),
  ...(era === 'legacy'
    ? {
        initialize: (id, { protocolVersion }) =>
          send({
            id,
            result: {
              protocolVersion,
              capabilities: { tools: {}, ...(is('logs') ? { logging: {} } : {}) },
              serverInfo: { name: 'small', version: '1', vendor: 1 },
            },
          }),
      }
    : {
        initialize: (id) => fail(id, -32022, 'Unsupported protocol version'),
        'server/discover': (id) =>
          send({ id, result: { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} } }),
        'subscriptions/listen'(id, { notifications = {} }) {
          listening.add(id);
          notify('notifications/subscriptions/acknowledged', { notifications, _meta: { [SUBSCRIPTION]: id } });
        },
      }),
};

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const message = JSON.parse(line);
  received.push(message);
  if (message.method === 'notifications/cancelled') {
    listening.delete(message.params.requestId);
    streaming.delete(message.params.requestId);
    if (tardy.delete(message.params.requestId)) answer(message.params.requestId, 'too late');
  }
  if (message.method === undefined) return waitingFor?.(message);
  if (message.id === undefined) return;
  if (received.length === 1 && message.method !== 'initialize') {
    if (is('exit-early')) process.exit(1);
    if (is('silent-early')) return;
  }
  const method = methods[message.method];
  if (method) method(message.id, message.params);
  else fail(message.id, -32601, 'Method not found');
});
lines.on('close', () => {
  if (!is('stubborn')) process.exit(0);
});

// The load generator: a closed loop over keep-alive connections, each with one call under way. Takes commands over IPC.
import { FIRST_ID, INITIALIZE, INITIALIZED, request, sessionHeaders, streamRequest, toolCall } from './calls.mjs';
import { Connection } from './connection.mjs';

/** Sets of open connections by name: { callers, failed }. */
const sets = new Map();
let nextId = FIRST_ID;

async function openSession(connection, target) {
  const { status, head, start } = await connection.ask(request(target, [], INITIALIZE));
  const session = /\r\nmcp-session-id: *([^\r]+)/i.exec(head)?.[1];
  if (status !== 200 || session === undefined) throw new Error(`initialize was answered ${status} ${start}`);
  const told = await connection.ask(request(target, sessionHeaders(session), INITIALIZED));
  if (told.status !== 202) throw new Error(`notifications/initialized was answered ${told.status}`);
  return session;
}

/**
 * Opens the connections of one set, on the legacy era with a session each, or with `oneSession` one for all of them.
 * A bridge that starts a process for each session would otherwise be measured by its processes.
 */
async function open({ name, target, connections, tool, legacy, oneSession }) {
  const set = { callers: [], lost: 0 };
  let shared;
  sets.set(name, set);
  for (let i = 0; i < connections; i++) {
    const connection = await Connection.open(target.port, () => {
      set.lost += 1;
    });
    const session = legacy ? (shared ?? (await openSession(connection, target))) : undefined;
    if (oneSession) shared = session;
    const call = toolCall(target, tool, session);
    // A connection that has not asked anything is cut after a few seconds, and others may be measured first.
    await connection.ask(call.before + nextId++ + call.after);
    set.callers.push({ connection, call });
  }
}

function close({ name }) {
  for (const { connection } of sets.get(name)?.callers ?? []) connection?.close();
  sets.delete(name);
}

/** What our own servers and the gateway begin with, or, of other makers, a stream with the same members in any order. */
function isResult(start, id) {
  if (start.startsWith(`{"jsonrpc":"2.0","id":${id},"result":`)) return true;
  return start.includes('\ndata: {') && start.includes('"result":{') && start.includes(`"id":${id}`);
}

/** Calls for that many seconds. Latencies in ms. `failed`: not 200, no result, or an answer to another call. */
async function run({ name, seconds }) {
  const set = sets.get(name);
  const latencies = [];
  let failed = set.lost;
  let sample;
  const began = performance.now();
  const until = began + seconds * 1_000;
  const loop = ({ connection, call }) =>
    new Promise((resolve) => {
      const next = () => {
        const sentAt = performance.now();
        if (sentAt >= until) return resolve();
        const id = nextId++;
        connection.send(call.before + id + call.after, ({ status, start, head }) => {
          latencies.push(performance.now() - sentAt);
          if (status !== 200 || !isResult(start, id)) {
            failed += 1;
            sample ??= `${head}\n${start}`;
          }
          next();
        });
      };
      next();
      // A call whose connection is lost has no answer; the round must end all the same.
      setTimeout(resolve, seconds * 1_000 + 5_000).unref();
    });
  await Promise.all(set.callers.map(loop));
  const elapsed = (performance.now() - began) / 1_000;
  const sorted = Float64Array.from(latencies).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { requests: sorted.length, seconds: elapsed, p50: at(0.5), p99: at(0.99), failed, sample };
}

/** Opens idle sessions, or the GET stream of each session opened before. @returns how many there are */
async function hold({ name, target, sessions }) {
  const set = { callers: [], lost: 0 };
  sets.set(name, set);
  for (let i = 0; i < sessions; i++) {
    const connection = await Connection.open(target.port, () => {});
    const session = await openSession(connection, target);
    connection.close();
    set.callers.push({ session });
  }
  return set.callers.length;
}

async function openStreams({ name, target }) {
  let opened = 0;
  for (const caller of sets.get(name).callers) {
    caller.connection = await Connection.open(target.port, () => {});
    if ((await caller.connection.openStream(streamRequest(target, sessionHeaders(caller.session)))) === 200)
      opened += 1;
  }
  return opened;
}

const COMMANDS = { open, close, run, hold, openStreams };

process.on('message', ({ command, args }) => {
  Promise.resolve(COMMANDS[command](args)).then(
    (value) => process.send({ value }),
    (error) => process.send({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send({});

// Child processes: what is measured has one processor to itself, what measures has another.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { availableParallelism } from 'node:os';

export const MEASURED = 0;
export const MEASURING = 1;

const pins = availableParallelism() >= 2 && spawnSync('taskset', ['-V']).status === 0;

/** Whether processes were kept apart; without it the load and the gateway compete and the figures say little. */
export const pinned = pins;

const running = new Set();

/**
 * Starts a Node process and resolves with its first message: over IPC for the helpers here, from the ready
 * descriptor for the gateway. @throws Error with its output when it ends before that
 */
export async function start(script, { args = [], cpu, env = {}, execArgv = [], gateway = false }) {
  const node = [process.execPath, ...execArgv, script, ...args];
  const [program, ...rest] = onProcessor(cpu, node);
  const child = spawn(program, rest, {
    env: { PATH: process.env.PATH, ...env, ...(gateway ? { SALLYPORT_READY_FD: '3' } : {}) },
    stdio: ['ignore', 'pipe', 'pipe', gateway ? 'pipe' : 'ipc'],
  });
  const handle = adopt(child, script);
  handle.ready = await Promise.race([
    gateway ? firstLine(child.stdio[3]) : new Promise((resolve) => child.once('message', resolve)),
    endedEarly(handle),
  ]);
  return handle;
}

/** The command line that runs a program on one processor only. */
export const onProcessor = (cpu, command) => (pins ? ['taskset', '-c', String(cpu), ...command] : command);

/** Takes charge of a process: its output is kept for the day it fails, and it is ended with the others. */
export function adopt(child, name) {
  const handle = { child, name, pid: child.pid, output: '', ready: undefined };
  handle.ended = new Promise((resolve) => child.once('close', resolve)).then(() => running.delete(handle));
  running.add(handle);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      if (handle.output.length < 65_536) handle.output += chunk;
    });
  }
  return handle;
}

function endedEarly(handle) {
  return handle.ended.then(() => {
    throw new Error(`${handle.name} ended before it was ready:\n${handle.output}`);
  });
}

/** A port nobody listens on, for a program that cannot choose one by itself. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when a process accepts connections. @throws Error with its output when it ends first */
export async function untilListening(port, handle) {
  const early = endedEarly(handle);
  early.catch(() => {}); // once it listens, its end is no failure
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = once(socket, 'connect').then(
      () => true,
      () => false,
    );
    const found = await Promise.race([isOpen, early]);
    socket.destroy();
    if (found) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ends a process the way a service manager does; resolves when it is gone. */
export async function stop(handle) {
  handle.child.kill('SIGTERM');
  const late = setTimeout(() => handle.child.kill('SIGKILL'), 10_000);
  await handle.ended;
  clearTimeout(late);
}

export async function stopAll() {
  await Promise.all([...running].map(stop));
}

/** CPU time of all threads so far, in microseconds. Nanoseconds are counted by the scheduler; where not, ticks are 10 ms. */
export function cpuOf(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const read = (thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    return threads.reduce((sum, thread) => sum + read(thread), 0) / 1e3;
  } catch {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  }
}

/** Resident memory in KiB. */
export function rssOf(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}

async function firstLine(stream) {
  let text = '';
  for await (const chunk of stream) {
    text += chunk;
    if (text.includes('\n')) return JSON.parse(text.slice(0, text.indexOf('\n')));
  }
  return new Promise(() => {}); // the process is ending, and its end says why
}

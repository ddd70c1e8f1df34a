import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { onOneLine } from '../jsonrpc/edits.ts';
import type { Log } from '../telemetry/log.ts';
import type { ChildSecrets } from './child-secrets.ts';
import { LineFramer } from './line-framer.ts';
import { LogQuota, printable } from './log-quota.ts';
import { leadsGroup, signalGroup, wasReaped } from './process-group.ts';
import { explainStartFailure } from './start-failure.ts';
import { TailBuffer } from './tail-buffer.ts';

const STDIN_QUEUE_BYTES = 16 * 1024 * 1024;
const STDERR_LINE_BYTES = 4096;
const STDERR_LINES_PER_MINUTE = 60;
const STDERR_IN_DETAIL = 600;
const NEWLINE = 0x0a;

/** How long a child gets, in milliseconds. */
export interface ChildTiming {
  /** After stdin was closed, and again after SIGTERM, before the next and harder step. */
  readonly graceMs: number;
  /** To drain its pipes once it has exited: a process that left the group may hold them open for ever. */
  readonly drainMs: number;
}

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly lineBytes: number;
  readonly stderrBytes: number;
  /** What must not be repeated in a log when the child prints it. */
  readonly secrets: ChildSecrets;
}

export interface ChildExit {
  /** True when the gateway ended it on purpose. */
  readonly expected: boolean;
  /** True when there never was a process. */
  readonly neverStarted: boolean;
  /** Public: `exited with code 1`. */
  readonly summary: string;
  /** Private: the summary, what went wrong, and the last words on stderr. */
  readonly detail: string;
  /** What the operator can do. */
  readonly remedy: string;
  readonly lifetimeMs: number;
}

/** Who reads what the child says. Never called from inside the constructor. */
export interface ChildReader {
  /** One non-empty line of stdout, whatever it holds. */
  line(bytes: Buffer): void;
  /** The process is reaped, its group is killed and its pipes are drained. Called exactly once, last. */
  exited(exit: ChildExit): void;
}

/**
 * One child process, from spawn to burial.
 *
 * It runs without a shell, in its own process group, and the group never outlives it: whatever way the child ends,
 * SIGKILL goes to the whole group the moment it is reaped. Only a process that left the group by itself (setsid) escapes.
 */
export class ChildProcess {
  /** Undefined when there is no process: the start failed, and `exited` is about to say so. */
  readonly pid: number | undefined;
  /** Resolves after the reader was told of the exit. */
  readonly gone: Promise<void>;
  /** Read of its stdout so far. */
  heardBytes = 0;
  readonly #process: ChildProcessWithoutNullStreams | undefined;
  readonly #reader: ChildReader;
  readonly #command: ChildCommand;
  readonly #timing: ChildTiming;
  readonly #stderr: TailBuffer;
  readonly #startedAt = performance.now();
  #resolveGone!: () => void;
  #startError: unknown;
  #fault: { summary: string; remedy: string } | undefined;
  #ending: string | undefined;
  #expected = false;
  #stopping = false;
  #finished = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(command: ChildCommand, reader: ChildReader, log: Log, timing: ChildTiming) {
    this.#command = command;
    this.#reader = reader;
    this.#timing = timing;
    this.#stderr = new TailBuffer(command.stderrBytes);
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    this.#process = this.#spawn();
    this.pid = this.#process?.pid;
    if (this.#process === undefined) setImmediate(() => this.#finish());
    else this.#wire(this.#process, log);
  }

  /**
   * Queues one message as one line. False when the queue is full or the child no longer reads: nothing was queued.
   * Line breaks between tokens become spaces, for one message is one line here, and a break a client put
   * into its body must never make a second message of the rest.
   */
  write(message: Buffer, written?: (error?: Error | null) => void): boolean {
    const stdin = this.#process?.stdin;
    if (stdin === undefined || !this.takesInput) return false;
    if (stdin.writableLength > 0 && stdin.writableLength + message.length > STDIN_QUEUE_BYTES) return false;
    stdin.write(toLine(message), written);
    return true;
  }

  /** False once it has exited or closed its end of the pipe. */
  get takesInput(): boolean {
    return this.#ending === undefined && (this.#process?.stdin.writable ?? false);
  }

  /** Stops and starts reading stdout; the child then blocks when its pipe is full. */
  pause(): void {
    if (this.#ending === undefined) this.#process?.stdout.pause();
  }

  resume(): void {
    this.#process?.stdout.resume();
  }

  /** Asks it to end: stdin closed, then SIGTERM, then SIGKILL to the group. Resolves when it is gone. Idempotent. */
  stop(): Promise<void> {
    this.#onPurpose();
    if (this.#process === undefined || this.#stopping || this.#ending !== undefined) return this.gone;
    this.#stopping = true;
    this.#process.stdin.end();
    this.resume();
    this.#after(this.#timing.graceMs, () => {
      this.#signal('SIGTERM');
      this.#after(this.#timing.graceMs, () => this.#signal('SIGKILL'));
    });
    return this.gone;
  }

  /** Ends it now, on purpose. */
  kill(): Promise<void> {
    this.#onPurpose();
    this.#signal('SIGKILL');
    return this.gone;
  }

  /** Ends it now, because it misbehaved. */
  fail(summary: string, remedy: string): void {
    if (this.#fault !== undefined || this.#expected) return;
    this.#fault = { summary, remedy };
    this.#signal('SIGKILL');
  }

  #onPurpose(): void {
    if (this.#ending === undefined && this.#fault === undefined) this.#expected = true;
  }

  #spawn(): ChildProcessWithoutNullStreams | undefined {
    const { command, args, cwd, environment } = this.#command;
    try {
      return spawn(command, [...args], {
        env: environment,
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
        shell: false,
        ...(cwd === undefined ? {} : { cwd }),
      });
    } catch (error) {
      this.#startError = error;
      return undefined;
    }
  }

  #wire(child: ChildProcessWithoutNullStreams, log: Log): void {
    if (child.pid !== undefined) leadsGroup(child.pid);
    child.on('error', (error) => {
      if (this.pid !== undefined) return;
      this.#startError = error;
      this.#finish();
    });
    child.on('exit', (code, signal) => this.#exited(code, signal));
    child.on('close', () => this.#finish());
    // A pipe that breaks under a write is news only when the child goes on living without ears.
    child.stdin.on('error', () => this.#deaf());
    child.stdout.on('error', () => {});
    child.stderr.on('error', () => {});
    this.#readOutput(child);
    this.#readErrors(child, log);
  }

  #readOutput(child: ChildProcessWithoutNullStreams): void {
    const framer = new LineFramer(this.#command.lineBytes, (line, cut) => {
      if (cut) {
        const remedy = 'raise mcps[].limits.line_bytes if the server is meant to send answers that large';
        this.fail(`wrote a line longer than ${this.#command.lineBytes} bytes`, remedy);
      } else if (line.length > 0 && this.#fault === undefined) this.#reader.line(line);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      this.heardBytes += chunk.length;
      framer.push(chunk);
    });
    child.stdout.on('end', () => {
      framer.end();
      this.#deaf();
    });
  }

  #readErrors(child: ChildProcessWithoutNullStreams, log: Log): void {
    const quota = new LogQuota(STDERR_LINES_PER_MINUTE, performance.now.bind(performance));
    const framer = new LineFramer(STDERR_LINE_BYTES, (line) => {
      if (line.length > 0 && quota.take()) log.debug('server wrote to stderr', { text: this.#shown(line) });
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr.push(chunk);
      framer.push(chunk);
    });
  }

  /** A pipe was closed on its side. It may be exiting; if it is not, it can be of no more use. */
  #deaf(): void {
    if (this.#ending !== undefined || this.#stopping || this.pid === undefined) return;
    this.#after(this.#timing.graceMs, () => {
      this.fail(
        'closed its input or output without exiting',
        'the server must keep stdin and stdout open while it runs',
      );
    });
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#ending = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    clearTimeout(this.#timer);
    wasReaped(this.pid!);
    this.resume();
    this.#after(this.#timing.drainMs, () => {
      this.#process?.stdout.destroy();
      this.#process?.stderr.destroy();
      this.#finish();
    });
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#process?.stdin.destroy();
    this.#reader.exited(this.#describe());
    this.#resolveGone();
  }

  #describe(): ChildExit {
    const lifetimeMs = performance.now() - this.#startedAt;
    if (this.pid === undefined) {
      const { summary, cause, remedy } = explainStartFailure(
        this.#startError,
        this.#command.command,
        this.#command.cwd,
      );
      return { expected: this.#expected, neverStarted: true, summary, detail: cause, remedy, lifetimeMs };
    }
    const summary = this.#fault?.summary ?? this.#ending ?? 'exited';
    const lastWords = this.#lastWords();
    const detail =
      lastWords === '' ? `${summary}; it wrote nothing to stderr` : `${summary}; last on stderr: ${lastWords}`;
    const remedy = this.#fault?.remedy ?? 'run the command by hand; check mcps[].args, mcps[].env and mcps[].env_allow';
    return { expected: this.#expected, neverStarted: false, summary, detail, remedy, lifetimeMs };
  }

  #shown(line: Buffer): string {
    return printable(Buffer.from(this.#command.secrets.hide(line.toString('utf8'))));
  }

  #lastWords(): string {
    const text = this.#stderr.read().toString('utf8').trim();
    const tail = this.#command.secrets.hide(text).slice(-STDERR_IN_DETAIL);
    return printable(Buffer.from(tail.replace(/\s*\n\s*/g, ' | ')), STDERR_IN_DETAIL);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined && this.#ending === undefined) signalGroup(this.pid, signal);
  }

  /** One timer at a time: each step of an end replaces the one before. It holds no event loop open. */
  #after(ms: number, step: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(step, ms).unref();
  }
}

function toLine(message: Buffer): Buffer {
  const line = Buffer.allocUnsafe(message.length + 1);
  onOneLine(message).copy(line);
  line[message.length] = NEWLINE;
  return line;
}

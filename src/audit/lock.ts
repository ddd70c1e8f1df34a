import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who holds the lock. `started` and `boot` tell a process from a later one that was given the same pid. */
interface Holder {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  readonly boot: string;
  readonly started: string;
}

/** A holder on another host (a container sharing the folder) counts as gone when it has not touched its lock this long. */
const FOREIGN_SILENCE_MS = 15_000;

/**
 * Keeps a second gateway off the same file: two writers would each build on a head the other does not know.
 *
 * A lock left by a killed process is taken over. `touch` must be called every few seconds.
 */
export class FileLock {
  readonly #path: string;
  readonly #holder: Holder;

  /** Takes the lock. @throws Error naming the holder when a live process has it */
  constructor(path: string) {
    this.#path = path;
    this.#holder = {
      id: randomUUID(),
      pid: process.pid,
      host: hostname(),
      boot: bootId(),
      started: processOf(process.pid).started ?? '',
    };
    this.ensure();
  }

  /** Takes the lock again where it went missing (the folder was removed). @throws Error when somebody else has it */
  ensure(): void {
    for (let attempt = 0; attempt < 5; attempt++) {
      if (this.#place()) return;
      const text = contents(this.#path);
      if (text === undefined) continue;
      const holder = parse(text);
      if (holder?.id === this.#holder.id) return;
      if (!isGone(holder, this.#path)) {
        throw new Error(
          `another gateway (pid ${holder?.pid ?? 'unknown'}) writes this audit file; its lock is ${this.#path}`,
        );
      }
      this.#remove(text);
    }
    throw new Error(`the audit lock ${this.#path} changes hands too quickly; is another gateway starting?`);
  }

  touch(): void {
    try {
      const now = Date.now() / 1000;
      utimesSync(this.#path, now, now);
    } catch {
      // A lock that went missing is put back when the file is next reopened.
    }
  }

  release(): void {
    const text = contents(this.#path);
    if (text !== undefined && parse(text)?.id === this.#holder.id) rmSync(this.#path, { force: true });
  }

  /** Written aside first and then linked, so nobody ever reads a lock without its holder. */
  #place(): boolean {
    const draft = `${this.#path}.${this.#holder.id}`;
    writeFileSync(draft, JSON.stringify(this.#holder), { mode: 0o600, flag: 'wx' });
    try {
      linkSync(draft, this.#path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** Takes a dead lock away. If another starter was faster and this is its fresh lock, puts that back. */
  #remove(judged: string): void {
    const aside = `${this.#path}.${this.#holder.id}.stale`;
    try {
      renameSync(this.#path, aside);
    } catch {
      return;
    }
    if (contents(aside) !== judged) {
      try {
        linkSync(aside, this.#path);
      } catch {
        // A third starter holds it now; the next attempt will meet its lock.
      }
    }
    rmSync(aside, { force: true });
  }
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null;
    return typeof value?.pid === 'number' && typeof value.id === 'string' ? (value as Holder) : undefined;
  } catch {
    return undefined;
  }
}

function isGone(holder: Holder | undefined, path: string): boolean {
  if (holder === undefined || holder.host !== hostname()) return silentFor(path) > FOREIGN_SILENCE_MS;
  if (holder.boot !== bootId()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const { state, started } = processOf(holder.pid);
  // A zombie holds nothing any more; its number stays taken until somebody asks how it ended.
  if (state === 'Z' || state === 'X') return true;
  return started !== undefined && holder.started !== '' && started !== holder.started;
}

function silentFor(path: string): number {
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  // A clock that was set back must not keep a dead lock alive for ever.
  return age < -FOREIGN_SILENCE_MS ? Number.POSITIVE_INFINITY : age;
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** State, and start in clock ticks since boot: fields 3 and 22 of proc_pid_stat(5). Undefined where there is no /proc. */
function processOf(pid: number): { readonly state: string | undefined; readonly started: string | undefined } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], started: fields[19] };
  } catch {
    return { state: undefined, started: undefined };
  }
}

import { GroupGuard } from './group-guard.ts';

/** Groups whose leader has not been reaped yet. While it has not, its number cannot belong to anybody else. */
const living = new Set<number>();
const guard = new GroupGuard();
let watching = false;

/**
 * Remembers that this child leads a group of its own. Should the gateway leave without stopping it (an uncaught fault,
 * `process.exit`), the whole group is killed on the way out; after `kill -9` of the gateway the guard does it.
 */
export function leadsGroup(pid: number): void {
  living.add(pid);
  guard.add(pid);
  if (watching) return;
  watching = true;
  process.on('exit', () => {
    for (const leader of living) signalGroup(leader, 'SIGKILL');
  });
}

/**
 * The leader has exited: its grandchildren go too. To be called at once on the exit event and never later,
 * for from now on the number may be given to a stranger.
 */
export function wasReaped(pid: number): void {
  if (!living.delete(pid)) return;
  signalGroup(pid, 'SIGKILL');
  guard.remove(pid);
}

/** Signals every process of the group. A group that is no more is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nobody is left. EPERM (macOS): only zombies are.
  }
}

import { readdirSync, readFileSync } from 'node:fs';
import { until } from './wait.ts';

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** One letter of proc(5): R, S, D, Z (zombie) … */
  readonly state: string;
  readonly command: string;
}

/** Every process of this machine now. Linux only (proc(5)). */
export function processes(): ProcessInfo[] {
  return readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? (read(Number(entry)) ?? []) : []));
}

function read(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold blanks and brackets itself: the fields begin after the last one.
    const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), group: Number(group), state: state as string, command };
  } catch {
    return undefined; // ended while we looked
  }
}

/** The children of a process, their children, and so on; zombies included. */
export function descendants(pid: number): ProcessInfo[] {
  const all = processes();
  const found: ProcessInfo[] = [];
  const parents = [pid];
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    for (const child of all.filter((p) => p.parent === parent)) {
      found.push(child);
      parents.push(child.pid);
    }
  }
  return found;
}

/** Is it running? A zombie, dead but not yet reaped, is not. */
export function isAlive(pid: number): boolean {
  const found = read(pid);
  return found !== undefined && found.state !== 'Z';
}

/**
 * Is it dead, with all its descriptors closed? Its first thread may have ended a moment before the others, which hold them open.
 */
export function isDead(pid: number): boolean {
  try {
    return !isAlive(pid) && readdirSync(`/proc/${pid}/task`).length <= 1;
  } catch {
    return true; // reaped
  }
}

/**
 * Waits until none of these is running any more. Take the list while they live: an orphan is no descendant.
 * @throws naming those that stayed.
 */
export async function expectGone(list: readonly ProcessInfo[], timeoutMs = 10_000): Promise<void> {
  const names = list.map((p) => `${p.pid} (${p.command})`).join(', ');
  await until(() => list.every((p) => !isAlive(p.pid)), `these processes have ended: ${names}`, timeoutMs);
}

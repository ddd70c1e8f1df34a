import { type ChildProcess, spawn } from 'node:child_process';

/** What a list of processes shows beside the script. */
const NAME = 'sallyport-group-guard';

/**
 * Reads "+ GROUP" and "- GROUP" lines. When there are no more to come, whatever groups are left are asked to end, and made
 * to two seconds later. A group that is gone is forgotten within a fifth of a second: its number may be given to others.
 */
const SCRIPT = `
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s TERM -- "-$group"; done
for tick in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for group in $groups; do kill -s 0 -- "-$group" && left="$left $group"; done
  groups=$left
  [ -z "$groups" ] && exit
  sleep 0.2
done
for group in $groups; do kill -s KILL -- "-$group"; done
`;

/**
 * Ends process groups when the gateway cannot: after `kill -9` nobody else would stop a server that ignores the end of its
 * stdin, nor the children of one that does not.
 *
 * A shell that waits at the end of a pipe, in a session of its own; it is there while there are groups to guard, and holds
 * no event loop open. Where there is no shell, children are left to notice the end of their stdin.
 */
export class GroupGuard {
  readonly #groups = new Set<number>();
  #shell: ChildProcess | undefined;

  add(group: number): void {
    this.#groups.add(group);
    if (this.#shell === undefined) this.#start();
    else this.#say('+', group);
  }

  /** To be called before the number can belong to anybody else. */
  remove(group: number): void {
    if (!this.#groups.delete(group)) return;
    this.#say('-', group);
    if (this.#groups.size > 0) return;
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }

  #start(): void {
    const shell = startShell();
    if (shell === undefined) return;
    this.#shell = shell;
    const lost = (): void => {
      if (this.#shell === shell) this.#shell = undefined;
    };
    shell.on('error', lost).on('exit', lost);
    shell.stdin?.on('error', lost);
    shell.unref();
    for (const group of this.#groups) this.#say('+', group);
  }

  #say(sign: '+' | '-', group: number): void {
    this.#shell?.stdin?.write(`${sign} ${group}\n`);
  }
}

/** Undefined where the system has no room for another process: the guard must not stop the child it is for. */
function startShell(): ChildProcess | undefined {
  try {
    return spawn('/bin/sh', ['-c', SCRIPT, NAME], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
    });
  } catch {
    return undefined;
  }
}

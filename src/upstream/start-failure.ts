import { existsSync } from 'node:fs';

/** Why a program did not start, in words for three readers. */
export interface StartFailure {
  /** Public: names neither command nor path. */
  readonly summary: string;
  /** For the operator. */
  readonly cause: string;
  /** What the operator can do about it. */
  readonly remedy: string;
}

const CAUSES: Readonly<Record<string, readonly [cause: string, remedy: string]>> = {
  EACCES: ['not allowed to run', 'make the file executable (chmod +x), or name the interpreter in mcps[].command'],
  EPERM: ['not allowed to run', 'check the permissions of the file and of the user the gateway runs as'],
  ENOTDIR: ['a part of the path is not a folder', 'correct mcps[].command or mcps[].cwd'],
  ENOEXEC: ['not a program', 'name the interpreter in mcps[].command and the script in mcps[].args'],
  E2BIG: ['arguments and environment are too long', 'shorten mcps[].args or mcps[].env'],
  EMFILE: ['the gateway has no file handles left', 'raise its limit (ulimit -n) or lower mcps[].limits.children'],
  EAGAIN: ['the system allows no more processes', 'raise the limit (ulimit -u) or lower mcps[].limits.children'],
  ENOMEM: ['the system has no memory left', 'free memory or lower mcps[].limits.children'],
};

/** Explains the error of a spawn. ENOENT names the command even where the working folder is what is missing. */
export function explainStartFailure(error: unknown, command: string, cwd: string | undefined): StartFailure {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
  if (code === 'ENOENT' && cwd !== undefined && !existsSync(cwd)) {
    return {
      summary: 'working folder not found',
      cause: `working folder not found: ${cwd}`,
      remedy: 'correct mcps[].cwd',
    };
  }
  if (code === 'ENOENT') {
    return {
      summary: 'command not found',
      cause: `command not found: ${command}`,
      remedy: 'install it or give an absolute path in mcps[].command',
    };
  }
  const [cause, remedy] = CAUSES[code] ?? [
    String((error as Error | undefined)?.message ?? code),
    'check mcps[].command',
  ];
  return { summary: `could not be run (${code})`, cause: `${cause}: ${command} (${code})`, remedy };
}

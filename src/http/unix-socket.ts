import { once } from 'node:events';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';

/** `sun_path`, less its final zero. A longer path would be cut off in silence. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

export interface SocketSettings {
  /** Absolute. */
  readonly path: string;
  /** Permission bits of the file: whoever may write to it may connect. */
  readonly mode: number;
}

/** @throws Error when no socket can have the path, whatever is there */
export function refuseLongPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return;
  throw new Error(
    `server.socket: ${path} has ${bytes} bytes, and ${MAX_PATH_BYTES} is the most a Unix socket's path may have; choose a shorter one`,
  );
}

/**
 * Listens on a Unix socket, which never has wider permissions than those asked for. What a dead process left there is
 * replaced; what answers is somebody else's. Node removes the file when the server closes.
 * @throws Error that says which and what to do: a path too long, a file that is no socket, a live process behind it
 */
export async function listenOnSocket(server: Server, { path, mode }: SocketSettings): Promise<void> {
  refuseLongPath(path);
  await removeStale(path);
  const listening = once(server, 'listening');
  const umask = process.umask(0o777 & ~mode);
  try {
    server.listen({ path, backlog: 1024 });
  } finally {
    process.umask(umask); // it is bound within `listen`
  }
  try {
    await listening;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw inUse(path);
    throw new Error(`server.socket: cannot make ${path} (${code}); its folder must be there and writable`, {
      cause: error,
    });
  }
  chmodSync(path, mode); // the umask takes bits away, and no default adds any
}

async function removeStale(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new Error(`server.socket: ${path} is there and is no socket; remove it, or choose another path`);
  }
  if (!(await isDead(path))) throw inUse(path);
  unlinkSync(path);
}

/** Nobody listens. A process that is too busy to answer, or may not be asked, is alive. */
async function isDead(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

function inUse(path: string): Error {
  return new Error(`server.socket: another process listens on ${path}; stop it, or choose another path`);
}

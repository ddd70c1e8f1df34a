import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync } from 'node:fs';

// O_NONBLOCK: opening a FIFO nobody reads must fail, not hang. It means nothing for a regular file.
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOFOLLOW;

const RECORD_BEGIN = '{"seq":';

/** A link could lead the record, and what is put right in it, into somebody else's file. */
function openHere(path: string): number {
  try {
    return openSync(path, FLAGS, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    throw new Error(`${path} is a symbolic link; name the file itself in audit.file`);
  }
}

/** Empty, or begun by this program: a first line that a crash cut short still begins like one. */
function looksLikeRecord(fd: number): boolean {
  const begin = Buffer.alloc(RECORD_BEGIN.length);
  const length = readSync(fd, begin, 0, begin.length, 0);
  return RECORD_BEGIN.startsWith(begin.toString('latin1', 0, length));
}

/**
 * Opens or makes the file of a record, 0600.
 *
 * @throws Error naming the path when it is a link, no regular file, or holds something else
 */
export function openRegular(path: string): number {
  const fd = openHere(path);
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${path} is not a regular file`);
    if (!looksLikeRecord(fd)) {
      throw new Error(`${path} holds something that is no audit record; move it away or name another in audit.file`);
    }
    fchmodSync(fd, 0o600);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

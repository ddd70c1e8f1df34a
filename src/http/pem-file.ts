import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Larger files are a mistake; the bundle of all public authorities is about 220 KiB. */
const MOST_BYTES = 4_194_304;

export interface PemFile {
  readonly text: string;
  readonly mode: number;
}

/** Why a file cannot be read, and what to do about it. Never holds a byte of the file. */
export interface Unreadable {
  readonly reason: string;
  readonly remedy: string;
}

/** The file that is judged is the file that is read: everything happens on one descriptor. */
export function readPem(file: string): PemFile | Unreadable {
  let descriptor: number | undefined;
  try {
    // Non-blocking, or a named pipe would hold the start for ever.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return { reason: 'is not a regular file', remedy: 'Name a file of PEM text.' };
    if (stats.size > MOST_BYTES) return { reason: 'is larger than 4 MiB', remedy: 'Name a file of PEM text alone.' };
    const buffer = Buffer.alloc(stats.size + 1);
    let length = 0;
    for (let read = -1; read !== 0; length += read) {
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (length + read === buffer.length)
        return { reason: 'grew while it was read', remedy: 'Try again when it is written.' };
    }
    return { text: buffer.toString('latin1', 0, length), mode: stats.mode & 0o777 };
  } catch (error) {
    return unreadable(file, (error as NodeJS.ErrnoException).code);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function unreadable(file: string, code = 'unknown error'): Unreadable {
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return { reason: 'does not exist', remedy: 'Name a file that does, or put it there.' };
  const reason = `cannot be read (${code})`;
  const isForbidden = code === 'EACCES' || code === 'EPERM';
  return { reason, remedy: isForbidden ? `Make ${file} readable for this user.` : 'Name a file that can.' };
}

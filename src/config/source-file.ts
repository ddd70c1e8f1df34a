import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import type { Fault } from './fault.ts';

/** Larger files are a mistake or an attack; the longest real configuration is a few dozen KiB. */
const MOST_BYTES = 1_048_576;

/** A file's text, or why it cannot be used. */
export interface SourceText {
  readonly text: string;
  /** Permission bits, for warnings about readers. */
  readonly mode: number;
}

/**
 * Why a file that nobody named must not be believed, or undefined. The configuration names commands to run, so whoever
 * can write it can run them: only the user's own (or root's) file counts, and only if nobody else can write it.
 */
function distrust(link: Stats, file: Stats): string | undefined {
  const user = process.getuid?.();
  if (user === undefined) return undefined;
  const foreign = [link, file].some(({ uid }) => uid !== user && uid !== 0);
  if (foreign) return 'belongs to another user';
  return (file.mode & 0o022) !== 0 ? 'can be written by other users' : undefined;
}

/** Reads all of an open regular file, up to the limit. */
function readAll(descriptor: number): Buffer {
  const buffer = Buffer.allocUnsafe(MOST_BYTES + 1);
  let length = 0;
  for (;;) {
    const read = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (read === 0) return buffer.subarray(0, length);
    length += read;
  }
}

/**
 * Reads a UTF-8 text file. The file that is judged is the file that is read: everything happens on one descriptor.
 *
 * @param shown the name used in faults
 * @param found true when the file was found by itself, so that the ownership rule applies; `named` is how to name it instead
 * @returns undefined when there is no such file
 */
export function readSource(
  path: string,
  shown: string,
  found: boolean,
  remedy = `chmod go-w ${shown}`,
): SourceText | Fault | undefined {
  let descriptor: number | undefined;
  const refuse = (problem: string): Fault => ({ code: 'file', source: shown, problem });
  try {
    const link = lstatSync(path);
    // Non-blocking, or a named pipe would hold the start for ever.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const file = fstatSync(descriptor);
    if (!file.isFile()) return refuse('is not a regular file');
    const doubt = found ? distrust(link, file) : undefined;
    if (doubt !== undefined) return { code: 'untrusted-file', source: shown, problem: doubt, remedy };
    if (file.size > MOST_BYTES) return refuse('is larger than 1 MiB');
    const content = readAll(descriptor);
    if (content.length > MOST_BYTES) return refuse('is larger than 1 MiB');
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(content), mode: file.mode & 0o777 };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return refuse('is not UTF-8 text');
    return refuse(`cannot be read (${code ?? 'unknown error'})`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** True when {@link readSource} gave a reason instead of a text. */
export function isFault(reading: SourceText | Fault): reading is Fault {
  return 'problem' in reading;
}
